"""``spafit sweep-results``."""

from __future__ import annotations

import argparse

from spafit.cli.output import print_json
from spafit.cli.sweep import print_rows
from spafit.maps import sweep as sweeping
from spafit.maps.results import result, to_csv
from spafit.runs import Store, attend, sweeps


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add a sweep."""
    parser.add_argument("id", metavar="SWEEP", help="the sweep's id")
    parser.add_argument("--csv", action="store_true", help="print CSV, a row a run")


def run(chosen: argparse.Namespace) -> int:
    """Print a sweep's results as they are now."""
    attend()
    store = Store.open()
    sweep = sweeps.get(store, chosen.id)
    found = sweeping.rows(store, sweep)
    results = [result(row) for row in found]
    if chosen.csv:
        print(to_csv(results), end="")
    elif chosen.json:
        state = sweeping.progress(sweep, found).state
        print_json({"schema": sweeping.SCHEMA_VERSION, "sweep": sweep.id, "state": state, "results": results})
    else:
        print_rows(found)
    return 0
