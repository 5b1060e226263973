"""What a run ran on: versions and hardware, read without importing the libraries they are about."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import spafit
from spafit.machine import usable_cores

PACKAGES = ("torch", "transformers", "peft", "tokenizers", "safetensors", "datasets", "scikit-learn", "streamlit")


def versions() -> dict[str, str]:
    """Return the versions of Python, spafit and the libraries that decide results; absent ones are left out."""
    found = {"python": platform.python_version(), "spafit": spafit.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return the machine: system, processor, cores this process may use, memory in bytes."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _processor(),
        "cores": usable_cores(),
        "memory": psutil.virtual_memory().total,
    }


@cache
def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
