"""A browser keeps its owner: at the first visit, after a reload, and when a link on another site leads here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from spafit.runs import State
from tests.e2e.browsing import settled
from tests.server.conftest import Shared, serving


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    """Yield a server that others reach, and whose queue nobody works on."""
    with serving(tmp_path, "--shared") as server:
        yield server


@pytest.fixture
def another_site(shared: Shared) -> Iterator[str]:
    """Yield a page on another site with a link to the shared server's runs."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            run = shared.store.list()[0]
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<a href="{shared.url}/runs?run={run.id}">the run</a>'.encode())

        def log_message(self, *_said: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"  # another name, so another site
    server.shutdown()


def test_whoever_started_a_run_may_stop_it_also_when_a_link_elsewhere_leads_to_it(
    browser: Browser, shared: Shared, another_site: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{shared.url}/train")
    settled(page)
    (cookie,) = [cookie for cookie in context.cookies() if cookie.get("name") == "spafit_owner"]
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
    assert "spafit_owner" not in page.evaluate("document.cookie")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("In the queue")).to_be_visible()
    page.goto(another_site)
    page.get_by_role("link", name="the run").click()
    expect(page.get_by_text("In the queue")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Stop it", exact=True).click()
    expect(page.get_by_text("Stopped before its first step")).to_be_visible()
    assert shared.store.list()[0].state is State.STOPPED
    assert [kept for kept in context.cookies() if kept.get("name") == "spafit_owner"] == [cookie]
    context.close()
