"""What the machine must have, told before anything is imported. Standard library only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

PYTHON = (3, 11)
PACKAGES = {
    "torch": "torch",
    "transformers": "transformers",
    "peft": "peft",
    "accelerate": "accelerate",
    "safetensors": "safetensors",
    "tokenizers": "tokenizers",
    "numpy": "numpy",
    "sklearn": "scikit-learn",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "sqlalchemy": "sqlalchemy",
    "alembic": "alembic",
    "mako": "mako",
    "platformdirs": "platformdirs",
    "filelock": "filelock",
    "psutil": "psutil",
}
"""Module -> the package that brings it. Neither Streamlit nor Plotly is among them."""
TRIED = {"torch": ((2, 11), (2, 13)), "transformers": ((5, 17), (5, 23))}
"""The oldest and the newest releases that this is written for."""


def problem() -> str:
    """Say in one line why nothing can be measured here; empty when everything is there."""
    if sys.version_info < PYTHON:
        return f"Python {PYTHON[0]}.{PYTHON[1]} or newer is needed; this is {sys.version.split()[0]}."
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        return f"Missing here: {', '.join(missing)} (benchmarks/README.md says how to bring them)."
    return ""


def remark(found: Mapping[str, str] | None = None) -> str:
    """Say in one line which releases lie outside those that this is written for; empty when none does."""
    outside = []
    for package, (oldest, newest) in TRIED.items():
        try:
            here = version(package) if found is None else found[package]
        except (PackageNotFoundError, KeyError):
            continue
        if not oldest <= tuple(int(part) for part in here.split("+")[0].split(".")[:2]) <= newest:
            spans = (".".join(map(str, end)) for end in (oldest, newest))
            outside.append(f"{package} {here} (written for {' to '.join(spans)})")
    return f"Other releases than expected: {', '.join(outside)}." if outside else ""
