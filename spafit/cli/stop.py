"""``spafit stop``."""

from __future__ import annotations

import argparse

from spafit.cli.one_run import STOP_SECONDS, print_run, wait_until_over
from spafit.cli.output import note, print_json
from spafit.runs import Store, stop


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add runs."""
    parser.add_argument("ids", nargs="+", metavar="RUN", help="the runs' ids")


def run(chosen: argparse.Namespace) -> int:
    """Stop runs and wait until they are over; exit code 1 when one does not end."""
    store = Store.open()
    before = [store.get(run_id) for run_id in dict.fromkeys(chosen.ids)]
    for one in before:
        if one.state.over:
            note(f"Run {one.id} is {one.state} already.")
        else:
            stop(one.id)
    ended = [wait_until_over(store, one.id, STOP_SECONDS) for one in before]
    if not chosen.json:
        for one in ended:
            print_run(one)
    elif len(ended) == 1:
        print_json(ended[0].to_dict())
    else:
        print_json({"schema": 1, "runs": [one.to_dict() for one in ended]})
    return 0 if all(one.state.over for one in ended) else 1
