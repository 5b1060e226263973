"""A series as a document that `spafit.maps.file` packs, of own runs and of maps kept as files. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from spafit import access
from spafit.errors import SpafitError
from spafit.maps import kept
from spafit.maps.file import CHOSE_RATE, KIND, MAX_TEXT, SCHEMA_VERSION, SCORES, packed_outputs
from spafit.maps.measured import Series, series_of_task
from spafit.runs import Origin, Run, Store
from spafit.runs.rights import shows_test
from spafit.tasks import get_task
from spafit.training.predictions import load_predictions

DIGITS = 4
NO_MAP = "There is no finished run of {} on {} here, so there is no map to export."


def series_to_export(store: Store, model: str, task: str, key: str | None = None) -> Series:
    """Return the series of a model on a task that is asked for, or the one with the most runs.

    Raises:
        SpafitError: there is none, or none of that key.
    """
    found = series_of_task(store, model, task)
    if not found:
        raise SpafitError(NO_MAP.format(model, task))
    if key is None:
        return max(found, key=lambda series: len(series.runs))
    if chosen := next((series for series in found if series.key == key), None):
        return chosen
    raise SpafitError(f"{key[:40]!r} is no series of {model} on {task}; there are {', '.join(s.key for s in found)}.")


def document(store: Store, series: Series, told_origin: str | None = None) -> dict[str, Any]:
    """Return a series with everything that is known of its runs, as JSON types.

    Args:
        store: where curves and predictions of own runs are.
        series: all of whose runs are finished.
        told_origin: where the map comes from, as importing it shows; by default what it was made of.
    """
    first = series.runs[0]
    in_files = {run_id: told for one in kept.maps() for run_id, told in one.recorded.items()}
    examples: dict[str, Any] = {}
    for one in kept.maps():
        if one.series == series.key:
            for part, about in one.document["examples"].items():
                examples.setdefault(part, about)
    points = {run.stratification: run.spec_document["stratification"] for run in series.runs}
    machines: list[dict[str, Any]] = []
    runs = []
    for run in series.runs:
        record = dict(in_files[run.id]) if run.id in in_files else _own(store, run, examples)
        machine = _machine(run)
        if machine not in machines:
            machines.append(machine)
        runs.append(record | {"point": list(points).index(run.stratification), "machine": machines.index(machine)})
    return {
        "kind": KIND,
        "schema": SCHEMA_VERSION,
        "origin": (told_origin or _origin(series))[:MAX_TEXT],
        "model": PurePath(first.model).name if access.is_path(first.model) else first.model,
        "task": first.task,
        "layers": first.spec.stratification.num_layers,
        "metric": get_task(first.task).metric,
        "weights": first.weights_hash,
        "data": first.data_hash,
        "engine": first.engine_generation,
        "baseline": first.baseline,
        "validation_baseline": first.validation_baseline,
        "settings": first.spec.settings.to_dict() | {"learning_rate": None, "seed": 0, "device": "auto"},
        "points": list(points.values()),
        "machines": machines,
        "advice": next((dict(one.document["advice"]) for one in kept.maps() if one.series == series.key), {}),
        "examples": examples,
        "runs": runs,
    }


def _origin(series: Series) -> str:
    origins = sorted({run.origin.value for run in series.runs})
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{len(series.runs)} runs ({', '.join(origins)}), exported on {today}"


def _machine(run: Run) -> dict[str, Any]:
    hardware = {key: value for key, value in run.hardware.items() if _is_plain(value)}
    hardware.pop("precision", None)  # which stands beside each run
    commit = hardware.pop("commit", "")
    return {"hardware": hardware, "versions": run.versions, "commit": commit}


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _own(store: Store, run: Run, examples: dict[str, Any]) -> dict[str, Any]:
    """Return what a run of the store told; its labels and rows go into `examples` where there are none yet."""
    curve, evaluations = [], []
    changes: list[Mapping[str, Any]] = []
    precision = ""
    for _number, event in store.events(run.id):
        match event["kind"]:
            case "started":
                precision = event["precision"]
            case "step":
                at = [event["step"], event["epoch"], event["seconds"], event["loss"]]
                curve.append(_short([*at, event["learning_rate"], event["examples"]]))
            case "evaluated":
                scores = {name: _short([value])[0] for name, value in event["metrics"].items()}
                at = [event["step"], event.get("epoch", 0.0), event["seconds"], event["loss"]]
                evaluations.append([*_short(at), scores])
            case "finished":
                changes = event.get("changes") or []
    return {
        "chose": CHOSE_RATE in run.tags,
        "predictions": _predictions(store, run, examples),
        "curve": curve,
        "evaluations": evaluations,
        "changes": [dict(change) for change in changes],
        "reason": run.reason,
        **{name: getattr(run, name) for name in SCORES},
        "learning_rate": run.learning_rate,
        "seed": run.seed,
        "state": run.state.value,
        "trainable": run.trainable,
        "total": run.total,
        "steps": run.total_steps,
        "seconds": run.seconds,
        "device": run.device or "",
        "precision": precision,
        "recorded_at": (run.ended_at or run.created_at).isoformat(),
    }


def _predictions(store: Store, run: Run, examples: dict[str, Any]) -> dict[str, str]:
    """Return a run's predictions on the parts whose examples are those of the map; none where it kept none."""
    if run.origin is not Origin.LOCAL:
        return {}
    try:
        parts = load_predictions(store.folder(run.id))
    except SpafitError:
        return {}
    found = {}
    for part, made in parts.items():
        if part != "validation" and not shows_test(run.test_hidden, to_others=access.shared()):
            continue
        about = {"labels": [round(label, 6) for label in made.labels.tolist()], "rows": made.rows.tolist()}
        if examples.setdefault(part, about) == about:
            found[part] = packed_outputs(made.outputs)
    return found


def _short(numbers: list[float]) -> list[float]:
    return [number if isinstance(number, int) else float(f"{number:.{DIGITS}g}") for number in numbers]
