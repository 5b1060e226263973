"""A sweep of four cells from the page: chosen by dragging, paused, through a restart of the server, seen to fill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from spafit.runs import State, Store
from tests.e2e.browsing import Server, has_no_sideways_scroll, settled
from tests.e2e.exploring import box
from tests.e2e.serving import ROOT, free_port, stop_runs, wait_until_healthy
from tests.runs.helpers import STANDIN, eventually

SCRIPT = "steps=30 delay=0.1"


class Restarted:
    """A server of the test's own, over a scripted training loop, that can be started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.home, self.log, self.port = folder / "home", folder / "server.log", free_port()
        self.home.mkdir()
        self.store = Store.open(f"sqlite:///{self.home / 'spafit.db'}", self.home)
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers."""
        paths = os.pathsep.join(filter(None, (str(STANDIN), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"SPAFIT_HOME": str(self.home), "SPAFIT_IDLE_SECONDS": "0", "PYTHONPATH": paths}
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(self.port)]
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment | {"SCRIPTED": SCRIPT}, stdout=output, stderr=output
            )
        self.server = Server(f"http://127.0.0.1:{self.port}", self.home, process, self.log)
        wait_until_healthy(self.server)

    def kill(self) -> None:
        """End it at once."""
        self.server.process.kill()
        self.server.process.wait()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Restarted]:
    running = Restarted(tmp_path)
    yield running
    running.kill()
    stop_runs(running.home)


def cell_on(page: Page, canvas: str, n1: int, n2: int) -> tuple[float, float]:
    place = box(page.locator(canvas))
    side = place["width"] / 7
    return place["x"] + (n1 + 0.5) * side, place["y"] + (6 - n2 + 0.5) * side


def test_a_sweep_is_launched_paused_survives_a_restart_and_fills(browser: Browser, app: Restarted) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    page.goto(app.server.address("sweeps"))
    settled(page)
    page.get_by_role("button", name="None", exact=True).click()
    expect(page.locator(".cells .readout")).to_have_text("0 cells chosen.")
    page.mouse.move(*cell_on(page, ".cells canvas", 0, 6))
    page.mouse.down()
    page.mouse.move(*cell_on(page, ".cells canvas", 1, 5), steps=4)
    page.mouse.up()
    expect(page.locator(".cells .readout")).to_have_text("4 cells chosen.")
    expect(page.get_by_text("4 runs to train")).to_be_visible()
    page.get_by_role("button", name="Train them").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused", exact=False).first).to_be_visible()
    eventually(lambda: not app.store.list(state=State.RUNNING))
    finished = len(app.store.list(state=State.FINISHED))
    assert finished < 4 and len(app.store.list(state=State.QUEUED)) == 4 - finished
    app.kill()
    app.start()
    page.goto(app.server.address("sweeps"))
    settled(page)
    expect(page.get_by_text(f"{finished} of 4 finished")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("link", name="minilm-l6 on Rotten Tomatoes").click()
    expect(page.get_by_text("4 of 4 finished")).to_be_visible(timeout=60_000)
    for n1, n2 in ((0, 5), (0, 6), (1, 5), (1, 6)):
        page.mouse.move(*cell_on(page, ".map canvas", n1, n2))
        expect(page.locator(".map .readout")).to_contain_text(f"layers {n1} and {n2}: accuracy 0.750, 1 seed")
    assert has_no_sideways_scroll(page)
    assert {(run.state, run.attempt) for run in app.store.list()} == {(State.FINISHED, 1)}
    page.close()
