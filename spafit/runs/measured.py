"""Whether a class has measured a setting already, and with which seed it has not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from spafit.runs.run import Run, State
from spafit.training.config import INCIDENTAL, RunSpec, TrainSettings

_USUAL = TrainSettings()


def same(spec: RunSpec, runs: Iterable[Run]) -> Run | None:
    """Return the run that does the same, seed included: a finished one, else one that waits or goes."""
    wanted = _decisive(spec)
    alike = [run for run in runs if run.state not in (State.FAILED, State.STOPPED) and _decisive(run.spec) == wanted]
    return min(alike, key=lambda run: (run.state is not State.FINISHED, run.number), default=None)


def said(run: Run) -> str:
    """Return whose run it is that does the same, as the beginning of a sentence."""
    return f"{'Already' if run.state is State.FINISHED else 'Being'} measured by {run.owner}"


def free_seed(spec: RunSpec, runs: Iterable[Run]) -> int:
    """Return the lowest seed with which the setting is not measured yet."""
    known = list(runs)
    seed = 0
    while same(replace(spec, settings=replace(spec.settings, seed=seed)), known) is not None:
        seed += 1
    return seed


def _decisive(spec: RunSpec) -> RunSpec:
    """Return the specification without what decides no score."""
    usual = {name: getattr(_USUAL, name) for name in INCIDENTAL}
    whole = spec.resolved()
    return replace(whole, settings=replace(whole.settings, **usual))
