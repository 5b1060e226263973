"""``spafit runs``."""

from __future__ import annotations

import argparse

from spafit.cli.one_run import where
from spafit.cli.output import note, print_json, print_table, scores
from spafit.cli.parser import CommandError
from spafit.runs import Run, State, Store, attend
from spafit.tasks import called

ORDERS = ("newest", "oldest")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what narrows the list."""
    parser.add_argument(
        "--state", action="append", metavar="STATE", help="only queued, running, finished, stopped or failed"
    )
    parser.add_argument("--owner", metavar="NAME", help="only this owner's")
    parser.add_argument("--task", metavar="TASK", help="only on this task")
    parser.add_argument("--name", metavar="TEXT", help="only those with this in their name")
    parser.add_argument("--archived", action="store_true", help="archived ones too")
    parser.add_argument("--order", choices=ORDERS, default=ORDERS[0], help="which come first (default: newest)")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most this many; 0: all (default: 20)")


def run(chosen: argparse.Namespace) -> int:
    """List runs."""
    unknown = set(chosen.state or ()) - set(State)
    if unknown:
        raise CommandError(f"There is no state {sorted(unknown)[0]!r}; the states are {', '.join(State)}.")
    attend()
    if chosen.limit < 0:
        raise CommandError(f"--limit must be a whole number of at least 0 (0: all), not {chosen.limit}.")
    found = Store.open().list(
        owner=chosen.owner,
        state=chosen.state,
        task=chosen.task,
        name=chosen.name,
        archived=None if chosen.archived else False,
        oldest_first=chosen.order == "oldest",
        limit=chosen.limit + 1 if chosen.limit else None,  # one more says whether there are more
    )
    shown = found[: chosen.limit or None]
    if chosen.json:
        print_json(
            {"schema": 1, "order": chosen.order, "limit": chosen.limit or None, "more": len(found) > len(shown)}
            | {"runs": [run.to_dict() for run in shown]}
        )
        return 0
    if not found:
        note("There are no such runs.")
        return 0
    rows = [(r.id, r.name, r.model, r.task, r.owner, where(r), r.trainable, _result(r)) for r in shown]
    print_table(("run", "name", "model", "task", "owner", "state", "trainable", "result"), rows)
    if len(found) > len(shown):
        note(
            f"The {chosen.order} {len(shown)} runs; there are more: --limit 0 lists all, --order turns the list around."
        )
    return 0


def _result(run: Run) -> str:
    if run.further_tests:
        return "; ".join(f"{called(run.task, part)}: {_beside(*figures)}" for part, figures in run.tests.items())
    if run.metrics:
        return _beside(run.metrics, run.baseline)
    return run.reason or scores(run.validation_metrics)


def _beside(reached: dict[str, float], baseline: dict[str, float]) -> str:
    """Return a test part's figures, the first of them with the baseline in it."""
    figures = [scores({name: value}) for name, value in reached.items()]
    first = next(iter(reached), "")
    if first in baseline:
        figures[0] += f" (baseline {baseline[first]:.3f})"
    return ", ".join(figures)
