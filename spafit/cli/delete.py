"""``spafit delete``."""

from __future__ import annotations

import argparse

from spafit.cli.confirm import confirm
from spafit.cli.output import note, print_json
from spafit.cli.parser import CommandError
from spafit.runs import Store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add runs, and the answer to the question."""
    parser.add_argument("ids", nargs="+", metavar="RUN", help="the runs' ids")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(chosen: argparse.Namespace) -> int:
    """Delete runs that are over, all of them or, when one cannot be, none."""
    store = Store.open()
    found = [store.get(run_id) for run_id in dict.fromkeys(chosen.ids)]
    for one in found:
        if not one.state.over:
            raise CommandError(f"Run {one.id} is {one.state}; stop it before deleting it. Nothing was deleted.")
    what = f"run {found[0].id}" if len(found) == 1 else f"these {len(found)} runs"
    if not confirm(f"Delete {what} with curves, logs and trained parameters?", yes=chosen.yes):
        note("Nothing was deleted.")
        return 1
    for one in found:
        store.delete(one.id)
    if chosen.json:
        print_json({"schema": 1, "deleted": [one.id for one in found]})
    else:
        note(f"Deleted: {', '.join(one.id for one in found)}.")
    return 0
