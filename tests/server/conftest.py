"""Dashboards of their own data: one that others reach, on a loopback address but told so, and one for its machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from spafit.runs import Store
from spafit.runs.launch import supervisor_lock
from tests.server.starting import ROOT, free_port, healthy

KEY = "a key for the tests of this folder"


@dataclass(frozen=True)
class Shared:
    """A server and its data."""

    url: str
    home: Path
    log: Path

    @property
    def store(self) -> Store:
        return Store.open(f"sqlite:///{self.home / 'spafit.db'}", self.home)


@contextmanager
def serving(
    folder: Path, *options: str, queue: bool = False, port: int | None = None, **environment: str
) -> Iterator[Shared]:
    """Start `python -m spafit.serve`; unless ``queue``, nobody works on its queue: queued runs stay queued."""
    home, log, port = folder / "home", folder / "server.log", port or free_port()
    home.mkdir(exist_ok=True)
    inherited = {k: v for k, v in os.environ.items() if k not in ("SPAFIT_DATABASE_URL", "SPAFIT_GLUE_DIR")}
    fixed = {"SPAFIT_HOME": str(home), "HF_HUB_OFFLINE": "1", "SPAFIT_IDLE_SECONDS": "0"}
    command = [sys.executable, "-m", "spafit.serve", "--port", str(port), *options]
    with nullcontext() if queue else supervisor_lock(home), log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=inherited | fixed | environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            healthy(f"http://127.0.0.1:{port}", process, log)
            yield Shared(f"http://127.0.0.1:{port}", home, log)
            assert process.poll() is None, f"The server ended during the tests:\n{log.read_text()[-3000:]}"
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """Yield a server that others reach."""
    environment = {"SPAFIT_ADMIN_KEY": KEY, "SPAFIT_MAX_UPLOADS_MB": "5"}
    with serving(tmp_path_factory.mktemp("shared"), "--shared", **environment) as server:
        yield server


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Shared]:
    """Yield a server for the person at the machine."""
    with serving(tmp_path) as server:
        yield server
