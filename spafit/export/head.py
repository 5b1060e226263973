"""What an adapter has to carry along, and what it cannot."""

from __future__ import annotations

from spafit.models.anatomy import Anatomy
from spafit.plan import decide
from spafit.stratification import Stratification


def head_modules(anatomy: Anatomy, stratification: Stratification) -> list[str]:
    """Return the outermost modules of the head that hold fresh or wholly trained tensors."""
    base_model = anatomy.layers_path.partition(".")[0]
    kept = [t.module for t in anatomy.head if t.fresh or (t.kind == "weight" and decide(t, stratification).trained)]
    return sorted({module if module.startswith(f"{base_model}.") else module.partition(".")[0] for module in kept})


def whole_weights(anatomy: Anatomy, stratification: Stratification) -> list[str]:
    """Return the names of the weights outside the head that are trained as they are, which no adapter can hold."""
    outside = (t for t in anatomy.tensors if t.row != "head" and t.kind == "weight")
    return [t.name for t in outside if decide(t, stratification).trained]
