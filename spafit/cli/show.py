"""``spafit show``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from spafit.cli.one_run import print_run
from spafit.cli.output import note, print_facts, print_json, print_table
from spafit.export.script import script_of
from spafit.runs import Store, attend
from spafit.runs.summaries import decisions, seconds_by_phase
from spafit.training.events import PHASES


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add a run and what to show of it."""
    parser.add_argument("id", metavar="RUN", help="the run's id")
    parser.add_argument("--events", action="store_true", help="every event too (JSON lines without --json)")
    parser.add_argument("--log", action="store_true", help="print the run's log instead")
    parser.add_argument("--script", action="store_true", help="print a Python script that does the run, without spafit")


def run(chosen: argparse.Namespace) -> int:
    """Show one run."""
    attend()
    store = Store.open()
    found = store.get(chosen.id)
    if chosen.script:
        print(script_of(found.spec), end="")
        return 0
    if chosen.log:
        log = store.folder(found.id) / "log.txt"
        if log.is_file():
            print(log.read_text(encoding="utf-8", errors="replace"), end="")
        else:
            note(f"Run {found.id} has written no log yet.")
        return 0
    events = [event for _seq, event in store.events(found.id)]
    if chosen.json:
        details = {"timeline": seconds_by_phase(events), "decisions": decisions(events)}
        place = {"folder": str(store.folder(found.id))}
        print_json(found.to_dict() | place | details | ({"events": events} if chosen.events else {}))
        return 0
    print_run(found)
    if (store.folder(found.id)).is_dir():
        print_facts([("files", store.folder(found.id))])
    _print_time_and_choices(events)
    if chosen.events:
        for event in events:
            print_json(event)
    return 0


def _print_time_and_choices(events: Sequence[Mapping[str, Any]]) -> None:
    """Print where the seconds went and the automatic choices, as far as it has come."""
    spent = seconds_by_phase(events)
    if total := sum(seconds for _phase, seconds in spent):
        rows = [(PHASES[phase], round(seconds, 1), f"{seconds / total:.0%}") for phase, seconds in spent]
        print()
        print_table(("where the time went", "seconds", "share"), rows)
    if sentences := decisions(events):
        print("\nautomatic choices")
        for sentence in sentences:
            print(f"- {sentence}")
