"""A made-up map of the shape that is recorded: every cell and method at its rates, three other seeds at the best."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from spafit.maps.cells import METHODS, cells, stratifications
from spafit.maps.file import KIND, SCHEMA_VERSION, packed
from spafit.maps.series import Contents
from spafit.stratification import Stratification
from spafit.training.config import ENGINE_GENERATION, QUICK

RATES = (3e-4, 1e-3, 3e-3)
BEST = 1e-3
WEIGHTS, DATA = "weights", "data"
HERE = Contents(WEIGHTS, DATA, ENGINE_GENERATION)
LABELS = [0, 1, 1, 0]
MACHINE = {
    "hardware": {"cpu": "Xeon", "cores": 16, "card": "Some GPU"},
    "versions": {"torch": "2.11.0"},
    "commit": "abc1234",
}


def score_of(point: Stratification, rate: float, seed: int) -> float:
    """More trained layers are better, up to a point; the middle rate is the best; seeds differ a little."""
    depth = point.num_layers
    learnt = 0.15 * (1 - point.n1 / depth) + 0.1 * (1 - point.n2 / depth)
    return round(0.55 + learnt - 0.03 * (rate != BEST) + 0.004 * random.Random(f"{point.name}{seed}").random(), 4)


def made_up(task: str = "rotten-tomatoes", choice: str = "all", metric: str = "accuracy") -> dict[str, Any]:
    """Return the map's document; a test changes what it is about."""
    every = stratifications(cells(choice, 6), METHODS, 6)
    runs = []
    for place, point in enumerate(every):
        for rate, seed in [*((rate, 0) for rate in RATES), *((BEST, seed) for seed in (1, 2, 3))]:
            score = score_of(point, rate, seed)
            curve = [[step, step / 32, step / 10, round(0.7 - step / 200, 4), rate, 16 * step] for step in (1, 32, 64)]
            evaluated = [
                [step, step / 32, step / 10, 0.6, {metric: round(0.5 + step * (score - 0.5) / 64, 4)}]
                for step in (32, 64)
            ]
            runs.append(
                {
                    "point": place,
                    "chose": seed == 0 and rate == BEST,
                    "machine": 0,
                    "predictions": {"validation": "AAAAAAAAAAAAAAAAAAAAAA==", "test": "AAAAAAAAAAAAAAAAAAAAAA=="},
                    "curve": curve,
                    "evaluations": evaluated,
                    "changes": [{"row": "layer", "layer": 6, "kind": "bias", "ratio": 0.02, "absolute": False}],
                    "reason": None,
                    "metrics": {metric: score - 0.01},
                    "validation_metrics": {metric: score},
                    "learning_rate": rate,
                    "seed": seed,
                    "state": "finished",
                    "trainable": 1000 + 100 * (12 - point.n1 - point.n2),
                    "total": 22_000_000,
                    "steps": 64,
                    "seconds": 2.5,
                    "device": "cuda",
                    "precision": "bf16",
                    "recorded_at": "2026-11-27T06:00:00Z",
                }
            )
    part = {"labels": LABELS, "rows": [0, 1, 2, 3]}
    return {
        "kind": KIND,
        "schema": SCHEMA_VERSION,
        "origin": "recorded with the project",
        "model": "minilm-l6",
        "task": task,
        "layers": 6,
        "metric": metric,
        "weights": WEIGHTS,
        "data": DATA,
        "engine": ENGINE_GENERATION,
        "baseline": {metric: 0.5},
        "validation_baseline": {metric: 0.5},
        "settings": QUICK.to_dict(),
        "cells": choice,
        "rates": list(RATES),
        "choosing_seed": 0,
        "points": [point.to_dict() for point in every],
        "machines": [MACHINE],
        "advice": {
            key: {"scores": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "seconds": 1.0, "remark": ""}
            for key in ("cka", "gradient", "kappa")
        },
        "examples": {"validation": part, "test": part},
        "runs": runs,
    }


def lay(folder: Path, document: dict[str, Any]) -> Path:
    """Write a map's file into a folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{document['task']}.spafit-map"
    path.write_bytes(packed(document))
    return path
