"""A map that came as a file, in a real browser: scores while a boundary is dragged, and its page without a server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from spafit.maps import kept
from spafit.maps.file import packed, read
from spafit.maps.measured import group, measured_map
from spafit.maps.page import map_page
from spafit.runs import Origin
from tests.e2e.browsing import Server, settled
from tests.e2e.exploring import at, box, grip, middle, row_height
from tests.e2e.serving import serving
from tests.maps.recorded_map import made_up


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the app as a fresh clone has it: with the recorded maps, and nobody has trained anything."""
    with serving(tmp_path_factory.mktemp("fresh"), recorded=True) as running:
        yield running


@pytest.fixture
def page(browser: Browser, fresh: Server) -> Iterator[Page]:
    """Open Explore there, wide and high enough for a map."""
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    opened = context.new_page()
    opened.goto(fresh.address("explore"))
    settled(opened)
    at(opened, 2, 4)
    yield opened
    context.close()


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the recorded scores of Rotten Tomatoes, by name."""
    monkeypatch.delenv(kept.NO_RECORDED)
    (series,) = group(kept.runs("minilm-l6", "rotten-tomatoes"))
    return {point["name"]: f"{point['mean']:.3f}" for point in measured_map(series, "accuracy")["cells"]}


def test_the_score_follows_the_drag(page: Page, scores: dict[str, str]) -> None:
    ribbon = page.locator(".ribbon").first
    expect(ribbon).to_contain_text(scores["SPAFIT-2-4"])
    x, y = middle(grip(page, 2))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 2 * row_height(page), steps=4)
    expect(ribbon).to_contain_text(scores["SPAFIT-2-6"])
    page.mouse.move(x, y + 2 * row_height(page), steps=4)
    expect(ribbon).to_contain_text(scores["SPAFIT-2-2"])
    page.mouse.up()
    at(page, 2, 2)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def test_what_is_selected_in_one_picture_is_selected_in_the_other_and_in_the_table(page: Page) -> None:
    page.get_by_role("radio", name="Map", exact=True).click()
    triangle, picture = page.locator(".map"), page.locator(".st-key-explore_map_points .nsewdrag")
    plane = triangle.locator(".plane")
    rows = page.get_by_test_id("stDataFrame").locator("[role=row][aria-selected=true]")
    expect(plane).to_have_attribute("aria-label", has("0 selected"))

    def cell(n1: int, n2: int) -> tuple[float, float]:
        place = box(triangle.locator("canvas"))
        side = place["width"] / 7
        return place["x"] + (n1 + 0.5) * side, place["y"] + (6 - n2 + 0.5) * side

    drag(page, cell(2, 3), cell(2, 4))
    expect(plane).to_have_attribute("aria-label", has("2 selected"))
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("SPAFIT-2-3")
    expect(page.get_by_text("SPAFIT-2-3 and SPAFIT-2-4 do not differ by more than seed noise")).to_be_visible()
    expect(page.locator(".st-key-explore_map_points .js-plotly-plot")).to_have_count(1)
    assert chosen_in(page.locator(".st-key-explore_map_points .js-plotly-plot")) == ["SPAFIT-2-3", "SPAFIT-2-4"]
    settled(page)
    place = box(picture)
    drag(page, (place["x"] + 2, place["y"] + 2), (place["x"] + place["width"] - 2, place["y"] + place["height"] - 2))
    expect(plane).to_have_attribute("aria-label", has("28 selected"))
    settled(page)


def has(words: str) -> re.Pattern[str]:
    return re.compile(f"\\b{words}\\b")


def chosen_in(picture: Locator) -> list[str]:
    """Return the names of the points that a picture marks."""
    marked = "node => node.data.flatMap((trace) => (trace.selectedpoints ?? []).map((at) => trace.customdata[at][0]))"
    return picture.evaluate(marked)


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
