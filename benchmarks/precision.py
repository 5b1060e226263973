"""Whether bf16 products on a CPU cost accuracy: the same runs in fp32 and in bf16, seed by seed.

    SPAFIT_GLUE_DIR=path/to/glue python -m benchmarks.precision [--seeds 5]

Each run is two epochs of 2,000 examples of the bundled model, as in vs_trainer; the test score is computed in fp32 on
the full model either way. A difference that is small beside its standard error over the seeds is no loss.
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

RUNS = (
    ("rotten-tomatoes", "SPAFIT-2-4"),
    ("stsb", "SPAFIT-2-4"),
    ("mrpc", "SPAFIT-2-4"),
    ("rotten-tomatoes", "Full"),
    ("stsb", "Full"),
)


def compare(task: str, name: str, seeds: int) -> dict[str, Any]:
    """Run both precisions with each seed; scores, their paired differences and the ratio of processor time."""
    runs: dict[str, list[dict[str, Any]]] = {"fp32": [], "bf16": []}
    with tempfile.TemporaryDirectory() as home:
        for seed in range(seeds):
            for precision, made in runs.items():
                job = {"who": "ours", "task": task, "name": name, "seed": seed, "precision": precision}
                made.append(measure(job, Path(home)))
    scores = {precision: [run["test"] for run in made] for precision, made in runs.items()}
    differences = [half - full for full, half in zip(scores["fp32"], scores["bf16"], strict=True)]
    busy = {precision: statistics.fmean(run["processor_seconds"] for run in made) for precision, made in runs.items()}
    return {
        "scores": {precision: [round(score, 4) for score in each] for precision, each in scores.items()},
        "difference": round(statistics.fmean(differences), 4),
        "standard_error": round(statistics.stdev(differences) / math.sqrt(len(differences)), 4),
        "processor_time_bf16_over_fp32": round(busy["bf16"] / busy["fp32"], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", type=int, nargs="*", default=range(len(RUNS)), help="rows; the others are kept")
    options = parser.parse_args()
    facts = machine()
    results: dict[str, Any] = earlier("precision").get("runs", {})
    rows = []
    for task, name in (RUNS[row] for row in options.only):
        result = compare(task, name, options.seeds)
        results[f"{task} {name}"] = result | {"measured_at": {key: facts[key] for key in ("commit", "when")}}
        means = [f"{statistics.fmean(result['scores'][precision]):.4f}" for precision in ("fp32", "bf16")]
        difference = f"{result['difference']:+.4f} ± {result['standard_error']:.4f}"
        rows.append((task, name, *means, difference, result["processor_time_bf16_over_fp32"]))
        print(rows[-1], flush=True)
        save("precision", facts, {"runs": results})
    table(("task", "setting", "fp32", "bf16", "difference", "processor time, bf16 / fp32"), rows)


if __name__ == "__main__":
    main()
