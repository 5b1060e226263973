"""Every page as the first of a session: wide and narrow, light and dark, in the states a run can be in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browsing import Server, has_no_sideways_scroll, settled
from tests.e2e.exploring import BERT, DEEP

Opener = Callable[..., Page]
KEPT = "name => (document.cookie.match(/spafit_name=([^;]*)/)?.[1] ?? '') === encodeURIComponent(name)"
PROBLEMS = Path(__file__).with_name("layout.js").read_text(encoding="utf-8")
PAGES = ("", *sorted(file.stem for file in (Path(__file__).parents[2] / "pages").glob("*.py")))


def brightness(page: Page) -> float:
    """Of the page's background, 0 to 255."""
    color = page.get_by_test_id("stApp").evaluate("node => getComputedStyle(node).backgroundColor")
    channels = [float(value) for value in color[color.index("(") + 1 : -1].split(",")[:3]]
    return sum(channels) / 3


@pytest.mark.parametrize("address", PAGES)
def test_every_page_fits_wide_and_narrow_in_light_and_dark(open_page: Opener, address: str) -> None:
    light = open_page(address, width=1280, scheme="light")
    assert has_no_sideways_scroll(light)
    assert brightness(light) > 200
    dark = open_page(address, width=400, scheme="dark")
    assert has_no_sideways_scroll(dark)
    assert brightness(dark) < 60


def test_the_navigation_leads_everywhere(open_page: Opener) -> None:
    page = open_page()
    sidebar = page.get_by_test_id("stSidebar")
    for name in ("Explore", "Train", "Runs", "About and licences", "Home"):
        sidebar.get_by_role("link", name=name, exact=True).click()
        heading = "spafit" if name == "Home" else name.partition(" ")[0]
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_reload_remembers_the_name_until_the_box_is_emptied(open_page: Opener) -> None:
    page = open_page("about")
    box = page.get_by_label("Your name", exact=True)
    for name in ("Zoë; <b> =1", ""):
        box.fill(name)
        box.press("Enter")
        page.wait_for_function(KEPT, arg=name)
        page.reload()
        settled(page)
        expect(box).to_have_value(name)
        other = page.context.new_page()
        other.goto(page.url.replace("about", "runs"))
        settled(other)
        expect(other.get_by_label("Your name", exact=True)).to_have_value(name)


WINDOWS = ((360, 740), (853, 533), (640, 400), (1280, 800), (1920, 1080), (3840, 2160))
"""Phone, a projector at 150 % and at 200 %, laptop, desktop, wall: in CSS pixels, which zoom divides."""
ADDRESSES = (*PAGES, DEEP, BERT)


def test_nothing_is_cut_or_covered_at_any_width_and_zoom(open_page: Opener, server: Server) -> None:
    page = open_page()
    problems = {}
    for address in ADDRESSES:
        page.goto(server.address(address))
        for width, height in WINDOWS:
            page.set_viewport_size({"width": width, "height": height})
            settled(page)
            assert has_no_sideways_scroll(page), (address, width)
            if found := page.evaluate(PROBLEMS):
                problems[address[:40], width] = found
    assert problems == {}


@pytest.mark.parametrize("address", ["explore", BERT, DEEP])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (853, 533)])
def test_a_stack_is_seen_whole(open_page: Opener, address: str, width: int, height: int) -> None:
    page = open_page(address, width=width, height=height)
    scene = page.locator(".ribbon .scene").first
    expect(scene).to_be_visible()
    box = scene.bounding_box()
    assert box is not None and box["height"] < height
    if address == "explore":  # without scrolling, also at a projector's zoom
        assert box["y"] + box["height"] <= height


def test_on_a_narrow_screen_the_links_stand_above_the_page(open_page: Opener) -> None:
    page = open_page("runs", width=400)
    expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()
    page.get_by_test_id("stMain").get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Train")
    expect(page.get_by_test_id("stSidebar")).not_to_be_in_viewport()
