"""What a waiting worker imports ahead of its run: seconds of work that nobody then waits for."""

from __future__ import annotations

import contextlib
import importlib

MODULES = (
    "spafit.training.loop",
    "spafit.training.trainer",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.bert.modeling_bert",
    "peft.tuners.lora.layer",
    "sklearn.metrics",
)


def preload() -> None:
    """Import them. Nothing here touches a GPU, and what cannot be imported is for the run to complain about."""
    for module in MODULES:
        with contextlib.suppress(Exception):
            importlib.import_module(module)
