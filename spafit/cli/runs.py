"""``spafit runs``, ``show`` and ``stop``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

from spafit.cli.output import note, print_facts, print_json, print_table, scores, share
from spafit.cli.parser import CommandError
from spafit.runs import Run, State, Store, attend, stop
from spafit.runs.summaries import decisions, seconds_by_phase
from spafit.tasks import called
from spafit.training.events import PHASES

STOP_SECONDS = 15.0
"""Stopping takes five at most; on a machine that is busy beyond measure the answer may take longer to arrive."""
POLL_SECONDS = 0.1


def list_runs(chosen: argparse.Namespace) -> int:
    """List runs, newest first."""
    unknown = set(chosen.state or ()) - set(State)
    if unknown:
        raise CommandError(f"There is no state {sorted(unknown)[0]!r}; the states are {', '.join(State)}.")
    attend()
    found = Store.open().list(
        owner=chosen.owner,
        state=chosen.state,
        archived=None if chosen.archived else False,
        limit=chosen.limit if chosen.limit > 0 else None,
    )
    if chosen.json:
        print_json([run.to_dict() for run in found])
        return 0
    if not found:
        note("There are no such runs.")
        return 0
    rows = [(r.id, r.name, r.model, r.task, r.owner, where(r), r.trainable, _result(r)) for r in found]
    print_table(("run", "name", "model", "task", "owner", "state", "trainable", "result"), rows)
    return 0


def show(chosen: argparse.Namespace) -> int:
    """Show one run."""
    attend()
    store = Store.open()
    run = store.get(chosen.id)
    if chosen.log:
        log = store.folder(run.id) / "log.txt"
        if log.is_file():
            print(log.read_text(encoding="utf-8", errors="replace"), end="")
        else:
            note(f"Run {run.id} has written no log yet.")
        return 0
    events = [event for _seq, event in store.events(run.id)]
    if chosen.json:
        told = {"timeline": seconds_by_phase(events), "decisions": decisions(events)}
        print_json(run.to_dict() | told | ({"events": events} if chosen.events else {}))
        return 0
    print_run(run)
    if (store.folder(run.id)).is_dir():
        print_facts([("files", store.folder(run.id))])
    _print_account(events)
    if chosen.events:
        for event in events:
            print_json(event)
    return 0


def stop_run(chosen: argparse.Namespace) -> int:
    """Stop a run and wait until it is over; exit code 1 when it does not end."""
    store = Store.open()
    before = store.get(chosen.id)
    if before.state.over:
        note(f"Run {before.id} is {before.state} already.")
    else:
        stop(before.id)
    run = wait_until_over(store, before.id, STOP_SECONDS)
    if chosen.json:
        print_json(run.to_dict())
    else:
        print_run(run)
    return 0 if run.state.over else 1


def wait_until_over(store: Store, run_id: str, seconds: float) -> Run:
    """Return the run when it is over, or as it is after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        run = store.get(run_id)
        if run.state.over or time.monotonic() > deadline:
            return run
        time.sleep(POLL_SECONDS)


def where(run: Run) -> str:
    """Return how far a run is, in a few words."""
    if run.state is State.QUEUED:
        return f"queued, number {run.position}"
    if run.state is State.RUNNING:
        if run.stop_requested:
            return "stopping"
        return f"running, {run.progress:.0%}" if run.step else PHASES.get(run.phase or "", "starting").lower()
    return run.state.value


def print_run(run: Run) -> None:
    """Print a run for people."""
    print_facts(
        [
            ("run", run.id),
            ("name", run.name),
            ("state", where(run)),
            ("reason", run.reason),
            ("owner", run.owner or None),
            ("model", run.model),
            ("task", run.task),
            ("stratification", run.stratification),
            ("trainable", share(run.trainable, run.total) if run.trainable is not None and run.total else None),
            *_tests(run),
            ("validation", scores(run.validation_metrics) or None),
            ("steps", f"{run.step:,} of {run.total_steps:,}" if run.total_steps else None),
            ("seconds", f"{run.seconds:.1f}" if run.seconds is not None else None),
            ("device", run.device),
            ("attempt", run.attempt if run.attempt > 1 else None),
            ("submitted", f"{run.created_at:%Y-%m-%d %H:%M} UTC"),
        ]
    )


def _tests(run: Run) -> list[tuple[str, str]]:
    """Every test part's figures, each by its name, beside what guessing reaches there."""
    lines = []
    for part, (reached, baseline) in run.tests.items():
        name = called(run.task, part)
        lines += [(name, scores(reached)), (name.replace("test", "guessing", 1), scores(baseline))]
    return lines


def _beside(reached: dict[str, float], baseline: dict[str, float]) -> str:
    """A test part's figures, the first of them with what guessing reaches in it."""
    figures = [scores({name: value}) for name, value in reached.items()]
    first = next(iter(reached), "")
    if first in baseline:
        figures[0] += f" (guessing {baseline[first]:.3f})"
    return ", ".join(figures)


def _print_account(events: Sequence[Mapping[str, Any]]) -> None:
    """Print where the seconds went and what the run decided by itself, as far as it has come."""
    spent = seconds_by_phase(events)
    if total := sum(seconds for _phase, seconds in spent):
        rows = [(PHASES.get(phase, phase), round(seconds, 1), f"{seconds / total:.0%}") for phase, seconds in spent]
        print()
        print_table(("where the time went", "seconds", "share"), rows)
    if told := decisions(events):
        print("\nwhat the run decided by itself")
        for sentence in told:
            print(f"- {sentence}")


def _result(run: Run) -> str:
    if run.further_tests:
        return "; ".join(f"{called(run.task, part)}: {_beside(*figures)}" for part, figures in run.tests.items())
    if run.metrics:
        return _beside(run.metrics, run.baseline)
    return run.reason or scores(run.validation_metrics)
