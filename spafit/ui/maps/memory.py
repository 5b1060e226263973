"""Memory of a training step as what colours the triangle: an estimate, as in the view Cost."""

from collections.abc import Collection, Mapping
from typing import Any

from spafit.maps.cells import Cell, cells
from spafit.models.anatomy import Anatomy
from spafit.quantities import bytes_text
from spafit.stratification import Stratification
from spafit.ui.explore.assumptions import step_memory

LABEL = "Memory of a step (estimate)"
MOST_CELLS = 100
"""An estimate takes about 15 ms; a triangle with more cells shows those that are measured."""


def memory_values(
    anatomy: Anatomy, stratification: Stratification, step: Mapping[str, Any], measured: Collection[Cell]
) -> dict[str, Any]:
    """Return the memory of each cell in the form that `setting_map` takes; a cell has the same whatever its seed."""
    every = cells("all", anatomy.num_layers)
    found = {}
    for n1, n2 in every if len(every) <= MOST_CELLS else sorted({*measured, (stratification.n1, stratification.n2)}):
        size = step_memory(anatomy, stratification.with_boundaries(n1, n2), **step).total
        found[f"{n1}-{n2}"] = [size, bytes_text(size), None]
    return {"name": LABEL, "cells": found}
