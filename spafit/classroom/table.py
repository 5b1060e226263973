"""Everything about a class as one CSV: a row a run, and one for each student without any. No cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from spafit.classroom.guesses import CELL, LAYER, SCORE, Guess, by_owner
from spafit.runs import Run
from spafit.runs.classes import Class, Member
from spafit.tasks.upload.export import neutral

COLUMNS = ("class", "student", "nickname", "joined", "guess N1", "guess N2", "guess score", "guess layer", "points")
COLUMNS += ("run", "state", "N1", "N2", "recipe", "rate", "seed", "trainable", "validation", "test")
COLUMNS += ("queued", "started", "ended", "seconds")


def class_csv(
    course: Class, members: Sequence[Member], guesses: Iterable[Guess], runs: Iterable[Run], metric: str
) -> str:
    """Return the CSV; times are UTC, test scores are there once they are opened."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    placed = by_owner(guesses)
    theirs: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.number):
        theirs.setdefault(run.owner_id, []).append(run)
    for member in members:
        start: list[object] = [course.name, member.number, member.shown(course.anonymous), _time(member.joined_at)]
        start += _guess_cells(placed.get(member.owner_id, {}))
        for run in theirs.get(member.owner_id, []) or [None]:
            cells = [*start, *(_run_cells(course, run, metric) if run else [""] * 14)]
            writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in cells])
    return output.getvalue()


def _guess_cells(placed: dict[str, Guess]) -> list[object]:
    cell = placed[CELL].value if CELL in placed else ["", ""]
    points = [guess.points for guess in placed.values() if guess.points is not None]
    others = [placed[kind].value if kind in placed else "" for kind in (SCORE, LAYER)]
    return [*cell, *others, sum(points) if points else ""]


def _run_cells(course: Class, run: Run, metric: str) -> list[object]:
    test = run.metrics.get(metric, "") if course.test_revealed else ""
    setting = ["" if run.n1 is None else run.n1, "" if run.n2 is None else run.n2, run.stratification]
    scores = [run.validation_metrics.get(metric, ""), test]
    times = [_time(moment) for moment in (run.queued_at, run.started_at, run.ended_at)]
    last = [*times, "" if run.seconds is None else round(run.seconds, 1)]
    return [run.id, run.state.value, *setting, run.learning_rate, run.seed, run.trainable or "", *scores, *last]


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
