"""Data in a real browser: a file with hostile cells, from upload to deletion, on a narrow and a wide screen."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, expect

from spafit.tasks.upload.encodings import ENCODINGS
from spafit.tasks.upload.records import QUOTES
from tests.e2e.browsing import has_no_sideways_scroll, settled

OpenPage = Callable[..., Page]
HOSTILE = '<img src="x" onerror="window.hostile = 1"> **bold** [link](javascript:alert(1)) =1+1'


def test_a_hostile_file_is_shown_letter_by_letter(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "hostile.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["words", "<b>mood</b>"])
        writer.writerows([f"{HOSTILE} {i}", ("<i>good</i>", "bad")[i % 2]] for i in range(30))
    page = open_page("data", width=400, scheme="dark")
    page.get_by_role("tab", name="Your own data").click()
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_role("cell", name='<img src="x" onerror=').first).to_be_visible()
    assert has_no_sideways_scroll(page)
    page.get_by_role("button", name="Store this data set").click()
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("heading", name="Which of 2 classes is in the column “<b>mood</b>”")).to_be_visible()
    expect(page.get_by_test_id("stMetric").first).to_contain_text("Training examples")
    expect(page.locator(".ytick").filter(has_text="<i>good</i>")).to_have_count(1)
    settled(page)
    assert has_no_sideways_scroll(page)
    expect(page.get_by_test_id("stMain").locator("img, a[href^=javascript]")).to_have_count(0)
    assert page.evaluate("window.hostile") is None

    address = page.url
    assert "task=data-" in address
    page.get_by_role("tab", name="Your own data").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it for everybody").click()
    expect(page.get_by_text("No data set is stored yet.")).to_be_visible()


def choose(page: Page, field: str, option: str) -> None:
    """Choose from a list; one that the answer to an earlier choice draws anew, and so closes, is opened again."""
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(5):
        page.get_by_role("combobox", name=field, exact=False).first.click()
        try:
            wanted.click(timeout=5_000)
            break
        except TimeoutError:
            settled(page)
    settled(page)


def test_what_was_found_out_of_a_file_is_corrected(open_page: OpenPage, tmp_path: Path) -> None:
    path = tmp_path / "отзывы.csv"
    rows = [f'{("тёплый", "скучный")[i % 2]} фильм, "{i},{("да", "нет")[i % 2]},{i % 3}' for i in range(30)]
    path.write_bytes("\n".join(["отзыв,ещё,оценка,звёзды", *rows]).encode("cp1251"))
    page = open_page("data")
    page.get_by_role("tab", name="Your own data").click()
    page.locator("input[type=file]").first.set_input_files(path)
    told = page.get_by_test_id("stMain")
    expect(page.get_by_role("cell", name="тёплый фильм").first).to_be_visible()
    expect(told).to_contain_text("30 rows · CSV · Windows-1251")
    choose(page, "Encoding", ENCODINGS["koi8-r"])
    expect(page.get_by_role("cell", name="тёплый фильм")).to_have_count(0)
    choose(page, "Encoding", ENCODINGS["cp1251"])
    expect(page.get_by_role("cell", name="тёплый фильм").first).to_be_visible()
    choose(page, "Quotation marks", QUOTES["plain"])
    choose(page, "Text", "отзыв")
    choose(page, "Label", "звёзды")
    expect(told).to_contain_text("30 rows can be used, 3 classes: 0, 1, 2")
    page.get_by_text("The first line names the columns").click()
    expect(page.get_by_role("cell", name="отзыв").first).to_be_visible()


def test_back_leaves_the_page_in_one_step(open_page: Callable[..., Page]) -> None:
    page = open_page("about")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Data", exact=True).click()
    expect(page).to_have_url(re.compile(r"/data\?task=[\w-]+$"))
    settled(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/about$"))
