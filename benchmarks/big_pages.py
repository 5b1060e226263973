"""Measures how pages open and update beside 2,000 finished runs and a sweep of 100 cells that is under way.

    python -m benchmarks.big_pages [--runs 2000] [--times 15]

Starts a server of its own and speaks to it as a browser does, so that drawing in a browser is not in the figures. The
first visit after a start, which fills what all visitors share, is shown apart. What has to hold: a page opens within a
second, and an update takes at most 200 ms; an update of a map comes after one more run has finished.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import websockets
from sqlalchemy import insert
from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: TID251
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: TID251

from benchmarks import reporting
from benchmarks.shared_server import answers, connecting, server
from spafit.maps import sweep as sweeping
from spafit.maps.cells import cells, stratifications
from spafit.maps.definition import define
from spafit.runs import Run, State, Store
from spafit.runs.database import reading, writing
from spafit.runs.launch import supervisor_lock
from spafit.runs.run import repeated
from spafit.runs.schema import runs
from spafit.stratification import Method, preset
from spafit.training.config import QUICK, RunSpec
from tests.pages.made_up import FINISHED, STARTED, events_until

MODEL, TASK, LAYERS = "minilm-l6", "rotten-tomatoes", 6
OPENS, UPDATES = 1000.0, 200.0
COMPARED, SWEPT = 12, 100
STEPS = 200
"""Of the curves of compared runs."""


def spec(n1: int, n2: int, seed: int) -> RunSpec:
    """Return a run of the map."""
    return RunSpec(MODEL, TASK, preset(Method.SPAFIT, LAYERS, n1, n2), replace(QUICK, seed=seed)).resolved()


def finish(store: Store, run_id: str, steps: int = 0) -> Run:
    """Let a run that waits be claimed and finish."""
    run = store.claim(run_id, "a benchmark")
    assert run is not None
    store.record(run, [event.to_dict() for event in events_until(steps)] if steps else [STARTED.to_dict()])
    store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
    return run


def fill(store: Store, count: int) -> list[str]:
    """Make this many finished runs over all cells of the map; return those of them that have a curve."""
    drawn = [finish(store, store.submit(spec(seed % 3, 5, 10**6 + seed)), STEPS).id for seed in range(COMPARED)]
    with reading(store.engine) as connection:
        row = dict(connection.execute(runs.select().where(runs.c.id == drawn[0])).mappings().one())
    del row["number"]
    every = cells("all", LAYERS)
    copies = []
    for n in range(count - COMPARED):
        one = spec(*every[n % len(every)], n // len(every))
        about = {"owner": f"owner {n % 30}", "tags": (f"tag {n % 7}",), "seed": one.settings.seed}
        copies.append(row | about | {"id": f"copy{n}", "spec": one.to_dict(), **repeated(one)})
    with writing(store.engine) as connection:
        connection.execute(insert(runs), copies)
    return drawn


def sweep(store: Store) -> str:
    """Launch a sweep of 100 cells of a deep model, half of which are finished; return its id."""
    points = stratifications(cells("all", 24)[:SWEPT], (), 24)
    launched = sweeping.launch(store, define("bert-large-cased", TASK, QUICK, points, (0,), ()))
    for _ in range(SWEPT // 2):
        finish(store, store.waiting()[0].id)
    return launched.sweep.id


class Visit:
    """A session of a browser on one page."""

    def __init__(self, socket: websockets.ClientConnection, page: str, query: str) -> None:
        self._socket, self._page, self._query = socket, page, query
        self._pressed: dict[str, str] = {}
        self.fragments: list[str] = []
        self.groups: dict[str, str] = {}
        """The ids of the page's groups of buttons, by their first option."""

    async def ask(self, fragment: str = "") -> float:
        """Run the page, or a fragment of it by itself; return the milliseconds until all of it has arrived."""
        message = BackMsg()
        message.rerun_script.page_name, message.rerun_script.query_string = self._page, self._query
        message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, bool(fragment)
        for widget, value in self._pressed.items():
            message.rerun_script.widget_states.widgets.add(id=widget).string_array_value.data.append(value)
        begun = time.perf_counter()
        async for answer in answers(self._socket, message):
            kind = answer.WhichOneof("type")
            if kind == "auto_rerun":
                self.fragments.append(answer.auto_rerun.fragment_id)
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "button_group":
                group = answer.delta.new_element.button_group
                self.groups[group.options[0].content] = group.id
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(answer.delta.new_element.exception.message)
            elif kind == "script_finished" and (fragment or answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY):
                break
        return (time.perf_counter() - begun) * 1000

    async def press(self, group: str, option: str) -> float:
        """Choose an option of a group of buttons."""
        self._pressed[self.groups[group]] = option
        return await self.ask()


