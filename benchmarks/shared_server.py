"""Measures a full shared server: Explore's reruns with 30 raw sessions, beside an empty queue and beside a long one.

    python -m benchmarks.shared_server [--sessions 30] [--queued 500] [--reruns 10] [--rounds 3]

Starts a server of its own (`python -m spafit.serve --shared`) whose queue nobody works on. Every session has a cookie
of its own and is a page that stands open: besides the timed reruns it asks, as a browser does, for its sidebar every
three seconds. Rounds with an empty and with a long queue alternate, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from http.cookies import SimpleCookie
from pathlib import Path

import websockets
from sqlalchemy import delete, insert
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: TID251
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: TID251

from benchmarks import reporting
from spafit.asgi import FIRST_FETCH
from spafit.runs import Actor, Store
from spafit.runs.database import reading, writing
from spafit.runs.launch import supervisor_lock
from spafit.runs.schema import runs
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec

ROOT = Path(__file__).parent.parent
SIDEBAR_SECONDS = 3.0
ANSWER_SECONDS = 120.0
OWNERS = 30


@contextlib.contextmanager
def server(home: Path) -> Iterator[str]:
    """Serve a shared dashboard on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"SPAFIT_HOME": str(home), "HF_HUB_OFFLINE": "1", "SPAFIT_IDLE_SECONDS": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", "spafit.serve", "--shared", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def fill(store: Store, count: int) -> None:
    """Make the queue this long: one run is submitted and its row copied, for as many owners as there are sessions."""
    with writing(store.engine) as connection:
        connection.execute(delete(runs))
    if not count:
        return
    first = store.submit(RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6), QUICK), by=Actor("owner0", "Ada"))
    with reading(store.engine) as connection:
        row = dict(connection.execute(runs.select().where(runs.c.id == first)).mappings().one())
    del row["number"]
    copies = [row | {"id": f"copy{n}", "owner_id": f"owner{n % OWNERS}"} for n in range(1, count)]
    with writing(store.engine) as connection:
        connection.execute(insert(runs), copies)


def new_cookie(url: str) -> str:
    """Return the secret of a browser that comes for the first time."""
    with urllib.request.urlopen(url + FIRST_FETCH, timeout=ANSWER_SECONDS) as answer:
        return SimpleCookie("; ".join(answer.headers.get_all("Set-Cookie")))["spafit_owner"].value


def connecting(url: str, headers: Mapping[str, str] | None = None) -> websockets.connect:
    """Return the connection of one page to a server: to be awaited, or entered."""
    address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    return websockets.connect(address, subprotocols=["streamlit"], additional_headers=headers, max_size=None)  # ty: ignore


async def answers(socket: websockets.ClientConnection, message: BackMsg) -> AsyncIterator[ForwardMsg]:
    """Send a message, and yield what comes back, without end."""
    await socket.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await asyncio.wait_for(socket.recv(), ANSWER_SECONDS))
        yield answer


