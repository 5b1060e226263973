"""Fields of the Train page as a person types into them: what is seen is what is submitted."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

Opener = Callable[..., Page]


def test_what_is_not_allowed_stays_in_the_field_and_starts_nothing(open_page: Opener) -> None:
    page = open_page("train")
    epochs, start = page.get_by_role("spinbutton", name="Epochs"), page.get_by_role("button", name="Start training")
    examples = page.get_by_role("spinbutton", name="Training examples")

    epochs.fill("1e9")
    start.click()  # the press leaves the field, so that both arrive together
    expect(page.get_by_text("Epochs must be a number above 0 and at most 10000, not 1e+09.")).to_be_visible()
    expect(start).to_be_disabled()
    expect(epochs).to_have_value("1000000000")

    epochs.fill("")
    epochs.press("Tab")
    expect(page.get_by_text("Epochs must be a number above 0 and at most 10000, not empty.")).to_be_visible()
    expect(epochs).to_have_value("")

    epochs.fill("2")
    examples.fill("1e3")
    examples.press("Tab")
    expect(examples).to_have_value("1000")
    examples.fill("2.5")
    examples.press("Tab")
    expect(page.get_by_text("Training examples must be a whole number from 2 to 1000000000 or empty")).to_be_visible()
    expect(examples).to_have_value("2.5")
    examples.fill("")
    examples.press("Tab")
    expect(start).to_be_enabled()
    assert "run=" not in page.url  # a page that started a run names it in its address
