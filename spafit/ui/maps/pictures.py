"""What both views of a map draw: the triangle's colours, and score against parameters."""

from typing import Any

from spafit.figures.maps import score_against_parameters
from spafit.stratification import Stratification
from spafit.ui.components.text import metric_name
from spafit.ui.maps.data import Map

MEASURES = {"score": "Score", "trainable": "Trainable parameters", "seconds": "Seconds"}


def values_of(measured: Map, measure: str) -> dict[str, Any] | None:
    """Return what colours the triangle; None for counts, which every cell has, measured or not."""
    if measure == "trainable":
        return None
    column, write = ("mean", "{:.3f}") if measure == "score" else ("seconds", "{:.0f} s")
    cells = {
        f"{p['n1']}-{p['n2']}": [p[column], write.format(p[column]), p["n"]]
        for p in measured["cells"]
        if p[column] is not None
    }
    name = metric_name(measured["metric"]) if measure == "score" else "Seconds"
    return {"name": name, "cells": cells} if cells else None


def points_figure(measured: Map, stratification: Stratification) -> Any:
    """Return the figure of score against parameters."""
    return score_against_parameters(
        measured["cells"],
        measured["methods"],
        metric=metric_name(measured["metric"]),
        baseline=measured["baseline"],
        now=stratification.name,
    )
