"""Measures how fast Try it answers for the bundled model: the first time, and from a key press to the page.

    python benchmarks/tryout_speed.py [--times 30]

Trains a few steps, starts a server of its own and types in a browser (Debian's chromium). The time from a key press to
the new figure on the page is also divided: until the browser sends, until the server's last word, until it is drawn.
The first answer is measured on a fresh server, from a key press right after the page was opened and from one three
seconds later, since the process that answers starts with the page and imports PyTorch while somebody types.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from benchmarks import reporting
from benchmarks.explore_speed import CHROMIUM, OPTIONS
from benchmarks.shared_server import server
from spafit.runs import Store
from spafit.tryout.client import Client

FIRST, NEXT = 3000.0, 150.0
TYPING_SECONDS = 3.0
TEXTS = ("a warm and funny story, well told", "dull, endless and badly acted")
TRAIN = ("train", "minilm-l6", "rotten-tomatoes", "--n1", "2", "--n2", "4", "--quick")
WATCH = """
window.asked = {};
const stamp = () => performance.now();
const shown = () => document.querySelector('[data-testid=stMetric]')?.textContent ?? '';
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(...about) {
    super(...about);
    this.addEventListener('message', () => { if (!window.asked.drawn) window.asked.told = stamp(); });
  }
  send(what) { window.asked.sent ??= stamp(); super.send(what); }
};
window.ask = () => { window.asked = { before: shown() }; };
window.addEventListener('keydown', () => { window.asked.pressed = stamp(); delete window.asked.sent; }, true);
new MutationObserver(() => {
  const now = shown();
  if (window.asked.pressed && !window.asked.drawn && now && now !== window.asked.before) {
    requestAnimationFrame(() => { window.asked.drawn ??= stamp(); });
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
"""Notes, in the page, when a key was pressed, when the browser first sent something after it, when the server last said
something before the figure changed, and when the change was painted."""


def train(home: Path) -> str:
    """Train a short run of the bundled model and return its id."""
    environment = os.environ | {"SPAFIT_HOME": str(home), "HF_HUB_OFFLINE": "1", "SPAFIT_IDLE_SECONDS": "0"}
    subprocess.run([sys.executable, "-m", "spafit", *TRAIN], env=environment, check=True, capture_output=True)
    os.environ["SPAFIT_HOME"] = str(home)
    (run,) = Store.open().list()
    return run.id


def milliseconds(do: Callable[[], object]) -> float:
    """Time a call."""
    begun = time.perf_counter()
    do()
    return 1000 * (time.perf_counter() - begun)


def worker_alone(run: str, times: int) -> dict[str, list[float]]:
    """Time the process that answers alone: the first time, then for the trained and the untrained model."""
    client = Client()
    try:
        first = milliseconds(lambda: client.predict(run, [TEXTS[0]]))
        answers = [milliseconds(lambda n=n: client.predict(run, [TEXTS[n % 2]])) for n in range(times)]
        before = [milliseconds(lambda n=n: client.predict(run, [TEXTS[n % 2]], trained=False)) for n in range(times)]
    finally:
        client.close()
    return {"first": [first], "trained": answers, "untrained": before}


def opened(browser: Browser, url: str, run: str) -> Page:
    """Try it with a run, drawn to its end, in a window of its own."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH)
    page.goto(f"{url}/tryout?runs={run}")
    expect(page.get_by_label("Text", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    return page


def pressed(page: Page, where: Locator, key: str) -> dict[str, float]:
    """Press a key and return what passed until the figure had changed: whole, and divided."""
    page.evaluate("() => window.ask()")
    where.press(key)
    page.wait_for_function("() => window.asked.drawn", timeout=120_000)
    asked: dict[str, Any] = page.evaluate("() => window.asked")
    told = min(asked.get("told", asked["drawn"]), asked["drawn"])
    return {
        "whole": asked["drawn"] - asked["pressed"],
        "until sent": asked["sent"] - asked["pressed"],
        "server": told - asked["sent"],
        "drawing": asked["drawn"] - told,
    }


def asked(page: Page, text: str) -> dict[str, float]:
    """Type a text and send it."""
    box = page.get_by_label("Text", exact=True)
    box.fill(text)
    found = pressed(page, box, "Control+Enter")
    page.wait_for_timeout(400)  # what follows the answer is over, and the browser has nothing left to do
    return found


def first_answer(browser: Browser, run: str, typing_seconds: float) -> dict[str, float]:
    """Time the first answer of a server that has just started."""
    with server(Path(os.environ["SPAFIT_HOME"])) as url:
        page = opened(browser, url, run)
        page.wait_for_timeout(1000 * typing_seconds)
        found = asked(page, TEXTS[0])
        page.close()
    return found


def in_the_page(browser: Browser, run: str, times: int) -> dict[str, list[dict[str, float]]]:
    """Answers to further texts, and to moves of the fader while the text stays."""
    with server(Path(os.environ["SPAFIT_HOME"])) as url:
        page = opened(browser, url, run)
        for text in TEXTS:
            asked(page, text)
        texts = [asked(page, TEXTS[number % 2]) for number in range(times)]
        page.get_by_text("Fader").first.click()
        slider = page.get_by_role("slider", name=re.compile("Stratum 3"))
        expect(slider).to_be_visible()
        page.wait_for_timeout(500)
        moves = []
        for number in range(times):
            moves.append(pressed(page, slider, "End" if number % 2 else "Home"))
            page.wait_for_timeout(600)
        page.close()
    return {"text": texts, "fader": moves}


def row(name: str, found: list[dict[str, float]], target: float) -> tuple[object, ...]:
    """Return a line of the table: medians, and whether the whole is within its target."""
    middle = {part: statistics.median(one[part] for one in found) for part in found[0]}
    parts = (f"{middle[part]:.0f}" for part in ("until sent", "server", "drawing"))
    slow = max(one["whole"] for one in found)
    return name, f"{middle['whole']:.0f}", f"{slow:.0f}", *parts, "ok" if middle["whole"] < target else "MISSED"


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=30)
    chosen = parser.parse_args()
    facts = reporting.machine()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        run = train(Path(home))
        alone = worker_alone(run, chosen.times)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        at_once, later = (first_answer(browser, run, seconds) for seconds in (0.0, TYPING_SECONDS))
        further = in_the_page(browser, run, chosen.times)
        browser.close()
    print("The process that answers, alone, ms (median):")
    reporting.table(("", "ms"), [(name, f"{statistics.median(times):.0f}") for name, times in alone.items()])
    print("\nFrom the key press to the page, ms (medians):")
    rows = [
        row("first answer, text sent at once", [at_once], FIRST),
        row(f"first answer, after {TYPING_SECONDS:.0f} s of typing", [later], FIRST),
        row("next text", further["text"], NEXT),
        row("a move of the fader", further["fader"], NEXT),
    ]
    reporting.table(("", "whole", "slowest", "until sent", "server", "drawing", ""), rows)
    print(f"\nTargets: the first answer under {FIRST:.0f} ms, further ones under {NEXT:.0f} ms.")
    results = {"worker_ms": alone, "first_ms": {"at once": at_once, "after typing": later}, "next_ms": further}
    reporting.save("tryout_speed", facts, results)


if __name__ == "__main__":
    main()
