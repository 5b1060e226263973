"""Which processors PyTorch can use here, asked in a helper process."""

from __future__ import annotations

from typing import Any

from spafit import helper

SECONDS = 60.0
"""Importing PyTorch takes a few seconds, on a busy machine many."""


def device_facts(timeout: float = SECONDS) -> dict[str, Any]:
    """Return ``{"device": what "auto" means, "devices": [{"device", "name", "memory"}], "torch", "threads"}``.

    Memory is in bytes. Takes seconds; torch is imported in a process that ends before this returns.

    Raises:
        SpafitError: PyTorch cannot be imported, or does not answer in time.
    """
    return helper.call("spafit.runs.devices:find_devices", {}, doing="Asking PyTorch for its devices", seconds=timeout)


def find_devices() -> dict[str, Any]:
    """Return the facts; this is what imports torch."""
    import psutil
    import torch

    from spafit.runs import facts
    from spafit.training.device import choose_device

    devices = [{"device": "cpu", "name": facts.hardware()["cpu"], "memory": psutil.virtual_memory().total}]
    if torch.backends.mps.is_available():
        devices.append({"device": "mps", "name": "Apple GPU", "memory": psutil.virtual_memory().total})
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append({"device": f"cuda:{index}", "name": properties.name, "memory": properties.total_memory})
    return {
        "device": choose_device("auto").type,
        "devices": devices,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
    }