async def measure(url: str, page: str, query: str, once_more: Callable[[], object] | None) -> tuple[float, float]:
    """Return the milliseconds in which a page opens in a new session, and those of its update.

    Args:
        url: of the server.
        page: its name.
        query: of its address.
        once_more: finishes another run. The page is then Explore, opened at its view Map and run again; of other pages
            the last fragment is what follows the runs by itself.
    """
    async with connecting(url) as socket:
        visit = Visit(socket, page, query)
        opened = await visit.ask()
        if once_more is None:
            return opened, await visit.ask(visit.fragments[-1])
        opened += await visit.press("Layer by layer", "Map")
        assert "Score" in visit.groups, "the map is not drawn"
        once_more()
        return opened, await visit.ask()


@contextmanager
def filled(count: int) -> Iterator[tuple[Store, Path, dict[str, tuple[str, str]]]]:
    """Make a data folder with all of it; yields the pages to open, each by its name and query."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPAFIT_HOME"] = folder
        home = Path(folder)
        store = Store.open(f"sqlite:///{home / 'spafit.db'}", home)
        with supervisor_lock(home):
            drawn, swept = fill(store, count), sweep(store)
            yield (
                store,
                home,
                {
                    "Runs": ("runs", ""),
                    f"Runs, {COMPARED} compared": ("runs", f"runs={'.'.join(drawn)}"),
                    "Explore, view Map": ("explore", ""),
                    "Sweeps": ("sweeps", ""),
                    f"a sweep of {SWEPT} cells": ("sweeps", f"sweep={swept}"),
                },
            )


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--times", type=int, default=15)
    chosen = parser.parse_args()
    facts = reporting.machine()
    found: dict[str, dict[str, Any]] = {}
    with filled(chosen.runs) as (store, home, pages):
        seeds = iter(range(2 * 10**6, 3 * 10**6))
        for name, (page, query) in pages.items():
            one_more = (lambda: finish(store, _first(store, next(seeds)))) if page == "explore" else None
            with server(home) as url:  # a new one each time: the first visit finds nothing that another page has read
                first = asyncio.run(measure(url, page, query, one_more))
                later = [asyncio.run(measure(url, page, query, one_more)) for _ in range(chosen.times)]
            opens, updates = zip(*later, strict=True)
            found[name] = {"first": first[0], "opens": opens, "updates": updates}
    rows = [
        (name, f"{told['first']:.0f}", *(_said(told[key]) for key in ("opens", "updates")))
        for name, told in found.items()
    ]
    reporting.table((f"{chosen.runs:,} runs", "first visit, ms", "opens, ms", "update, ms"), rows)
    missed = [
        name
        for name, told in found.items()
        if statistics.median(told["opens"]) >= OPENS or statistics.median(told["updates"]) >= UPDATES
    ]
    print(f"\nOpens under {OPENS:.0f} ms, an update under {UPDATES:.0f} ms: {', '.join(missed) or 'nothing'} missed.")
    reporting.save("big_pages", facts, {"runs": chosen.runs, "swept": SWEPT, "milliseconds": found})


def _first(store: Store, seed: int) -> str:
    """Queue a run of the map before all others."""
    return store.submit(spec(1, 1, seed), priority=1)


def _said(times: list[float]) -> str:
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


if __name__ == "__main__":
    main()
