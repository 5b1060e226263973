"""Finds a default learning rate for each method at several numbers of examples, and writes them into the package.

    python -m benchmarks.lr_search [--seeds 3] [--examples 512 2000] [--methods spafit lora ...] [--runs 3]
    python -m benchmarks.lr_search --write

The first form trains with the default settings at each rate of each grid and appends a line per run to
`benchmarks/results/lr_search.jsonl`; stopped, it goes on where it was. It runs at the lowest priority, so that it may
go on in the background. The second form writes `spafit/training/learning_rates.json` from the lines of this engine
generation, and keeps recorded rows of other numbers of examples, which tell their own generation. The rate with the
best mean accuracy on the validation split wins; among rates within half a standard error of it, the one with the lowest
validation loss. Test scores are not looked at.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import spafit.training
from benchmarks.lines import append, lines, still_to_do
from benchmarks.reporting import machine, table
from spafit.models.registry import BUNDLED
from spafit.stratification import Method, Stratification, preset
from spafit.training.config import ENGINE_GENERATION, RunSpec, TrainSettings
from spafit.training.events import Evaluated, Started
from spafit.training.loop import TrainingFailed, train
from spafit.training.rates import HEAD_ONLY

NAME = "lr_search"
TASK = "rotten-tomatoes"
LAYERS = 6
GRIDS = {
    Method.FULL.value: (1e-5, 3e-5, 1e-4, 3e-4),
    Method.LORA.value: (3e-4, 1e-3, 3e-3, 1e-2),
    Method.BITFIT.value: (1e-3, 3e-3, 1e-2, 3e-2),
    Method.SPAFIT.value: (3e-4, 1e-3, 3e-3, 1e-2),
    Method.PROBE.value: (1e-2, 3e-2, 1e-1, 3e-1),
    HEAD_ONLY: (1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
}
VALIDATION_EXAMPLES = 853


def stratification(method: str) -> Stratification:
    """Return the point that stands for a method: SPAFIT at thirds, the head alone at N1 = N2 = L."""
    return preset(Method.SPAFIT, LAYERS, LAYERS, LAYERS) if method == HEAD_ONLY else preset(method, LAYERS)


def score(job: dict[str, Any]) -> dict[str, Any]:
    """Return steps, and accuracy and loss on the whole validation split after a default run; none if it diverges."""
    settings = TrainSettings(
        train_samples=job["examples"],
        learning_rate=job["learning_rate"],
        seed=job["seed"],
        eval_every=10**9,
        eval_samples=None,
    )
    steps = settings.expected_steps()
    try:
        for event in train(RunSpec(BUNDLED, TASK, stratification(job["method"]), settings)):
            if isinstance(event, Started):
                steps = event.total_steps
            if isinstance(event, Evaluated):  # the only one is the last thing before the test split is looked at
                return {"steps": steps, "accuracy": event.metrics["accuracy"], "loss": event.loss}
    except TrainingFailed:
        pass
    return {"steps": steps, "accuracy": 0.0, "loss": None}


def best(tried: dict[float, list[dict[str, Any]]]) -> float:
    """Return the winning rate, by the rule at the top of this file."""
    accuracy = {rate: statistics.fmean(run["accuracy"] for run in runs) for rate, runs in tried.items()}
    top = max(accuracy.values())
    error = (top * (1 - top) / VALIDATION_EXAMPLES) ** 0.5
    close = [rate for rate in tried if accuracy[rate] >= top - error / 2]

    def loss(rate: float) -> float:
        found = [run["loss"] for run in tried[rate]]
        return float("inf") if None in found else statistics.fmean(found)

    return min(close, key=loss)


def rows(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the record: one for each number of steps in which every method was tried."""
    made = []
    for examples in sorted({line["examples"] for line in found}):
        search: dict[str, dict[float, list[dict[str, Any]]]] = {}
        of_row = [line for line in found if line["examples"] == examples]
        for line in of_row:
            search.setdefault(line["method"], {}).setdefault(line["learning_rate"], []).append(line)
        if search.keys() != GRIDS.keys():
            print(f"{examples} examples: left out, not tried yet: {', '.join(GRIDS.keys() - search.keys())}")
            continue
        made.append(
            {
                "train_examples": examples,
                "steps": of_row[0]["steps"],
                "engine_generation": ENGINE_GENERATION,
                "settings": TrainSettings(train_samples=examples).to_dict(),
                "seeds": sorted({line["seed"] for line in of_row}),
                "commits": sorted({line["commit"] for line in of_row}),
                "processors": sorted({line["processor"] for line in of_row}),
                "machine": machine(),
                "defaults": {method: best(tried) for method, tried in search.items()},
                "search": {
                    method: [
                        {
                            "learning_rate": rate,
                            "accuracy": [round(run["accuracy"], 4) for run in runs],
                            "loss": [None if run["loss"] is None else round(run["loss"], 4) for run in runs],
                        }
                        for rate, runs in sorted(tried.items())
                    ]
                    for method, tried in search.items()
                },
            }
        )
    return made


def write(found: list[dict[str, Any]]) -> None:
    """Write the record into the package; a row that was not tried anew stays, with its own generation and machine."""
    made = rows(found)
    if not made:
        raise SystemExit("No number of examples was tried with every method yet; nothing is written.")
    target = Path(spafit.training.__file__).parent / "learning_rates.json"
    anew = {row["train_examples"] for row in made}
    before = json.loads(target.read_text(encoding="utf-8"))["rows"]
    made = sorted([*made, *(row for row in before if row["train_examples"] not in anew)], key=lambda row: row["steps"])
    document = {
        "schema": 2,
        "about": "Recorded by benchmarks/lr_search.py; accuracy on the validation split, one figure per seed.",
        "model": BUNDLED,
        "task": TASK,
        "rows": made,
    }
    target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    table(
        ("examples", "steps", *GRIDS),
        [(row["train_examples"], row["steps"], *(f"{row['defaults'][method]:g}" for method in GRIDS)) for row in made],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--examples", type=int, nargs="*", default=[512, 2000])
    parser.add_argument("--methods", nargs="*", default=list(GRIDS), choices=list(GRIDS))
    parser.add_argument("--runs", type=int, help="at most so many now")
    parser.add_argument("--write", action="store_true", help="write the record from the lines so far; trains nothing")
    options = parser.parse_args()
    if options.write:
        write([line for line in lines(NAME) if line["engine_generation"] == ENGINE_GENERATION])
        return
    if hasattr(os, "nice"):
        os.nice(19)
    facts = machine()
    # Seed by seed, so that a search that is cut short has tried every rate.
    jobs = [
        {"method": method, "examples": examples, "learning_rate": rate, "seed": seed}
        for seed, examples, method in itertools.product(range(options.seeds), options.examples, options.methods)
        for rate in GRIDS[method]
    ]
    waiting = still_to_do(NAME, [job | {"engine_generation": ENGINE_GENERATION} for job in jobs])
    print(f"{len(waiting)} of {len(jobs)} runs are still to do.", flush=True)
    for job in waiting[: options.runs]:
        start = time.perf_counter()
        line = job | score(job)
        line |= {
            "seconds": round(time.perf_counter() - start, 1),
            "commit": facts["commit"],
            "processor": facts["hardware"].get("cpu"),
        }
        append(NAME, line)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
