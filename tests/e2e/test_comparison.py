"""A comparison by its link, in a browser: what it says, its zoom under a run that goes on, and its CSV."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from spafit.runs import State, Store, processes
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from spafit.training.events import Evaluated
from tests.e2e.browsing import Server
from tests.pages.made_up import FINISHED, events_until

Opener = Callable[..., Page]
PATIENCE = 60_000  # milliseconds: the statistics are done in a process that first has to start


def made(store: Store, method: str, seed: int, score: float | None = None, worker: str = "") -> str:
    """Return a finished run, or without a score one that a worker seems to be at."""
    run_id = store.submit(RunSpec("minilm-l6", "rotten-tomatoes", preset(method, 6), replace(QUICK, seed=seed)))
    run = store.claim(run_id, "a test")
    assert run is not None
    store.attach(run, worker or processes.identity(), {}, {})
    store.record(run, [event.to_dict() for event in events_until(60 if score is None else 40)])
    if score is not None:
        told = replace(FINISHED, validation_metrics={"accuracy": score})
        store.conclude(run, State.FINISHED, events=[told.to_dict()])
    return run_id


@pytest.mark.timeout(300)
def test_a_link_opens_a_comparison_that_grows_and_keeps_its_zoom(open_page: Opener, server: Server) -> None:
    store = Store.open(f"sqlite:///{server.home / 'spafit.db'}", server.home)
    ids = [made(store, "spafit", seed, score) for seed, score in enumerate((0.80, 0.81, 0.83))]
    ids += [made(store, "bitfit", seed, score) for seed, score in enumerate((0.70, 0.72, 0.725))]
    # A process of its own, which is over with its run: the queue gives its place to nobody else before.
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    live = made(store, "spafit", 3, worker=processes.identity(worker.pid))
    try:
        page = open_page(f"runs?runs={'.'.join([*ids, live])}", height=1200)
        said = page.get_by_text(re.compile(r"SPAFIT-2-4 is better than BitFit by 0\.098"))
        expect(said).to_be_visible(timeout=PATIENCE)
        chart = page.locator(".curves").first
        expect(chart.locator(".legend")).to_contain_text("SPAFIT-2-4, n = 3")
        expect(chart.locator(".legend")).to_contain_text("SPAFIT-2-4, seed 3")
        expect(chart).to_have_attribute("data-points", "6")

        chart.scroll_into_view_if_needed()
        box = chart.locator("svg").bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + 0.3 * box["width"], middle)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=4)
        page.mouse.up()
        expect(chart).to_have_attribute("data-zoom", re.compile(r"\S+ \S+"))
        zoom = chart.get_attribute("data-zoom")
        store.record(store.get(live), [Evaluated(70, {"accuracy": 0.9}, 0.4, 12.0, 3.5).to_dict()])
        expect(chart).to_have_attribute("data-points", "7", timeout=PATIENCE)
        assert chart.get_attribute("data-zoom") == zoom
        chart.get_by_role("button", name="Show all").click()
        expect(chart).to_have_attribute("data-zoom", "")
    finally:
        store.conclude(store.get(live), State.STOPPED)
        worker.communicate()

    with page.expect_download() as download:
        page.get_by_test_id("stMain").get_by_role("button", name="All of it (CSV)").click()
    with Path(download.value.path()).open(encoding="utf-8") as file:
        assert {row["run"] for row in csv.DictReader(file)} == {*ids, live}
