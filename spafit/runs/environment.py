"""The environment variables that a run takes along from whoever submits it to the process that does it.

The supervisor may have been started hours ago from another terminal: without this, `SPAFIT_GLUE_DIR=... spafit train`
would not find its data. Nothing secret is among them; tokens are never stored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CARRIED = (
    "SPAFIT_GLUE_DIR",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "HF_ENDPOINT",
    "HF_DATASETS_CACHE",
    "HF_DATASETS_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "CUDA_VISIBLE_DEVICES",
    "SPAFIT_CACHE_GB",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)
_PATHS = ("SPAFIT_GLUE_DIR", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE")


def carried(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables to store with a run, relative folders made absolute."""
    source = os.environ if environment is None else environment
    return {
        name: str(Path(source[name]).expanduser().absolute()) if name in _PATHS else source[name]
        for name in CARRIED
        if source.get(name)
    }


def restored(stored: Mapping[str, str], environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a whole environment for the run's process: this one's, with exactly the stored variables of `CARRIED`."""
    source = os.environ if environment is None else environment
    kept = {name: value for name, value in source.items() if name not in CARRIED}
    return kept | {name: value for name, value in stored.items() if name in CARRIED}
