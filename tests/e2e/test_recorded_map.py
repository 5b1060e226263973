"""A map that came as a file, in a real browser: scores while a boundary is dragged, and its page without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from spafit.maps.file import packed, read
from spafit.maps.page import map_page
from spafit.runs import Origin
from tests.e2e.browsing import settled
from tests.e2e.exploring import at, grip, middle, row_height
from tests.e2e.serving import serving
from tests.maps.recorded_map import lay, made_up


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """Explore with the made-up map, wide, on a server where nobody has trained anything."""
    lay(tmp_path / "home" / "maps", made_up())
    with serving(tmp_path) as server:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        opened = context.new_page()
        opened.goto(server.address("explore"))
        settled(opened)
        at(opened, 2, 4)
        yield opened
        context.close()


def test_the_score_follows_the_drag(page: Page) -> None:
    ribbon = page.locator(".ribbon").first
    expect(ribbon).to_contain_text("0.68")
    x, y = middle(grip(page, 2))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 2 * row_height(page), steps=4)
    expect(ribbon).to_contain_text("0.65")
    page.mouse.move(x, y + 2 * row_height(page), steps=4)
    expect(ribbon).to_contain_text("0.71")
    page.mouse.up()
    at(page, 2, 2)


def test_the_page_plays_from_a_file_without_a_network(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    path.write_text(map_page(read(packed(made_up()), "it", Origin.RECORDED)), encoding="utf-8")
    context = browser.new_context(offline=True)
    try:
        page, errors = context.new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        expect(page.get_by_text("All 192 runs are shown.")).to_be_visible()
        page.get_by_label("Boundary 2").fill("6")
        expect(page.locator(".said")).to_contain_text("SPAFIT-2-6")
        expect(page.locator(".said")).to_contain_text("Accuracy 0.65")
        page.get_by_role("button", name="Rewind").click()
        expect(page.locator("rect.cell:not(.empty)")).to_have_count(0)
        page.get_by_label("Runs a second").select_option("20")
        page.get_by_role("button", name="Replay").click()
        expect(page.locator("rect.cell:not(.empty)")).not_to_have_count(0)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("Recorded, replayed:")).to_be_visible()
        assert not errors
    finally:
        context.close()
