"""Finds a default learning rate for each method on a bundled task, and writes them into the package.

    python -m benchmarks.lr_search [--seeds 2] [--methods spafit lora ...]

Every method is trained with the default settings at each rate of its grid. The rate with the best mean accuracy on the
validation split wins; among rates within half a standard error of it, the one with the lowest validation loss. Test
scores are not looked at. The result is `spafit/training/learning_rates.json`, with every score, the machine, the seeds
and the commit.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import spafit.training
from benchmarks.reporting import machine, table
from spafit.models.registry import BUNDLED
from spafit.stratification import Method, preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Evaluated
from spafit.training.loop import TrainingFailed, train

TASK = "rotten-tomatoes"
GRIDS = {
    Method.FULL: (3e-5, 1e-4, 3e-4),
    Method.LORA: (3e-4, 1e-3, 3e-3, 1e-2),
    Method.BITFIT: (3e-4, 1e-3, 3e-3, 1e-2),
    Method.SPAFIT: (3e-4, 1e-3, 3e-3, 1e-2),
    Method.PROBE: (1e-3, 3e-3, 1e-2, 3e-2),
}
SEEDS = 2


def score(method: Method, rate: float, seed: int) -> tuple[float, float]:
    """Accuracy and loss on the whole validation split after a default run; (0, inf) if it diverges."""
    settings = TrainSettings(learning_rate=rate, seed=seed, eval_every=10**9, eval_samples=None)
    last = None
    try:
        for event in train(RunSpec(BUNDLED, TASK, preset(method, 6), settings)):
            if isinstance(event, Evaluated):
                last = event
                break  # the only evaluation is the last thing before the test split is looked at
    except TrainingFailed:
        return 0.0, float("inf")
    assert last is not None
    return last.metrics["accuracy"], last.loss


def search(methods: list[Method], seeds: int) -> dict[str, list[dict[str, Any]]]:
    """Try every rate; returns method -> [{rate, accuracy of each seed, mean loss, seconds}]."""
    found: dict[str, list[dict[str, Any]]] = {}
    for method in methods:
        tried = []
        for rate in GRIDS[method]:
            start = time.perf_counter()
            scores = [score(method, rate, seed) for seed in range(seeds)]
            tried.append(
                {
                    "learning_rate": rate,
                    "accuracy": [round(accuracy, 4) for accuracy, _ in scores],
                    "loss": round(statistics.fmean(loss for _, loss in scores), 4),
                    "seconds": round(time.perf_counter() - start, 1),
                }
            )
            print(method, tried[-1], flush=True)
        found[method.value] = tried
    return found


def best(tried: list[dict[str, Any]], examples: int) -> float:
    """The winning rate, by the rule at the top of this file."""
    top = max(tried, key=lambda row: statistics.fmean(row["accuracy"]))
    accuracy = statistics.fmean(top["accuracy"])
    error = (accuracy * (1 - accuracy) / examples) ** 0.5
    close = [row for row in tried if statistics.fmean(row["accuracy"]) >= accuracy - error / 2]
    return min(close, key=lambda row: row["loss"])["learning_rate"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--methods", nargs="*", default=[method.value for method in GRIDS])
    options = parser.parse_args()
    facts = machine()
    target = Path(spafit.training.__file__).parent / "learning_rates.json"
    old = json.loads(target.read_text("utf-8"))
    found = old.get("search", {}) | search([Method(name) for name in options.methods], options.seeds)
    defaults = old["defaults"] | {method: best(tried, 853) for method, tried in found.items()}
    document = {
        "schema": 1,
        "about": "Recorded by benchmarks/lr_search.py; accuracy on the validation split, one figure per seed.",
        "model": BUNDLED,
        "task": TASK,
        "settings": TrainSettings().to_dict(),
        "seeds": list(range(options.seeds)),
        "machine": facts,
        "defaults": defaults,
        "search": found,
    }
    with tempfile.NamedTemporaryFile("w", dir=target.parent, suffix=".part", delete=False, encoding="utf-8") as file:
        file.write(json.dumps(document, indent=1) + "\n")
    Path(file.name).replace(target)
    rows = [
        (method, f"{row['learning_rate']:g}", f"{statistics.fmean(row['accuracy']):.4f}", row["loss"])
        for method, tried in found.items()
        for row in tried
    ]
    table(("method", "learning rate", "accuracy", "loss"), rows)
    print("\ndefaults:", json.dumps(defaults))


if __name__ == "__main__":
    main()
