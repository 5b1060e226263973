"""Visitors of a class, each in a browser context of their own."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page

from tests.e2e.browsing import settled
from tests.server.conftest import Shared


def opened(context: BrowserContext, school: Shared, page: str) -> Page:
    """Open a page in the one tab of a context."""
    tab = context.pages[0] if context.pages else context.new_page()
    tab.goto(f"{school.url}/{page}")
    settled(tab)
    return tab


def joining(context: BrowserContext, school: Shared, code: str, nickname: str) -> Page:
    """Enter a class's code and a nickname, and press the button."""
    page = opened(context, school, f"classroom?code={code}")
    page.get_by_label("Nickname").fill(nickname)
    page.get_by_role("button", name="Join the class").click()
    return page
