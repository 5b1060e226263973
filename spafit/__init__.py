"""Explore, count and fine-tune stratified adaptations of pretrained Transformers (SPAFIT, arXiv 2405.00201).

The names of `spafit.notebook` can be used from here; they are stable from one minor version to the next. Everything
else may change.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "apply",
    "count_parameters",
    "curve",
    "export_run",
    "layers",
    "list_runs",
    "stratify",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that ``import spafit`` stays quick."""
    if name not in __all__:
        raise AttributeError(f"module 'spafit' has no attribute {name!r}")
    # By its name: the package itself is imported by everything in it and imports none of it.
    return getattr(importlib.import_module("spafit.notebook"), name)
