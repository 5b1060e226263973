"""The lesson's first pages on a phone, by the keyboard alone; a reload keeps what was done."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.e2e.browsing import has_no_sideways_scroll, settled
from tests.e2e.exploring import at, boundary

Opener = Callable[..., Page]


def bar(page: Page) -> Locator:
    return page.locator(".st-key-lesson_bar")


def turn_to(page: Page, number: int) -> None:
    page.get_by_role("button", name="Next", exact=True).press("Enter")
    expect(bar(page)).to_contain_text(f"{number} of 12")
    settled(page)
    assert has_no_sideways_scroll(page)


def test_the_first_pages_by_keyboard_at_phone_size(open_page: Opener) -> None:
    page = open_page("lesson", width=400, height=800)
    expect(bar(page)).to_contain_text("1 of 12")
    expect(bar(page)).to_be_in_viewport()
    at(page, 2, 4)
    boundary(page, 2).press("ArrowDown")
    expect(bar(page)).to_contain_text("Done.")
    turn_to(page, 2)

    page.get_by_role("radio").first.press("Space")
    lock = page.get_by_role("button", name="Lock my answer")
    expect(lock).to_be_enabled()
    lock.press("Enter")
    expect(bar(page)).to_contain_text("Done.")
    expect(page.get_by_test_id("stAlert")).to_contain_text("In the embeddings, below layer 1.")
    turn_to(page, 3)

    at(page, 0, 6)
    for _ in range(4):
        boundary(page, 1).press("ArrowUp")
    expect(bar(page)).to_contain_text("Done.")
    at(page, 4, 6)
    expect(page).to_have_url(re.compile("page=3"))

    page.reload()
    settled(page)
    expect(bar(page)).to_contain_text("3 of 12")
    expect(bar(page)).to_contain_text("Done.")
    at(page, 4, 6)  # the setting too, not the one that the page begins with
    page.get_by_role("button", name="Back", exact=True).press("Enter")
    expect(bar(page)).to_contain_text("2 of 12")
    expect(page.get_by_test_id("stAlert")).to_contain_text("In the embeddings, below layer 1.")
