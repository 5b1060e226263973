"""What is measured of a map: cells and methods of one series with their scores, as plain JSON for a page. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from spafit.maps import kept
from spafit.maps.cells import Cell
from spafit.maps.file import CHOSE_RATE
from spafit.maps.series import Contents, Setting, contents_of, series_document, series_key, setting_of
from spafit.maps.statistics import summarize
from spafit.runs import Run, Store, sweeps
from spafit.runs.run import Origin
from spafit.stratification import LoraSettings, Method, Stratification, method_of, preset

SCHEMA_VERSION = 1

Point = dict[str, Any]
"""One cell or method, as `_point` makes it."""


_known: dict[tuple[str, int], tuple[str, Setting]] = {}
"""Series and setting of finished attempts, which never change: reading them out of thousands of rows takes a second."""
MOST_KNOWN = 20_000


@dataclass(frozen=True)
class Series:
    """A series with its finished runs, the oldest first."""

    key: str
    document: Mapping[str, Any]
    runs: tuple[Run, ...]


def series_of_task(store: Store, model: str, task: str) -> list[Series]:
    """Return every series of a model on a task that has finished runs, the one with the newest run first.

    Runs of the maps that are kept as files are united with those of the store.
    """
    return group([*kept.runs(model, task), *sweeps.finished_runs(store, model, task)])


def group(runs: Iterable[Run]) -> list[Series]:
    """Return runs by series, the one with the newest run first; runs that belong to no series are left out."""
    found: dict[str, tuple[Contents, list[Run]]] = {}
    for run in runs:
        if (contents := contents_of(run)) is not None:
            found.setdefault(place_of_run(run, contents)[0], (contents, []))[1].append(run)
    groups = [
        Series(key, series_document(mine[0].spec, contents), tuple(mine)) for key, (contents, mine) in found.items()
    ]
    return sorted(groups, key=lambda series: series.runs[-1].number, reverse=True)


def place_of_run(run: Run, contents: Contents) -> tuple[str, Setting]:
    """Return the series and the setting of a run that has started."""
    place = (run.id, run.attempt)
    if place not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[place] = (series_key(run.spec, contents), setting_of(run.spec))
    return _known[place]


def measured_map(series: Series, metric: str, lora: LoraSettings | None = None) -> dict[str, Any]:
    """Return a series' map as JSON types.

    Args:
        series: all of whose runs are finished.
        metric: the task's primary one, on validation.
        lora: of the cells and methods that are shown; the default ones when left out.

    Returns:
        "cells" and "methods": a point each (see `_point`) at the rate with the best mean; "baseline": what guessing
        reaches, None where no run kept it; "best": the cell with the best mean; "origins": where the runs come from;
        "machines": on what those ran that were not made here.
    """
    lora = lora or LoraSettings()
    by_setting: dict[str, list[Run]] = {}
    settings: dict[str, Setting] = {}
    for run in series.runs:
        if metric in run.validation_metrics and (contents := contents_of(run)) is not None:
            setting = place_of_run(run, contents)[1]
            settings[setting.key] = setting
            by_setting.setdefault(setting.key, []).append(run)
    baseline = _baseline(series.runs, metric)
    by_place: dict[str, list[Point]] = {}
    for key, runs in by_setting.items():
        if _is_shown(settings[key].stratification, lora):
            point = _point(settings[key], runs, metric, baseline)
            by_place.setdefault(settings[key].stratification.name, []).append(point)
    points = [_best_rate(rates) | {"rates": [point["lr"] for point in rates]} for rates in by_place.values()]
    cells = sorted((p for p in points if p["method"] == Method.SPAFIT), key=lambda point: (point["n1"], point["n2"]))
    best = max(cells, key=lambda point: point["mean"], default=None)
    return {
        "schema": SCHEMA_VERSION,
        "series": series.key,
        "metric": metric,
        "baseline": baseline,
        "runs": sum(len(point["runs"]) for point in points),
        "origins": sorted({run.origin.value for run in series.runs}),
        "machines": sorted({_machine(run) for run in series.runs if run.origin is not Origin.LOCAL}),
        "cells": cells,
        "methods": [p for p in points if p["method"] != Method.SPAFIT],
        "best": None if best is None else [best["n1"], best["n2"]],
    }


def nearest(cells: Sequence[Point], cell: Cell) -> Point | None:
    """Return the measured cell that the fewest layers separate from this one; of several the one that trains less."""
    n1, n2 = cell
    return min(cells, key=lambda p: (abs(p["n1"] - n1) + abs(p["n2"] - n2), -p["n2"], -p["n1"]), default=None)


def _best_rate(rates: Sequence[Point]) -> Point:
    """Return the rate with the best mean; one that a single seed tried does not stand beside one that several did."""
    repeated = [point for point in rates if point["n"] > 1]
    return max(repeated or rates, key=lambda point: point["mean"])


def _is_shown(stratification: Stratification, lora: LoraSettings) -> bool:
    """Whether a stratification is a cell or a method of the map: a preset, with these LoRA settings if it has LoRA."""
    method = method_of(stratification)
    if method is None:
        return False
    bounds = (stratification.n1, stratification.n2) if method is Method.SPAFIT else ()
    used = lora if stratification.uses_lora else stratification.lora
    return stratification == preset(method, stratification.num_layers, *bounds, lora=used)


def _point(setting: Setting, runs: Sequence[Run], metric: str, baseline: float | None) -> Point:
    """Return one setting's score: mean, n, standard error, the score of each seed, and what it cost."""
    newest = {run.seed: run for run in _judged(runs)}  # of several runs with one seed the newest counts
    scores = {seed: run.validation_metrics[metric] for seed, run in sorted(newest.items())}
    summary = summarize(list(scores.values()))
    strat, method = setting.stratification, method_of(setting.stratification)
    seconds = [run.seconds for run in newest.values() if run.seconds is not None]
    is_cell = method is Method.SPAFIT
    return {
        "name": strat.name,
        "method": None if method is None else method.value,
        "n1": strat.n1 if is_cell else None,
        "n2": strat.n2 if is_cell else None,
        "lr": setting.learning_rate,
        "mean": summary.mean,
        "n": summary.n,
        "standard_error": summary.standard_error,
        "scores": {str(seed): score for seed, score in scores.items()},
        "at_baseline": [] if baseline is None else [seed for seed, score in scores.items() if score <= baseline],
        "trainable": next((run.trainable for run in newest.values() if run.trainable is not None), None),
        "seconds": fmean(seconds) if seconds else None,
        "runs": [newest[seed].id for seed in scores],
        "origins": sorted({run.origin.value for run in newest.values()}),
    }


def _judged(runs: Sequence[Run]) -> Sequence[Run]:
    """Leave out the runs that chose the rate where others judge it: the best of several is an optimistic score."""
    return [run for run in runs if CHOSE_RATE not in run.tags] or runs


def _machine(run: Run) -> str:
    """Return what a run ran on, in words."""
    known = (run.hardware.get("card") or run.hardware.get("cpu"), run.hardware.get("precision"))
    machine = ", ".join(str(part) for part in known if part) or "an unknown machine"
    return f"{machine} ({run.note})" if run.note else machine


def _baseline(runs: Sequence[Run], metric: str) -> float | None:
    """Return what guessing reaches on validation: the same in every run of a series that kept it."""
    return next((run.validation_baseline[metric] for run in runs if metric in run.validation_baseline), None)
