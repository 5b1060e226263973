"""spafit against transformers' Trainer with peft: wall time and test accuracy, side by side.

    python -m benchmarks.vs_trainer [--seeds 5] [--grouped 3] [--others 3]
    python -m benchmarks.vs_trainer --second-runs 3 --names SPAFIT-4-5

Contenders alternate, each run in a fresh process. `first` is spafit with nothing cached, `again` the same run once
more, with the prefix that the first one left on the disk; `first fp32` has its bf16 products switched off. The second
form runs nothing but `first` and `again`, one right after the other, and leaves the other results as they are.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.contenders import measure
from benchmarks.reporting import earlier, machine, save, table

MAIN = ("SPAFIT-2-4", "SPAFIT-4-5")
OTHERS = ("Full", "LoRA", "BitFit", "Probe")


def contest(name: str, seeds: int, grouped: int) -> dict[str, list[dict[str, Any]]]:
    """All runs of one setting, contenders alternating: contender -> its runs."""
    contenders = ("first", "first fp32", "again", "trainer", "trainer grouped bf16")
    runs: dict[str, list[dict[str, Any]]] = {who: [] for who in contenders}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            job = {"name": name, "seed": seed}
            runs["first"].append(measure(job | {"who": "ours"}, home))
            runs["trainer"].append(measure(job | {"who": "trainer"}, home))
            if seed < grouped:
                runs["again"].append(measure(job | {"who": "ours"}, home))
                fast = job | {"who": "trainer", "grouped": True, "bf16": True}
                runs["trainer grouped bf16"].append(measure(fast, home))
                runs["first fp32"].append(measure(job | {"who": "ours", "precision": "fp32"}, home))
        print(
            f"{name} seed {seed}: " + ", ".join(f"{k} {v[-1]['seconds']:.1f} s" for k, v in runs.items() if v),
            flush=True,
        )
    return runs


def second_runs(name: str, repeats: int) -> dict[str, list[float]]:
    """Seconds of runs with nothing cached, and of the same runs right after each."""
    seconds: dict[str, list[float]] = {"first": [], "again": []}
    for seed in range(repeats):
        with tempfile.TemporaryDirectory() as home:
            for made in seconds.values():
                made.append(round(measure({"who": "ours", "name": name, "seed": seed}, Path(home))["seconds"], 2))
    return seconds


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean time, mean accuracy with its standard error over the seeds, peak memory, errors of the time left."""
    scores = [run["test"] for run in runs]
    estimates = [(run["remaining_after_tenth"], run["truly_remaining"]) for run in runs if "truly_remaining" in run]
    errors = [round(estimate / true - 1, 3) for estimate, true in estimates]
    return {
        "runs": len(runs),
        "seconds": round(statistics.fmean(run["seconds"] for run in runs), 2),
        "processor_seconds": round(statistics.fmean(run["processor_seconds"] for run in runs), 2),
        "each": [round(run["seconds"], 2) for run in runs],
        "accuracy": round(statistics.fmean(scores), 4),
        "accuracies": [round(score, 4) for score in scores],
        "standard_error": round(statistics.stdev(scores) / math.sqrt(len(scores)), 4) if len(scores) > 1 else None,
        "peak_megabytes": round(max(run["peak"] for run in runs) / 1e6),
        **({"time_left_after_a_tenth_off_by": errors} if errors else {}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="of both contenders in the main settings")
    parser.add_argument(
        "--grouped", type=int, default=3, help="repeats of the second run and of Trainer's fast settings"
    )
    parser.add_argument("--others", type=int, default=3, help="repeats of the other methods")
    parser.add_argument(
        "--names", nargs="*", default=list(MAIN + OTHERS), help="settings; the others keep their results"
    )
    parser.add_argument("--second-runs", type=int, default=0, help="pairs of a first and a second run, nothing else")
    options = parser.parse_args()
    facts = machine()
    measured_at = {key: facts[key] for key in ("commit", "when", "load_before")}
    results: dict[str, Any] = earlier("vs_trainer").get("settings", {})
    rows = []
    if options.second_runs:
        for name in options.names:
            pairs = second_runs(name, options.second_runs)
            results[name]["second_runs"] = pairs | {"measured_at": measured_at}
            rows += [(name, *pair, f"{pair[0] / pair[1]:.2f}") for pair in zip(*pairs.values(), strict=True)]
        save("vs_trainer", facts, {"settings": results})
        table(("setting", "first, s", "again, s", "first / again"), rows)
        return
    for name in options.names:
        main_setting = name in MAIN
        runs = contest(name, options.seeds if main_setting else options.others, options.grouped if main_setting else 0)
        kept = {key: value for key, value in results.get(name, {}).items() if key == "second_runs"}
        results[name] = kept | {who: summary(made) for who, made in runs.items() if made}
        results[name]["one_run"] = {k: v for k, v in runs["first"][0].items() if k not in ("seconds", "test", "peak")}
        ours = results[name]["first"]
        for who, made in results[name].items():
            if who in runs and made:
                error = "" if made["standard_error"] is None else f" ± {made['standard_error']:.3f}"
                ratios = [f"{made[unit] / ours[unit]:.2f}" for unit in ("seconds", "processor_seconds")]
                rows.append((name, who, made["runs"], made["seconds"], *ratios, f"{made['accuracy']:.3f}{error}"))
        results[name]["measured_at"] = measured_at
        save("vs_trainer", facts, {"settings": results})
    table(("setting", "contender", "runs", "seconds", "x first", "x first, processor", "test accuracy"), rows)


if __name__ == "__main__":
    main()
