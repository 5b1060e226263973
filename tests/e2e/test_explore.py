"""Explore in a real browser: the map, the address, links, the picker, downloads, and every tab wide and narrow."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from spafit.counting import triangle
from spafit.models.load import load_anatomy
from spafit.stratification import preset
from tests.e2e.browsing import has_no_sideways_scroll, settled
from tests.e2e.exploring import BERT, DEEP, at, boundary, box, said

OpenPage = Callable[..., Page]
VIEWS = ("Layer by layer", "Methods", "Map", "Cost", "Method per stratum", "Compare", "Export")


def open_view(page: Page, name: str) -> None:
    """Open one of Explore's views, by the keyboard since the page may still be moving, and wait for what is in it."""
    view = page.get_by_role("radio", name=name, exact=True)
    view.press("Enter")
    expect(view).to_be_checked()
    settled(page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_every_tab_fits(open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page("explore", width=width, scheme=scheme)
    for view in VIEWS:
        open_view(page, view)
        assert has_no_sideways_scroll(page), view


def test_no_press_is_lost_while_the_page_is_drawn(open_page: OpenPage) -> None:
    page = open_page("explore")
    views = page.get_by_role("radiogroup", name="View").get_by_role("radio")
    for name in (*VIEWS[1:], *VIEWS[:3]):
        page.get_by_role("radio", name=name, exact=True).press("Enter")  # at once: nobody waits for a page to be drawn
    settled(page)
    expect(page.get_by_role("radio", name=VIEWS[2], exact=True)).to_be_checked()
    expect(views.and_(page.get_by_role("radio", checked=True))).to_have_count(1)
    expect(page.locator(".map .readout")).to_be_visible()


def test_the_map_shows_every_setting_and_goes_where_it_is_clicked(open_page: OpenPage) -> None:
    page = open_page(BERT)
    cells = triangle(load_anatomy("bert-large-cased"), preset("spafit", 24))
    open_view(page, "Map")
    readout = page.locator(".map .readout")
    expect(readout).to_have_text(f"Now: boundaries after layers 8 and 16: {cells[8, 16]:,} parameters train")
    canvas = box(page.locator(".map canvas"))
    side = canvas["width"] / 25
    for n1, n2 in ((0, 0), (0, 24), (24, 24), (3, 20), (12, 12)):
        x, y = canvas["x"] + (n1 + 0.5) * side, canvas["y"] + (24 - n2 + 0.5) * side
        page.mouse.move(x, y)
        expect(readout).to_have_text(f"boundaries after layers {n1} and {n2}: {cells[n1, n2]:,} parameters train")
    page.mouse.move(canvas["x"] + 23 * side, canvas["y"] + 23 * side)  # below the diagonal there is no setting
    expect(readout).to_contain_text("Now: boundaries after layers 8 and 16")
    page.mouse.click(canvas["x"] + 3.5 * side, canvas["y"] + 4.5 * side)
    expect(said(page)).to_contain_text(f"SPAFIT-3-20 trains {cells[3, 20]:,}")
    at(page, 3, 20, 24)
    page.locator(".map .plane").press("ArrowRight")
    at(page, 4, 20, 24)
    expect(page.locator(".map .corner")).to_have_text(
        ["LoRA + BitFit in every layer", "BitFit in every layer", "head only"]
    )


def test_the_map_of_126_layers_is_there_at_once(open_page: OpenPage) -> None:
    page = open_page(DEEP, width=400)
    cells = triangle(load_anatomy("llama-3.1-405b"), preset("spafit", 126))
    open_view(page, "Map")
    expect(page.locator(".map .readout")).to_contain_text(f"{cells[42, 84]:,} parameters train")
    expect(page.locator(".map .axis b")).to_have_text(["0", "126"] * 2)
    drawn = page.locator(".map canvas").evaluate(
        "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
    )
    assert drawn > 20


def test_the_address_follows_the_setting_and_a_reload_brings_it_back(open_page: OpenPage) -> None:
    page = open_page("explore")
    before = page.evaluate("history.length")
    boundary(page, 1).press("ArrowUp")
    expect(said(page)).to_contain_text("SPAFIT-3-4")
    expect(page).to_have_url(re.compile(r"/explore\?s=[\w-]+$"))
    assert page.evaluate("history.length") == before
    page.reload()
    expect(said(page)).to_contain_text("SPAFIT-3-4")
    at(page, 3, 4)


def test_a_shared_link_opens_the_same_page_for_others(open_page: OpenPage) -> None:
    page = open_page("explore")
    page.get_by_role("radio", name="LoRA", exact=True).first.click()
    expect(said(page)).to_contain_text("LoRA trains 148,226")
    open_view(page, "Export")
    link = page.get_by_test_id("stCode").first.inner_text().strip()
    other = open_page(link.partition("/explore")[1].strip("/") + link.partition("/explore")[2])
    expect(said(other)).to_contain_text("LoRA trains 148,226")


def test_a_damaged_link_is_refused_politely(open_page: OpenPage) -> None:
    page = open_page("explore?s=nonsense")
    expect(page.get_by_text("This link is damaged")).to_be_visible()
    at(page, 2, 4)
    boundary(page, 1).press("ArrowUp")
    expect(page.get_by_text("This link is damaged")).to_be_hidden()


def test_the_setting_goes_along_to_train_and_back(open_page: OpenPage) -> None:
    page = open_page("explore")
    boundary(page, 2).press("ArrowUp")
    expect(said(page)).to_contain_text("SPAFIT-2-5")
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_text("SPAFIT-2-5", exact=True).first).to_be_visible()
    sidebar.get_by_role("link", name="Explore", exact=True).click()
    at(page, 2, 5)
    expect(said(page)).to_contain_text("SPAFIT-2-5")


def test_a_model_is_found_by_typing(open_page: OpenPage) -> None:
    page = open_page("explore")
    picker = page.get_by_role("combobox").first
    picker.click()
    picker.fill("bert large, cased")
    page.get_by_role("option").first.click()
    at(page, 8, 16, 24)
    expect(said(page)).to_contain_text("SPAFIT-8-16 trains 707,586 of 334,105,602")


def test_the_csv_has_the_table(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("explore")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    path = tmp_path / "table.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert sum(int(row["trainable"]) for row in rows) == 67_202
    assert download.value.suggested_filename.endswith("SPAFIT-2-4.csv")


def test_b_has_a_ribbon_of_its_own(open_page: OpenPage) -> None:
    page = open_page("explore")
    open_view(page, "Compare")
    sliders = page.get_by_role("slider", name="boundary 2", exact=True)
    expect(sliders).to_have_count(3)
    page.get_by_role("button", name="Copy A to B").click()
    expect(page.get_by_text("B: SPAFIT-2-4")).to_be_visible()
    sliders.nth(2).press("ArrowUp")
    expect(page.get_by_text("B: SPAFIT-2-5")).to_be_visible()
    expect(said(page)).to_contain_text("SPAFIT-2-4")
    sliders.nth(1).press("ArrowDown")
    expect(page.get_by_text("A: SPAFIT-2-3")).to_be_visible()
    at(page, 2, 3)
