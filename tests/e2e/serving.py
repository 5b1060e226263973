"""A real server in a process of its own, on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spafit.runs import State, Store
from tests.e2e.browsing import Server

ROOT = Path(__file__).parents[2]
START_SECONDS = 60


@contextmanager
def serving(folder: Path, *, recorded: bool = False) -> Iterator[Server]:
    """Serve the app with the data folder `home` in a folder; fail when its process ends early.

    Args:
        folder: of the data folder and the server's log.
        recorded: whether the recorded maps are there too.
    """
    home, log = folder / "home", folder / "server.log"
    home.mkdir(exist_ok=True)
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if k not in ("SPAFIT_DATABASE_URL", "SPAFIT_GLUE_DIR")}
    environment |= {"SPAFIT_HOME": str(home), "HF_HUB_OFFLINE": "1", "SPAFIT_IDLE_SECONDS": "10"}
    environment.pop("SPAFIT_NO_RECORDED_MAPS", None)
    environment |= {} if recorded else {"SPAFIT_NO_RECORDED_MAPS": "1"}
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    running = Server(f"http://127.0.0.1:{port}", home, process, log)
    try:
        wait_until_healthy(running)
        yield running
        assert process.poll() is None, f"The server ended during the tests:\n{log.read_text()[-3000:]}"
    finally:
        process.terminate()
        process.wait(timeout=20)
        stop_runs(home)


def stop_runs(home: Path) -> None:
    """Leave no training behind when a test failed half-way."""
    store = Store.open(f"sqlite:///{home / 'spafit.db'}", home)
    for run in store.list(state=(State.QUEUED, State.RUNNING)):
        store.request_stop(run.id)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail(f"The server ended with code {server.process.returncode}:\n{server.log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"The server did not answer within {START_SECONDS} s:\n{server.log.read_text()[-3000:]}")
