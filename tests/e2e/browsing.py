"""The server that browser tests talk to, and what they ask of any page."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, TimeoutError, expect


@dataclass(frozen=True)
class Server:
    """A running app: where it answers, its data folder and its process."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    log: Path

    def address(self, page: str = "") -> str:
        """Return the address of a page, such as ``explore`` or ``runs?run=ID``."""
        return f"{self.url}/{page}"


def run_in(address: str) -> str:
    """Return the id of the run in an address, whatever else stands in it."""
    found = re.search(r"[?&]run=(\w+)", address)
    assert found, address
    return found[1]


def settled(page: Page) -> None:
    """Wait until the page's script has run to its end, and check that it shows no exception."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stException")).to_have_count(0)


FITS = """() => [document.scrollingElement, ...document.querySelectorAll('[data-testid=stMain]')]
    .every(node => node.scrollWidth <= node.clientWidth + 1)"""


def has_no_sideways_scroll(page: Page) -> bool:
    """Whether everything fits the width of the window, as soon as what is drawn has followed it."""
    try:
        page.wait_for_function(FITS)
    except TimeoutError:
        return False
    return True
