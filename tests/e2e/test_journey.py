"""The main job in a browser: move a boundary, read the count, train, watch, reload, find the run again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import run_in, settled
from tests.e2e.exploring import boundary

Opener = Callable[..., Page]
PATIENCE = 300_000  # milliseconds; the run takes about 26 s on two idle cores


@pytest.mark.slow
@pytest.mark.timeout(700)
def test_from_the_first_visit_to_a_trained_model(open_page: Opener) -> None:
    page = open_page()
    page.get_by_test_id("stMain").get_by_role("link").filter(has_text=re.compile(r"Train$")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Train")

    trains = page.get_by_text(re.compile("trains .* parameters")).first
    expect(page.get_by_text("67,202 of 22,763,138")).to_be_visible()
    boundary(page, 2).press("ArrowRight")
    expect(page.get_by_text("SPAFIT-2-5", exact=True)).to_be_visible()
    expect(trains).not_to_contain_text("67,202")

    page.get_by_label("Your name", exact=True).fill("Ada")
    page.get_by_label("Your name", exact=True).press("Enter")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(re.compile(r"/train\?run=\w+"), timeout=30_000)
    address = page.url

    accuracy = page.locator(".curves").first
    expect(accuracy).to_have_attribute("data-points", re.compile("[1-9]"), timeout=PATIENCE)
    before = accuracy.get_attribute("data-points")
    expect(accuracy).not_to_have_attribute("data-points", str(before), timeout=PATIENCE)

    expect(page.locator(".curves")).to_have_count(2)

    page.reload()
    settled(page)
    assert page.url == address
    expect(accuracy).to_have_attribute("data-points", re.compile("[1-9]"))
    expect(page.get_by_text("SPAFIT-2-5", exact=True)).to_have_count(2)  # the run, and the form that started it

    expect(page.get_by_text("Test accuracy", exact=True)).to_be_visible(timeout=PATIENCE)
    page.get_by_role("link", name="Permalink").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Runs")
    page.close()

    later = open_page(f"runs?run={run_in(address)}")
    expect(later.get_by_text("by Ada").first).to_be_visible()  # its history says so again
    figure = later.get_by_test_id("stMetric").filter(has_text="Test accuracy").get_by_test_id("stMetricValue")
    assert 0.65 < float(figure.inner_text()) <= 1
