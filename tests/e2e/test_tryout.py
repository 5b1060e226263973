"""From a finished run to its answers: a sentence, the fader by stratum and by layer, and the zip that is taken home."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from spafit.runs import Run, State, Store
from spafit.stratification import preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.loop import train
from tests.e2e.browsing import Server, settled
from tests.tiny import save_tiny_model

Opener = Callable[..., Page]
PATIENCE = 120_000  # milliseconds: two processes have to import PyTorch first
SENTENCE = "a great film"
# At this rate a few steps of a tiny model move its answers far enough to be seen in percent.
SETTINGS = TrainSettings(train_samples=64, max_steps=12, max_length=16, eval_samples=20, learning_rate=0.03)


@pytest.fixture
def finished(server: Server) -> Run:
    """Train a tiny model in the server's store and return its run."""
    store = Store.open(f"sqlite:///{server.home / 'spafit.db'}", server.home)
    base = save_tiny_model(server.home.parent / "tiny-bert")
    spec = RunSpec(str(base), "rotten-tomatoes", preset("spafit", 3, 1, 2), SETTINGS)
    run = store.claim(store.submit(spec), "a test")
    assert run is not None
    *told, last = [event.to_dict() for event in train(spec, folder=store.folder(run.id))]
    store.record(run, told)
    store.conclude(run, State.FINISHED, events=[last])
    return store.get(run.id)


@pytest.mark.timeout(400)
def test_a_finished_run_answers_a_sentence_fades_and_goes_home(
    open_page: Opener, server: Server, finished: Run
) -> None:
    page = open_page("about")
    page.goto(
        server.address(f"runs?run={finished.id}")
    )  # its tabs need a process that imports PyTorch, its link does not
    page.get_by_test_id("stMain").get_by_role("link", name="Try it", exact=True).click()
    page.wait_for_url(f"**/tryout?runs={finished.id}")
    box = page.get_by_label("Text", exact=True)
    box.fill(SENTENCE)
    box.press("Control+Enter")
    said = page.get_by_test_id("stMetric")
    expect(said).to_contain_text(re.compile(r"(negative|positive)\s*\d+\.\d%"), timeout=PATIENCE)
    trained = said.inner_text()

    page.get_by_text("Fader: from the pretrained").click()
    by_stratum = page.get_by_role("slider", name=re.compile("Stratum 3"))
    by_stratum.press("Home")
    expect(said).not_to_have_text(trained, use_inner_text=True)
    expect(box).to_have_value(SENTENCE)
    by_stratum.press("End")
    expect(said).to_have_text(trained, use_inner_text=True)
    page.get_by_text("Layer by layer").click()
    layer = page.get_by_role("slider", name=re.compile("Layer 3"))
    expect(page.get_by_role("slider", name=re.compile("Layer 1"))).to_have_count(0)  # frozen: nothing to fade
    layer.press("Home")
    expect(said).not_to_have_text(trained, use_inner_text=True)
    expect(box).to_have_value(SENTENCE)

    page.get_by_text("Take it home").click()
    page.get_by_role("button", name="Make the zip").click()
    button = page.get_by_role("button", name=re.compile(r"Download \("))
    expect(button).to_be_visible(timeout=PATIENCE)
    settled(page)
    listed = page.get_by_test_id("stCode").inner_text().split()
    with page.expect_download() as download:
        button.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == listed
        assert {"model/adapter_model.safetensors", "model/README.md", "curve.html", "report.html"} <= set(listed)
