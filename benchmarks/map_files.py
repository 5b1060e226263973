"""Makes the files that come with the project out of the recorded lines: one a map."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.map_jobs import CHOOSING_SEED, LAYERS, MAPS, RATES, Known, missing, parsed
from spafit import tasks
from spafit.advice.measured import measure
from spafit.maps.file import KIND, SCHEMA_VERSION, SUFFIX, packed, packed_outputs, read
from spafit.maps.kept import RECORDED
from spafit.models.registry import BUNDLED
from spafit.runs import Origin

DIGITS = 4
"""Significant ones of what is drawn: curves and changes."""


def write_all(lines: Path, chosen: Sequence[str], target: Path = RECORDED) -> int:
    """Write every map that is complete; return 0 when all of the chosen ones were."""
    known = Known(lines)
    known.refresh()
    target.mkdir(exist_ok=True)
    complete = True
    for task in chosen:
        ready, waiting = missing(known, [task])
        if ready or waiting:
            complete = False
            print(f"{task}: {len(ready)} runs are missing, so it is not written.")
            continue
        answers = measure(BUNDLED, task)
        content = packed(document(task, lines_of(lines, task), answers))
        read(content, task, Origin.RECORDED)
        path = target / f"{task}{SUFFIX}"
        path.write_bytes(content)
        print(f"{path.name}: {len(content) / 1e6:.2f} MB")
    return 0 if complete else 1


def lines_of(folder: Path, task: str) -> list[dict[str, Any]]:
    """Return the recorded runs of a map, each once, in the order in which they were made."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in parsed(path.read_bytes()):
            if line.get("map") == task:
                key = (line["setting"], line["learning_rate"], line["seed"], line["engine_generation"])
                found.setdefault(key, line)
    return sorted(found.values(), key=lambda line: line["recorded_at"])


def document(task: str, lines: Sequence[Mapping[str, Any]], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return a map's document (see `spafit.maps.file`). What differs between runs that must not is an error."""
    finished = [line for line in lines if line["state"] == "finished"]
    shared = {key: alike(line[key] for line in finished) for key in ("weights_hash", "data_hash", "engine_generation")}
    settings = dict(alike({**line["spec"]["settings"], "learning_rate": None, "seed": 0} for line in lines))
    settings |= {"device": "auto", "precision": "auto"}
    points = {line["setting"]: line["spec"]["stratification"] for line in lines}
    machines = unique([machine(line) for line in lines])
    repeated = {(line["setting"], line["learning_rate"]) for line in lines if line["seed"] != CHOOSING_SEED}
    examples, runs = {}, []
    for line in lines:
        outputs = {}
        for part, arrays in predictions(line).items():
            outputs[part] = packed_outputs(arrays["outputs"])
            about = {"labels": plain(arrays["labels"]), "rows": plain(arrays["rows"])}
            if examples.setdefault(part, about) != about:
                raise SystemExit(f"{task}: runs were evaluated on different {part} examples.")
        runs.append(
            {
                "point": list(points).index(line["setting"]),
                "chose": line["seed"] == CHOOSING_SEED and (line["setting"], line["learning_rate"]) in repeated,
                "machine": machines.index(machine(line)),
                "predictions": outputs,
                "curve": [short(point) for point in line["curve"]],
                "evaluations": [
                    [*short(point[:4]), {k: short([v])[0] for k, v in point[4].items()}]
                    for point in line["evaluations"]
                ],
                "changes": [change | {"ratio": short([change["ratio"]])[0]} for change in line.get("changes", ())],
                "reason": line.get("reason"),
                "metrics": line.get("metrics", {}),
                "validation_metrics": line.get("validation_metrics", {}),
                "seconds": line.get("run_seconds"),
                **{key: line[key] for key in ("learning_rate", "seed", "state", "trainable", "total", "steps")},
                **{key: line[key] for key in ("device", "precision", "recorded_at")},
            }
        )
    return {
        "kind": KIND,
        "schema": SCHEMA_VERSION,
        "origin": "recorded with the project",
        "model": BUNDLED,
        "task": task,
        "layers": LAYERS,
        "metric": tasks.get_task(task).metric,
        "weights": shared["weights_hash"],
        "data": shared["data_hash"],
        "engine": shared["engine_generation"],
        "baseline": alike(line["baseline"] for line in finished),
        "validation_baseline": alike(line["validation_baseline"] for line in finished),
        "settings": settings,
        "cells": MAPS[task],
        "rates": list(RATES),
        "choosing_seed": CHOOSING_SEED,
        "points": list(points.values()),
        "machines": machines,
        "advice": dict(answers),
        "examples": examples,
        "runs": runs,
    }


def machine(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return on what a run was made."""
    told = line["machine"]
    hardware = dict(told["hardware"]) | {key: told[key] for key in ("card", "card_memory", "cuda") if key in told}
    hardware |= {"processes": told["processes"]}
    return {"hardware": hardware, "versions": told["versions"], "commit": told["commit"]}


def predictions(line: Mapping[str, Any]) -> dict[str, dict[str, np.ndarray]]:
    """Return a line's predictions, part by part."""
    found: dict[str, dict[str, np.ndarray]] = {}
    if line.get("predictions"):
        with np.load(io.BytesIO(base64.b64decode(line["predictions"])), allow_pickle=False) as stored:
            for name in stored.files:
                part, _, what = name.rpartition("/")
                found.setdefault(part, {})[what] = stored[name]
    return found


def plain(values: np.ndarray) -> list[int | float]:
    """Return labels or rows as JSON numbers."""
    return [round(value, 6) if isinstance(value, float) else value for value in values.tolist()]


def short(numbers: Sequence[float]) -> list[float]:
    """Return numbers with as many digits as a drawing shows."""
    return [n if isinstance(n, int) else float(f"{n:.{DIGITS}g}") for n in numbers]


def alike(values: Any) -> Any:
    """Return the one value that all are."""
    found = unique(list(values))
    if len(found) != 1:
        raise SystemExit(f"Runs of one map differ: {found[:3]}")
    return found[0]


def unique(values: list[Any]) -> list[Any]:
    """Return each value once, in order."""
    return [value for place, value in enumerate(values) if value not in values[:place]]
