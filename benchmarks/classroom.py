"""Measures a class of thirty: memory and processor, drag and pages while runs train, starts as foretold, first paint.

    python -m benchmarks.classroom [--sessions 30] [--runs 6] [--paints 4]

Starts a server of its own (`python -m spafit.serve --shared`) and a class on it. Its students are raw sessions that
speak Streamlit's websocket protocol, each with a cookie and a nickname; all stand open on Explore and refresh as a
browser does. Then short runs of the bundled model train one after another while boundaries are dragged and pages
opened. First paint is Chromium's, with an empty cache, beside a bare Streamlit page's on this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from playwright.sync_api import Browser, sync_playwright

from benchmarks import reporting
from benchmarks.shared_server import SIDEBAR_SECONDS, Session, new_cookie, server
from spafit.classroom import roster, teacher
from spafit.classroom.turns import Outlook
from spafit.runs import AT_MACHINE, State, Store, owners, submit
from spafit.runs.class_rules import Limits, Rules
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from spafit.ui.classroom.turns import current_outlook

SETTING = RunSpec(
    "minilm-l6",
    "rotten-tomatoes",
    preset("spafit", 6, 2, 4),
    replace(QUICK, train_samples=200, epochs=1.0, eval_samples=100),
)
PAGES = ("explore", "train", "classroom", "runs")
BARE = "import streamlit as st\nst.title('Bare')\nst.write('A page with two lines.')\n"
IDLE_SECONDS = 20.0
SAMPLE_SECONDS = 2.0
SHORTEST_WAIT = 10.0
"""Seconds; of a run that starts sooner, a few tenths would decide."""


@dataclass(frozen=True)
class Foretold:
    """What was said at a moment (seconds since 1970)."""

    at: float
    outlook: Outlook


def kilobytes(process: int) -> int:
    """Return the resident memory of a process."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def seconds_used(process: int) -> float:
    """Return the processor time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def drags(sessions: Sequence[Session], rounds: int) -> list[float]:
    """Return the milliseconds of drags, one after another in the sessions' turn."""
    return [await session.drag() for _ in range(rounds) for session in sessions]


async def opening(url: str, cookie: str) -> dict[str, float]:
    """Return the milliseconds until each page has arrived whole in a session that has just begun."""
    found = {}
    for page in PAGES:
        begun = time.perf_counter()
        session = await Session.opened(url, page, cookie)
        found[page] = (time.perf_counter() - begun) * 1000
        await session.close()
    return found


async def in_class(url: str, process: int, store: Store, count: int, runs: int) -> dict[str, object]:
    """Measure everything that thirty raw sessions can."""
    teachers, _key = teacher.create(
        store,
        AT_MACHINE,
        "Benchmark",
        Rules(SETTING, limits=Limits(runs=100, at_once=50), guess_first=False),
        minutes=120,
    )
    cookies = [new_cookie(url) for _ in range(count)]
    students = [owners.actor_of(store, cookie, enrol=True) for cookie in cookies]
    for place, student in enumerate(students):
        roster.join(store, student, teachers.code, f"Student {place}")
    for cookie in cookies[:2]:  # caches are filled for all visitors
        await opening(url, cookie)
    empty = kilobytes(process)
    sessions = [await Session.opened(url, cookie=cookie) for cookie in cookies]
    full = kilobytes(process)
    standing = [
        asyncio.create_task(session.stand_open(SIDEBAR_SECONDS * place / count))
        for place, session in enumerate(sessions)
    ]
    used, begun = seconds_used(process), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    busy = (seconds_used(process) - used) / (time.monotonic() - begun)
    alone = await drags(sessions, 2)
    progress(f"{count} sessions stand open; a drag takes {statistics.median(alone):.0f} ms, no run beside it")
    for seed in (100, 101):  # runs that the forecast can go by
        await asyncio.to_thread(done, store, seed, students[0])
    ids = [
        submit(replace(SETTING, settings=replace(SETTING.settings, seed=seed)), by=students[seed % count])
        for seed in range(runs)
    ]
    foretold: list[Foretold] = []
    beside: list[float] = []
    pages: list[dict[str, float]] = []
    while any(not store.get(run_id).state.over for run_id in ids):
        foretold.append(Foretold(time.time(), await asyncio.to_thread(current_outlook)))
        progress(f"{sum(store.get(run_id).state.over for run_id in ids)} of {runs} runs are over")
        if store.counts()[State.RUNNING]:
            beside += await drags(sessions[:10], 1)
            pages.append(await opening(url, cookies[len(pages) % count]))
        await asyncio.sleep(SAMPLE_SECONDS)
    peak = kilobytes(process)
    for task in standing:
        task.cancel()
    for session in sessions:
        await session.close()
    return {
        "memory_mb": {
            "without_sessions": empty / 1024,
            "a_session": (full - empty) / 1024 / count,
            "a_session_at_the_end": (peak - empty) / 1024 / count,
        },
        "processor_share_of_a_core": busy,
        "drag_ms": {"alone": statistics.median(alone), "beside_a_run": statistics.median(beside)},
        "drags": [len(alone), len(beside)],
        "page_ms": {page: statistics.median(one[page] for one in pages) for page in PAGES},
        **errors(store, ids, foretold),
    }


