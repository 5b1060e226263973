"""A real server on a free port and a real browser, each started once for all browser tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from spafit.runs import State, Store
from tests.e2e.browsing import Server, settled

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60

expect.set_options(timeout=20_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app on a free port with a data folder of its own; fails when its process ends early."""
    folder = tmp_path_factory.mktemp("server")
    home, log = folder / "home", folder / "server.log"
    home.mkdir()
    port = _free_port()
    environment = {k: v for k, v in os.environ.items() if k not in ("SPAFIT_DATABASE_URL", "SPAFIT_GLUE_DIR")}
    environment |= {"SPAFIT_HOME": str(home), "HF_HUB_OFFLINE": "1", "SPAFIT_IDLE_SECONDS": "10"}
    environment |= {"SPAFIT_NO_RECORDED_MAPS": "1"}  # the test of them brings one
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    running = Server(f"http://127.0.0.1:{port}", home, process, log)
    try:
        _wait_until_healthy(running)
        yield running
        assert process.poll() is None, f"The server ended during the tests:\n{log.read_text()[-3000:]}"
    finally:
        process.terminate()
        process.wait(timeout=20)
        _stop_runs(home)


def _stop_runs(home: Path) -> None:
    """Leave no training behind when a test failed half-way."""
    store = Store.open(f"sqlite:///{home / 'spafit.db'}", home)
    for run in store.list(state=(State.QUEUED, State.RUNNING)):
        store.request_stop(run.id)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(server: Server) -> None:
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless. Without it the tests skip and say so; where CI=true they fail."""
    if not CHROMIUM.exists():
        message = f"No browser at {CHROMIUM}; install Debian's chromium to run the browser tests."
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[OpenPage]:
    """Open an address in a browser context of its own: `open_page("explore", width=400, scheme="dark")`.

    It waits until the page's script has run and no exception is on it.
    """
    contexts = []

    def opened(
        address: str = "", *, width: int = 1280, height: int = 900, scheme: str = "light", touch: bool = False
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # ty: ignore[invalid-argument-type]
            has_touch=touch,
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(server.address(address))
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Home at 1280 pixels in the light theme."""
    return open_page()
