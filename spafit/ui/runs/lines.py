"""Runs as lines of a chart: repeats with other seeds are one line, their mean, with a band from lowest to highest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from spafit.maps.repeats import Repeats
from spafit.palette import RUN_COLORS
from spafit.runs import Run
from spafit.ui.components.curves import Line, smoothed

MOST_SETTINGS = len(RUN_COLORS)
DASHES = ("", "6 3", "2 3")
AXES = {"step": "step", "epoch": "epoch", "seconds": "seconds since the launch", "examples": "training examples"}

Points = Mapping[str, pd.DataFrame]
"""Of each run, by its id."""


class _Curve(NamedTuple):
    """One run's points of one series."""

    steps: list[float]
    x: list[float]
    y: list[float]


def lines(
    settings: Sequence[Repeats], names: Sequence[str], points: Points, series: str, axis: str, *, single: bool
) -> list[Line]:
    """Return the lines of one series ("loss", "validation accuracy"), a color for each setting.

    Args:
        settings: what is compared.
        names: of each.
        points: `spafit.ui.runs.data.points` of every run.
        series: which points.
        axis: of `AXES`.
        single: a line for each run, too.
    """
    found, dots = [], series != "loss"
    for place, (setting, name) in enumerate(zip(settings, names, strict=True)):
        color, dash = RUN_COLORS[place % MOST_SETTINGS], DASHES[place % len(DASHES)]
        curves = {run.id: _curve(points[run.id], series, axis) for run in setting.runs}
        drawn = [run for run in setting.runs if curves[run.id].steps]
        together = [run for run in drawn if run.state.over]
        if len(together) > 1:
            alone = [run for run in drawn if not run.state.over]  # still growing: the band would end where they are
            found.append(_mean(f"{name}, n = {len(together)}", color, [curves[run.id] for run in together], dash, dots))
        else:
            together, alone = [], drawn
        for run in alone:
            called = f"{name}, n = 1" if len(setting.runs) == 1 else f"{name}, seed {run.seed}"
            found.append(_line(called, color, curves[run.id], "1 3" if together else dash, dots))
        if single:
            ones = [_line(f"{name}, seed {run.seed}", color, curves[run.id], "", False) for run in together]
            found += [replace(line, faint=True) for line in ones]
    return found


def _curve(table: pd.DataFrame, series: str, axis: str) -> _Curve:
    """Return a run's points of one series, by step. Losses are smoothed."""
    steps, x, y = (table[column].to_numpy(dtype=float, na_value=np.nan) for column in ("step", axis, "value"))
    rows = (table["series"].to_numpy() == series) & ~np.isnan(x)
    values = y[rows].tolist()
    return _Curve(steps[rows].tolist(), x[rows].tolist(), smoothed(values) if series == "loss" else values)


def _line(name: str, color: str, curve: _Curve, dash: str, dots: bool) -> Line:
    return Line(name, color, curve.x, curve.y, dots=dots, dash=dash)


def _mean(name: str, color: str, curves: Sequence[_Curve], dash: str, dots: bool) -> Line:
    """Return the mean of several runs at the steps that all of them have, with its band."""
    by_step = [_by_step(one) for one in curves]
    steps = [step for step in dict.fromkeys(curves[0].steps) if all(step in one for one in by_step)]
    points = np.array([[one[step] for step in steps] for one in by_step]).reshape(len(curves), len(steps), 2)
    x, y = points[:, :, 0].mean(axis=0).tolist(), points[:, :, 1]
    low, high = y.min(axis=0).tolist(), y.max(axis=0).tolist()
    return Line(name, color, x, y.mean(axis=0).tolist(), dots=dots, dash=dash, low=low, high=high)


def _by_step(curve: _Curve) -> dict[float, tuple[float, float]]:
    """Return a curve's points by step, of several at one step the first."""
    found: dict[float, tuple[float, float]] = {}
    for step, x, y in zip(*curve, strict=True):
        found.setdefault(step, (x, y))
    return found


def best_and_last(run: Run, metric: str, table: pd.DataFrame) -> tuple[tuple[float, int] | None, float | None]:
    """Return the highest live evaluation with its step, and the score that the run ended with or has reached."""
    curve = _curve(table, f"validation {metric}", "step")
    best = None
    if curve.y:
        place = int(np.argmax(curve.y))
        best = (curve.y[place], int(curve.steps[place]))
    return best, run.validation_metrics.get(metric)
