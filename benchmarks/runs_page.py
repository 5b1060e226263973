"""Measures the Runs page beside 2,000 runs: opening it, an update of its table, and an update of a comparison.

    python benchmarks/runs_page.py [--runs 2000] [--times 20]

Starts a server of its own and speaks to it as a browser does, so that drawing in a browser is not in the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import websockets
from sqlalchemy import insert
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: TID251
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: TID251

from benchmarks import reporting
from benchmarks.shared_server import ANSWER_SECONDS, server
from spafit.runs import State, Store
from spafit.runs.database import reading, writing
from spafit.runs.launch import supervisor_lock
from spafit.runs.schema import runs
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from tests.pages.made_up import FINISHED, events_until

OPENS, UPDATES = 1000.0, 200.0
COMPARED = 12


def fill(store: Store, count: int) -> list[str]:
    """Make this many finished runs, the first few with a curve of 200 steps; return those."""
    drawn = []
    for seed in range(COMPARED):
        spec = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, seed % 3, 5), replace(QUICK, seed=seed))
        run = store.claim(store.submit(spec), "a benchmark")
        assert run is not None
        store.record(run, [event.to_dict() for event in events_until(200)])
        store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
        drawn.append(run.id)
    with reading(store.engine) as connection:
        row = dict(connection.execute(runs.select().where(runs.c.id == drawn[0])).mappings().one())
    del row["number"]
    copies = [
        row | {"id": f"copy{n}", "seed": n % 5, "owner": f"owner {n % 30}", "tags": (f"tag {n % 7}",)}
        for n in range(count - COMPARED)
    ]
    with writing(store.engine) as connection:
        connection.execute(insert(runs), copies)
    return drawn


async def measure(url: str, query: str, times: int) -> tuple[list[float], list[float]]:
    """Milliseconds of opening the page in new sessions, and of the table's own updates."""
    opened, updated = [], []
    address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    for _ in range(times):
        async with websockets.connect(address, subprotocols=["streamlit"], max_size=None) as socket:  # ty: ignore
            took, fragments = await _ask(socket, query, "")
            opened.append(took)
            # The sidebar's fragment comes first; the last one is the table with its comparison.
            updated.append((await _ask(socket, query, fragments[-1]))[0])
    return opened, updated


async def _ask(socket: websockets.ClientConnection, query: str, fragment: str) -> tuple[float, list[str]]:
    message, fragments = BackMsg(), []
    message.rerun_script.page_name, message.rerun_script.query_string = "runs", query
    message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, bool(fragment)
    begun = time.perf_counter()
    await socket.send(message.SerializeToString())
    while True:
        answer = ForwardMsg()
        answer.ParseFromString(await asyncio.wait_for(socket.recv(), ANSWER_SECONDS))
        kind = answer.WhichOneof("type")
        if kind == "auto_rerun":
            fragments.append(answer.auto_rerun.fragment_id)
        if kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            return (time.perf_counter() - begun) * 1000, fragments
        if kind == "script_finished" and fragment:
            return (time.perf_counter() - begun) * 1000, fragments


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--times", type=int, default=20)
    chosen = parser.parse_args()
    facts = reporting.machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPAFIT_HOME"] = folder
        store = Store.open(f"sqlite:///{Path(folder) / 'spafit.db'}", Path(folder))
        drawn = fill(store, chosen.runs)
        found = {}
        with supervisor_lock(Path(folder)), server(Path(folder)) as url:
            for name, query in (("the table", ""), (f"and {COMPARED} runs compared", f"runs={'.'.join(drawn)}")):
                asyncio.run(measure(url, query, 2))  # caches are filled for all visitors
                found[name] = asyncio.run(measure(url, query, chosen.times))
    rows = [
        (name, *(f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})" for times in both))
        for name, both in found.items()
    ]
    reporting.table((f"{chosen.runs:,} runs", "opens, ms", "update, ms"), rows)
    opens, update = (statistics.median(times) for times in found["the table"])
    verdict = "ok" if opens < OPENS and update < UPDATES else "MISSED"
    print(f"\nTargets for the table: opens under {OPENS:.0f} ms, an update under {UPDATES:.0f} ms. {verdict}")
    reporting.save("runs_page", facts, {"runs": chosen.runs, "milliseconds": {k: list(v) for k, v in found.items()}})


if __name__ == "__main__":
    main()
