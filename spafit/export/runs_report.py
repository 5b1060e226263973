"""The page about a run, about runs that are compared, or about a whole map, out of the runs themselves. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from spafit.errors import SpafitError
from spafit.export.comparison_report import Compared, comparison_report
from spafit.export.report import live_curve, report
from spafit.maps.repeats import repeats
from spafit.maps.statistics import summarize
from spafit.runs import Origin, Run, State
from spafit.training.events import Change


def report_on_run(run: Run, events: Iterable[Mapping[str, Any]]) -> str:
    """Return the page about one run as HTML, out of what it told; saved weights are not needed.

    Raises:
        SpafitError: it is not finished.
    """
    if run.state is not State.FINISHED:
        raise SpafitError(f"Run {run.id} is {run.state}; a report is about a finished run.")
    found = list(events)
    metric = next(iter(run.validation_metrics), "")
    changed = [Change(**one) for event in found if event["kind"] == "finished" for one in event.get("changes") or ()]
    return report(run.to_dict(), metric, live_curve(found, metric), changed)


def report_on(runs: Sequence[Run]) -> tuple[str, int]:
    """Return the page as HTML, and how many settings are on it.

    Args:
        runs: finished ones of one task; those that differ in their seed only are one setting.

    Raises:
        SpafitError: they are of several tasks, or none has a validation score.
    """
    tasks = sorted({run.task for run in runs})
    if len(tasks) != 1:
        raise SpafitError(
            f"A report compares runs of one task, not of {', '.join(tasks)}." if tasks else "None of them is finished."
        )
    metric = next(iter(runs[0].validation_metrics), "")
    settings, series = [], set()
    for one in repeats(runs):
        scores = one.scores(metric)
        if not scores:
            continue
        first, summary = one.runs[0], summarize(list(scores.values()))
        series.add(one.series)
        settings.append(
            Compared(
                first.spec.stratification,
                first.spec.learning_rate,
                first.trainable or 0,
                first.total or 1,
                summary.mean,
                summary.n,
                summary.standard_error,
            )
        )
    if not settings:
        raise SpafitError("None of these runs has a validation score.")
    remarks = []
    if len(series) > 1 or None in series:
        remarks.append("These runs do not all belong to one series (settings, weights, data or engine differ).")
    elsewhere = sorted({run.origin.value for run in runs if run.origin is not Origin.LOCAL})
    if elsewhere:
        remarks.append(f"Runs among these were not made on this installation: {' and '.join(elsewhere)} ones.")
    if any(one.n < 2 for one in settings):
        remarks.append("A setting with one seed has no standard error: another seed gives other figures.")
    heading = f"{runs[0].model} on {runs[0].task}"
    return comparison_report(heading, settings, metric, runs[0].validation_baseline.get(metric), remarks), len(settings)