def progress(text: str) -> None:
    """Say how far it is, on stderr."""
    print(text, file=sys.stderr, flush=True)


def done(store: Store, seed: int, by: owners.Actor) -> None:
    """Train a run to its end."""
    run_id = submit(replace(SETTING, settings=replace(SETTING.settings, seed=seed)), by=by)
    while not store.get(run_id).state.over:
        time.sleep(0.5)


def errors(store: Store, ids: Sequence[str], foretold: Sequence[Foretold]) -> dict[str, object]:
    """Return how far off the expected starts and the end of all were, as shares of the true waits."""
    runs = {run_id: store.get(run_id) for run_id in ids}
    ended = max(run.ended_at.timestamp() for run in runs.values() if run.ended_at)
    starts, ends = [], []
    for said in foretold:
        for run_id, seconds in said.outlook.starts.items():
            if run_id in runs and (began := runs[run_id].started_at):
                wait = began.timestamp() - said.at
                if wait >= SHORTEST_WAIT:
                    starts.append(abs(seconds - wait) / wait)
        if said.outlook.all_done is not None and ended - said.at >= SHORTEST_WAIT:
            ends.append(abs(said.outlook.all_done - (ended - said.at)) / (ended - said.at))
    return {
        "a_run_seconds": statistics.median(run.seconds for run in runs.values() if run.seconds),
        "finished": sum(run.state is State.FINISHED for run in runs.values()),
        "expected_start": summary(starts),
        "all_done": summary(ends),
    }


def summary(shares: Sequence[float]) -> dict[str, float]:
    """Return the median error, the largest, and how many of so many are within a quarter."""
    within = sum(share <= 0.25 for share in shares)
    return {"median": statistics.median(shares), "largest": max(shares), "within_25_percent": within, "of": len(shares)}


def first_paint(browser: Browser, address: str) -> tuple[float, float]:
    """Return the seconds to the first contentful paint and to the page's heading, for a new visitor."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("h1", state="visible")
    heading = time.perf_counter() - begun
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000")
    context.close()
    return painted, heading


def paints(url: str, folder: Path, count: int) -> dict[str, dict[str, float]]:
    """Measure first paint of pages beside that of a bare Streamlit page, in turn; each one's first is left out."""
    script = folder / "bare.py"
    script.write_text(BARE)
    port = str(int(url.rpartition(":")[2]) + 1)
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        port,
        "--server.headless",
        "true",
    ]
    command += [
        "--server.address",
        "127.0.0.1",
        "--browser.gatherUsageStats",
        "false",
        "--server.fileWatcherType",
        "none",
    ]
    bare = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    targets = {"bare": f"http://127.0.0.1:{port}/", "home": f"{url}/", **{page: f"{url}/{page}" for page in PAGES[:3]}}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in targets}
    try:
        time.sleep(5)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
            )
            for _ in range(count + 1):
                for name, address in targets.items():
                    found[name].append(first_paint(browser, address))
            browser.close()
    finally:
        bare.terminate()
        bare.wait(timeout=20)
    return {
        name: {
            "first_contentful_paint": statistics.median(one[0] for one in times[1:]),
            "heading": statistics.median(one[1] for one in times[1:]),
        }
        for name, times in found.items()
    }


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--paints", type=int, default=4, help="of every page; 0 leaves them out")
    chosen = parser.parse_args()
    facts = reporting.machine()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ |= {"SPAFIT_HOME": folder, "HF_HUB_OFFLINE": "1", "SPAFIT_IDLE_SECONDS": "15"}
        store = Store.open(f"sqlite:///{home / 'spafit.db'}", home)
        with server(home) as url:
            process = next(one.pid for one in psutil.Process().children() if "spafit.serve" in one.cmdline())
            painted = paints(url, home, chosen.paints) if chosen.paints else {}
            found = asyncio.run(in_class(url, process, store, chosen.sessions, chosen.runs))
        time.sleep(20)  # whoever worked on the queue leaves, and with it what it writes into the folder
    rows = [(name, value) for name, value in found.items()]
    rows += [(f"first paint: {name}", value) for name, value in painted.items()]
    reporting.table(("what", "figures"), rows)
    load = {"load_after": os.getloadavg()[0]}
    reporting.save("classroom", facts | load, {"sessions": chosen.sessions, **found, "first_paint_s": painted})


if __name__ == "__main__":
    main()
