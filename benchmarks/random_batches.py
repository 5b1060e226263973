"""What is learned from few examples, beside transformers' Trainer: seeds at several numbers of training examples.

    python -m benchmarks.random_batches [--seeds 10] [--examples 256 512 1000 2000] [--names SPAFIT-2-4] [--runs 4]
    python -m benchmarks.random_batches --summary

Contenders alternate seed by seed, each run in a fresh process: ours, and Trainer with peft as it comes, with the same
model, tensors that train, examples, rate, warm-up, weight decay and epochs. The score is the test accuracy, in
fp32. Every run is a line in `benchmarks/results/random_batches.jsonl`; stopped, it goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
from pathlib import Path
from typing import Any

from benchmarks.contenders import measure, settings_of
from benchmarks.lines import append, lines, still_to_do
from benchmarks.reporting import machine, save, table
from spafit.home import spafit_home
from spafit.training.config import ENGINE_GENERATION

NAME = "random_batches"


def summary() -> None:
    """Print and store, for each setting, mean and standard error of both and of their paired difference."""
    found = [line for line in lines(NAME) if line["engine_generation"] == ENGINE_GENERATION]
    scores: dict[tuple[str, int, float], dict[str, dict[int, float]]] = {}
    for line in found:
        setting = line["name"], line["examples"], line["learning_rate"]
        both = scores.setdefault(setting, {"ours": {}, "trainer": {}})
        both[line["who"]][line["seed"]] = line["test"]
    rows, results = [], []
    for (name, examples, rate), both in sorted(scores.items()):
        shared = sorted(both["ours"].keys() & both["trainer"].keys())
        if len(shared) < 2:
            continue
        ours, trainer = ([both[who][seed] for seed in shared] for who in ("ours", "trainer"))
        differences = [one - other for one, other in zip(ours, trainer, strict=True)]
        figures = [(statistics.fmean(x), statistics.stdev(x) / math.sqrt(len(x))) for x in (ours, trainer, differences)]
        rows.append(
            (name, examples, f"{rate:g}", len(shared), *(f"{mean:.3f} ± {error:.3f}" for mean, error in figures))
        )
        results.append(
            {
                "name": name,
                "examples": examples,
                "learning_rate": rate,
                "seeds": shared,
                "ours": ours,
                "trainer": trainer,
            }
        )
    table(("setting", "examples", "rate", "seeds", "ours", "Trainer + peft", "difference"), rows)
    save(NAME, machine(), {"engine_generation": ENGINE_GENERATION, "settings": results})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--examples", type=int, nargs="*", default=[256, 512, 1000, 2000])
    parser.add_argument("--names", nargs="*", default=["SPAFIT-2-4"])
    parser.add_argument("--learning-rate", type=float, help="of both; left out: the recorded default")
    parser.add_argument("--runs", type=int, help="at most so many now")
    parser.add_argument("--summary", action="store_true", help="sum up the lines so far; trains nothing")
    options = parser.parse_args()
    if options.summary:
        summary()
        return
    facts = machine()
    jobs: list[dict[str, Any]] = [
        {"name": name, "examples": examples, "seed": seed, "who": who}
        | {"learning_rate": options.learning_rate or settings_of({"name": name, "examples": examples})[1].learning_rate}
        for seed, name, examples, who in itertools.product(
            range(options.seeds), options.names, options.examples, ("ours", "trainer")
        )
    ]
    waiting = still_to_do(NAME, [job | {"engine_generation": ENGINE_GENERATION} for job in jobs])
    print(f"{len(waiting)} of {len(jobs)} runs are still to do.", flush=True)
    for job in waiting[: options.runs]:
        made = measure(job, Path(spafit_home()))
        kept = {key: made[key] for key in ("test", "seconds")}
        line = job | kept | {"commit": facts["commit"], "processor": facts["hardware"].get("cpu")}
        append(NAME, line)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
