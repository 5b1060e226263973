"""``spafit report``: one page about a run, a comparison of runs or a sweep's map, to print or hand in."""

from __future__ import annotations

import argparse
from pathlib import Path

from spafit.cli.output import note, print_json
from spafit.cli.parser import CommandError
from spafit.export.runs_report import report_on, report_on_run
from spafit.files import write_whole
from spafit.runs import State, Store, sweeps


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add which runs, and where to."""
    parser.add_argument("ids", nargs="*", metavar="RUN", help="a finished run, or several that are compared")
    parser.add_argument("--sweep", metavar="SWEEP", help="a sweep instead, as a map")
    parser.add_argument("--to", required=True, metavar="FILE", help="the HTML file that is written")


def run(chosen: argparse.Namespace) -> int:
    """Write the page."""
    store = Store.open()
    if bool(chosen.ids) == (chosen.sweep is not None):
        raise CommandError("Name a run, the runs that are compared, or a sweep with --sweep.")
    if chosen.sweep is not None:
        runs = sweeps.runs_of(store, sweeps.get(store, chosen.sweep))
    else:
        runs = [store.get(run_id) for run_id in dict.fromkeys(chosen.ids)]
    if chosen.sweep is None and len(runs) == 1:
        text, count = report_on_run(runs[0], (event for _, event in store.events(runs[0].id))), 1
    else:
        text, count = report_on([one for one in runs if one.state is State.FINISHED])
    write_whole(Path(chosen.to), text.encode())
    if chosen.json:
        print_json({"schema": 1, "file": chosen.to, "settings": count})
    else:
        note(f"The report on {count} setting{'s' * (count != 1)} is in {chosen.to}.")
    return 0
