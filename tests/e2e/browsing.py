"""What browser tests ask of any page."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end, and check that it shows no exception."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stException")).to_have_count(0)


def has_no_sideways_scroll(page: Page) -> bool:
    """Whether everything fits the width of the window."""
    return bool(
        page.evaluate(
            """() => [document.scrollingElement, ...document.querySelectorAll('[data-testid=stMain]')]
                .every(node => node.scrollWidth <= node.clientWidth + 1)"""
        )
    )