class Session:
    """A page that stands open."""

    def __init__(self, socket_: websockets.ClientConnection, page: str) -> None:
        self._socket = socket_
        self._page = page
        self._fragments: list[str] = []
        self._one = asyncio.Lock()
        self._ribbon = ("", "")
        """Its widget's id and its fragment's."""
        self._moves = 0
        self._said = ""
        """What was written since the last drag."""

    @classmethod
    async def opened(cls, url: str, page: str = "explore", cookie: str = "") -> Session:
        """Open a page, with a cookie of one's own unless one is given."""
        session = cls(await connecting(url, {"Cookie": f"spafit_owner={cookie or new_cookie(url)}"}), page)
        await session.rerun()
        return session

    async def rerun(self, fragment: str = "") -> float:
        """Run the page's script, or one fragment; return the milliseconds until all of it has arrived."""
        message = BackMsg()
        message.rerun_script.fragment_id = fragment
        message.rerun_script.is_auto_rerun = bool(fragment)
        return await self._answered(message)

    async def drag(self) -> float:
        """Let go of a boundary on Explore's ribbon; return the milliseconds until the new setting has arrived."""
        self._moves += 1
        split = {"n1": 1, "n2": 3 + self._moves % 2, "seq": self._moves}
        widget, fragment = self._ribbon
        message = BackMsg()
        message.rerun_script.fragment_id = fragment
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.json_value = widget, json.dumps({"split": split, "history": {"undone": 0}})
        self._said = ""
        took = await self._answered(message)
        if f"SPAFIT-1-{split['n2']}" not in self._said:
            raise RuntimeError("The setting has not moved, so its time means nothing.")
        return took

    async def _answered(self, message: BackMsg) -> float:
        message.rerun_script.page_name = self._page
        async with self._one:
            begun = time.perf_counter()
            async for answer in answers(self._socket, message):
                kind = answer.WhichOneof("type")
                if kind == "delta":
                    self._note(answer)
                if kind == "auto_rerun" and answer.auto_rerun.fragment_id not in self._fragments:
                    self._fragments.append(answer.auto_rerun.fragment_id)
                if kind == "script_finished":
                    break
            return (time.perf_counter() - begun) * 1000

    def _note(self, answer: ForwardMsg) -> None:
        element = answer.delta.new_element
        match element.WhichOneof("type"):
            case "markdown":
                self._said += element.markdown.body
            case "bidi_component" if "explore_ribbon" in element.bidi_component.id:
                self._ribbon = (element.bidi_component.id, answer.delta.fragment_id)

    async def stand_open(self, phase: float) -> None:
        """Ask for what the page refreshes by itself, every three seconds, until cancelled."""
        await asyncio.sleep(phase)
        while True:
            for fragment in self._fragments:
                await self.rerun(fragment)
            await asyncio.sleep(SIDEBAR_SECONDS)

    async def close(self) -> None:
        """Close the page."""
        await self._socket.close()


async def measure(url: str, count: int, reruns: int) -> list[float]:
    """Milliseconds of Explore's reruns, one after another in the sessions' turn, while all of them stand open."""
    sessions = [await Session.opened(url) for _ in range(count)]
    standing = [
        asyncio.create_task(session.stand_open(SIDEBAR_SECONDS * place / count))
        for place, session in enumerate(sessions)
    ]
    times = []
    for _ in range(reruns):
        for session in sessions:
            times.append(await session.rerun())
    for task in standing:
        task.cancel()
    for session in sessions:
        await session.close()
    return times


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--queued", type=int, default=500)
    parser.add_argument("--reruns", type=int, default=10, help="of every session in a round")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    facts = reporting.machine()
    found: dict[int, list[float]] = {0: [], chosen.queued: []}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["SPAFIT_HOME"] = folder
        store = Store.open(f"sqlite:///{home / 'spafit.db'}", home)
        with supervisor_lock(home), server(home) as url:
            asyncio.run(measure(url, 2, 2))  # caches are filled for all visitors
            for _ in range(chosen.rounds):
                for queued in found:
                    fill(store, queued)
                    found[queued].append(statistics.median(asyncio.run(measure(url, chosen.sessions, chosen.reruns))))
    rows = [
        (queued, f"{statistics.median(medians):.0f}", ", ".join(f"{median:.0f}" for median in medians))
        for queued, medians in found.items()
    ]
    reporting.table(("queued runs", "median rerun, ms", "of each round"), rows)
    ratio = statistics.median(found[chosen.queued]) / statistics.median(found[0])
    verdict = "ok" if ratio <= 2 else "MISSED"
    print(f"\nA long queue takes {ratio:.2f} times an empty one's; target: at most 2. {verdict}")
    result = {"sessions": chosen.sessions, "reruns": chosen.reruns, "ratio": ratio}
    reporting.save("shared_server", facts, result | {"medians_ms": {str(key): value for key, value in found.items()}})


if __name__ == "__main__":
    main()
