"""Measures reading a map of 2,000 finished runs: the first time, and again after one more run has finished.

    python -m benchmarks.big_map [--runs 2000] [--times 5]

It is what Explore does before it draws; drawing is not in the figures.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import insert

from benchmarks import reporting
from spafit.maps.cells import cells
from spafit.maps.measured import measured_map, series_of_task
from spafit.runs import State, Store
from spafit.runs.database import reading, writing
from spafit.runs.run import repeated
from spafit.runs.schema import runs
from spafit.stratification import Method, preset
from spafit.training.config import QUICK, RunSpec
from tests.pages.made_up import FINISHED, STARTED

MODEL, TASK, LAYERS = "minilm-l6", "rotten-tomatoes", 6
OPENS, UPDATES = 1000.0, 200.0


def finish(store: Store, n1: int, n2: int, seed: int) -> str:
    """Make one finished run."""
    run = store.claim(store.submit(spec(n1, n2, seed)), "a benchmark")
    assert run is not None
    store.record(run, [STARTED.to_dict()])
    store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
    return run.id


def spec(n1: int, n2: int, seed: int) -> RunSpec:
    """Return a run of the map."""
    return RunSpec(MODEL, TASK, preset(Method.SPAFIT, LAYERS, n1, n2), replace(QUICK, seed=seed)).resolved()


def fill(store: Store, count: int) -> None:
    """Make this many finished runs, over all cells."""
    first = finish(store, 0, 0, 10**6)
    with reading(store.engine) as connection:
        row = dict(connection.execute(runs.select().where(runs.c.id == first)).mappings().one())
    del row["number"]
    every = cells("all", LAYERS)
    copies = []
    for n in range(count - 1):
        one = spec(*every[n % len(every)], n // len(every))
        copies.append(row | {"id": f"copy{n}", "seed": one.settings.seed, "spec": one.to_dict(), **repeated(one)})
    with writing(store.engine) as connection:
        connection.execute(insert(runs), copies)


def read(store: Store) -> float:
    """Return the milliseconds of reading the map."""
    begun = time.perf_counter()
    measured_map(series_of_task(store, MODEL, TASK)[0], "accuracy")
    return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--times", type=int, default=5)
    chosen = parser.parse_args()
    facts = reporting.machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SPAFIT_HOME"] = folder
        store = Store.open(f"sqlite:///{Path(folder) / 'spafit.db'}", Path(folder))
        fill(store, chosen.runs)
        opens, updates = read(store), []
        for time_ in range(chosen.times):
            finish(store, 1, 1, 10**6 + time_)
            updates.append(read(store))
    update = statistics.median(updates)
    verdict = "ok" if opens < OPENS and update < UPDATES else "MISSED"
    print(
        f"{chosen.runs:,} runs: first {opens:.0f} ms, after one more {update:.0f} ms (targets 1,000 and 200). {verdict}"
    )
    reporting.save("big_map", facts, {"runs": chosen.runs, "first_ms": opens, "update_ms": updates})


if __name__ == "__main__":
    main()
