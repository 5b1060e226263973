"""Real supervisors and workers over a scripted training loop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from spafit.runs import Store
from tests.runs.helpers import STANDIN, processes_of


@pytest.fixture
def store(home: Path) -> Store:
    """Return the store of the test's own home."""
    return Store.open()


@pytest.fixture
def scripted_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let supervisors of this home do scripted runs, and leave none of their processes behind."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(STANDIN), os.environ.get("PYTHONPATH")))))
    monkeypatch.setenv("SPAFIT_IDLE_SECONDS", "0")
    yield home
    for process in processes_of(home):
        with suppress(psutil.NoSuchProcess):
            process.kill()
