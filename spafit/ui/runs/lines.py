"""Runs as lines of a chart: repeats with other seeds are one line, their mean, with a band from lowest to highest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
        drawn = [run for run in setting.runs if len(curves[run.id])]
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


def _curve(table: pd.DataFrame, series: str, axis: str) -> pd.DataFrame:
    """Return a run's points of one series: columns x and y, by step. Losses are smoothed."""
    rows = table[table["series"] == series].dropna(subset=[axis])
    y = smoothed(rows["value"].tolist()) if series == "loss" else rows["value"].tolist()
    return pd.DataFrame({"x": rows[axis].tolist(), "y": y}, index=rows["step"].tolist(), dtype=float)


def _line(name: str, color: str, curve: pd.DataFrame, dash: str, dots: bool) -> Line:
    return Line(name, color, curve["x"].tolist(), curve["y"].tolist(), dots=dots, dash=dash)


def _mean(name: str, color: str, curves: Sequence[pd.DataFrame], dash: str, dots: bool) -> Line:
    """Return the mean of several runs at the steps that all of them have, with its band."""
    once = [curve[~curve.index.duplicated()] for curve in curves]
    together = pd.concat(once, axis=1, join="inner", keys=range(len(once)))
    x, y = (together.xs(column, axis=1, level=1) for column in ("x", "y"))
    low, high = y.min(axis=1).tolist(), y.max(axis=1).tolist()
    return Line(name, color, x.mean(axis=1).tolist(), y.mean(axis=1).tolist(), dots=dots, dash=dash, low=low, high=high)


def best_and_last(run: Run, metric: str, table: pd.DataFrame) -> tuple[tuple[float, int] | None, float | None]:
    """Return the highest live evaluation with its step, and the score that the run ended with or has reached."""
    rows = table[table["series"] == f"validation {metric}"]
    best = None
    if len(rows):
        top = rows.loc[rows["value"].idxmax()]
        best = (float(top["value"]), int(top["step"]))
    return best, run.validation_metrics.get(metric)
