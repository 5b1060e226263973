"""``spafit stop``."""

from __future__ import annotations

import argparse

from spafit.cli.one_run import STOP_SECONDS, print_run, wait_until_over
from spafit.cli.output import note, print_json
from spafit.runs import Store, stop


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add a run."""
    parser.add_argument("id", metavar="RUN", help="the run's id")


def run(chosen: argparse.Namespace) -> int:
    """Stop a run and wait until it is over; exit code 1 when it does not end."""
    store = Store.open()
    before = store.get(chosen.id)
    if before.state.over:
        note(f"Run {before.id} is {before.state} already.")
    else:
        stop(before.id)
    ended = wait_until_over(store, before.id, STOP_SECONDS)
    if chosen.json:
        print_json(ended.to_dict())
    else:
        print_run(ended)
    return 0 if ended.state.over else 1
