"""One run for people: how far it is, what came out; and waiting for its end."""

from __future__ import annotations

import time

from spafit.cli.output import print_facts, scores, share
from spafit.runs import Run, State, Store
from spafit.tasks import called
from spafit.training.events import PHASES

STOP_SECONDS = 15.0
"""Stopping takes five at most; on a machine that is busy beyond measure the answer may take longer to arrive."""
POLL_SECONDS = 0.1


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
        return f"queued, number {run.position}" if run.position else "queued, its sweep is paused"
    if run.state is State.RUNNING:
        if run.stop_requested:
            return "stopping"
        return f"running, {run.progress:.0%}" if run.step else (PHASES[run.phase] if run.phase else "starting").lower()
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
    """Every test part's figures, each by its name, beside its baseline."""
    lines = []
    for part, (reached, baseline) in run.tests.items():
        name = called(run.task, part)
        lines += [(name, scores(reached)), (name.replace("test", "baseline", 1), scores(baseline))]
    return lines
