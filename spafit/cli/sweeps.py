"""``spafit sweeps``."""

from __future__ import annotations

import argparse
from typing import Any

from spafit.cli.output import note, print_json, print_table
from spafit.cli.parser import CommandError
from spafit.maps import sweep as sweeping
from spafit.runs import Store, attend, sweeps

CHANGES = {"pause": sweeping.pause, "resume": sweeping.resume, "stop": sweeping.stop}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be done to a sweep."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--pause", metavar="SWEEP", help="let no further run of it start; those that run go on")
    group.add_argument("--resume", metavar="SWEEP", help="let a paused sweep go on")
    group.add_argument("--stop", metavar="SWEEP", help="stop its runs; what is finished stays")
    group.add_argument("--priority", nargs=2, metavar=("SWEEP", "N"), help="give it another place: higher goes first")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most this many; 0: all (default: 20)")


def run(chosen: argparse.Namespace) -> int:
    """Change a sweep if asked to, and list sweeps, newest first."""
    if chosen.limit < 0:
        raise CommandError(f"--limit must be a whole number of at least 0 (0: all), not {chosen.limit}.")
    store = Store.open()
    for name, change in CHANGES.items():
        if sweep_id := getattr(chosen, name):
            change(store, sweeps.get(store, sweep_id))
    if chosen.priority:
        sweep_id, priority = chosen.priority
        sweeps.change_priority(store, sweeps.get(store, sweep_id), _whole(priority))
    attend()
    listed = [_document(store, sweep) for sweep in sweeps.newest(store, chosen.limit or None)]
    if chosen.json:
        print_json({"schema": sweeping.SCHEMA_VERSION, "sweeps": listed})
        return 0
    if not listed:
        note("There are no sweeps yet.")
        return 0
    columns = ("sweep", "model", "task", "owner", "state", "finished", "failed", "of", "left", "begun (UTC)")
    print_table(columns, [_row(one) for one in listed])
    return 0


def _document(store: Store, sweep: sweeps.Sweep) -> dict[str, Any]:
    progress = sweeping.progress(sweep, sweeping.rows(store, sweep))
    return {
        "sweep": sweep.id,
        "state": progress.state,
        "model": sweep.definition["model"],
        "task": sweep.definition["task"],
        "owner": sweep.owner,
        "priority": sweep.priority,
        "runs": progress.runs,
        "finished": progress.finished,
        "failed": progress.failed,
        "seconds_left": progress.seconds_left,
        "created_at": sweep.created_at.isoformat(),
    }


def _row(document: dict[str, Any]) -> tuple[object, ...]:
    left = "" if document["seconds_left"] is None else f"{document['seconds_left']:,.0f} s"
    names = (document["sweep"], document["model"], document["task"], document["owner"], document["state"])
    return (
        *names,
        document["finished"],
        document["failed"],
        document["runs"],
        left,
        document["created_at"][:16].replace("T", " "),
    )


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CommandError(f"--priority takes a sweep and a whole number, not {text[:40]!r}.") from None
