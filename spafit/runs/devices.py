"""Which processors PyTorch can use here, asked in a process of its own: ``python -m spafit.runs.devices``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import spafit
from spafit.errors import SpafitError

SECONDS = 60.0
"""Importing PyTorch takes a few seconds, on a busy machine many."""


def device_facts(timeout: float = SECONDS) -> dict[str, Any]:
    """Return ``{"device": what "auto" means, "devices": [{"device", "name", "memory"}], "torch", "threads"}``.

    Memory is in bytes. Takes seconds; torch is imported in a process that ends before this returns.

    Raises:
        SpafitError: PyTorch cannot be imported, or does not answer in time.
    """
    package = str(Path(spafit.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    try:
        answer = subprocess.run(
            (sys.executable, "-P", "-m", "spafit.runs.devices"),
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        if answer.returncode == 0:
            return json.loads(answer.stdout.splitlines()[-1])
        said = answer.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {answer.returncode}"]
        raise SpafitError(f"PyTorch cannot be used here ({said[-1][:300]}).")
    except subprocess.TimeoutExpired as error:
        raise SpafitError(f"PyTorch did not say within {timeout:.0f} s which processors it can use.") from error
    except (OSError, IndexError, json.JSONDecodeError) as error:
        raise SpafitError(f"PyTorch cannot be used here ({error}).") from error


def main() -> None:
    """Print the facts as JSON. This is the process that imports torch."""
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
    document = {
        "device": choose_device("auto").type,
        "devices": devices,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(document))  # noqa: T201  (the answer)


if __name__ == "__main__":
    main()
