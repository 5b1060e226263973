"""What the parts' processes find imported: what a waiting worker has, and Trainer. None of it touches a card."""

from __future__ import annotations

import contextlib
import importlib

from spafit.runs.preload import preload

preload()
for module in ("transformers.trainer", "torch.profiler"):
    with contextlib.suppress(Exception):  # the part that needs it says so
        importlib.import_module(module)
