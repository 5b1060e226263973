"""Runs that repeat each other with other seeds, taken together: what a line, a row and a score stand for. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from spafit.errors import SpafitError
from spafit.maps.measured import place_of_run
from spafit.maps.series import Setting, contents_of
from spafit.runs import Run, State


@dataclass(frozen=True)
class Repeats:
    """Runs of one series and setting, one a seed."""

    series: str | None
    """None for a run that belongs to no series: it has not started, or is from before runs kept what it takes."""
    setting: Setting | None
    runs: tuple[Run, ...]
    """By seed; of several with one seed the newest."""

    @property
    def key(self) -> str:
        """The same text for the same repeats."""
        return f"{self.series} {self.setting.key}" if self.setting is not None else self.runs[0].id

    def scores(self, metric: str) -> dict[int, float]:
        """Return the final validation score of each seed whose run finished."""
        finished = (run for run in self.runs if run.state is State.FINISHED)
        return {run.seed: run.validation_metrics[metric] for run in finished if metric in run.validation_metrics}


def repeats(runs: Iterable[Run]) -> list[Repeats]:
    """Return runs with those that differ only in their seed taken together, in the order of their first one."""
    places: dict[str, tuple[str | None, Setting | None]] = {}
    by_seed: dict[str, dict[int, Run]] = {}
    for run in runs:
        series, setting = _place_of(run)
        key = f"{series} {setting.key}" if setting is not None else run.id
        places.setdefault(key, (series, setting))
        found = by_seed.setdefault(key, {})
        if run.seed not in found or found[run.seed].number < run.number:
            found[run.seed] = run
    return [Repeats(*places[key], tuple(run for _seed, run in sorted(found.items()))) for key, found in by_seed.items()]


def _place_of(run: Run) -> tuple[str | None, Setting | None]:
    contents = contents_of(run)
    if contents is None:
        return None, None
    try:
        return place_of_run(run, contents)
    except SpafitError:  # a newer version wrote it
        return None, None
