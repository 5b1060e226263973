"""``spafit report``: one page about runs that are compared, or about a sweep's map, to print or hand in."""

from __future__ import annotations

import argparse
from pathlib import Path

from spafit.cli.output import note, print_json
from spafit.cli.parser import CommandError
from spafit.errors import SpafitError
from spafit.export.comparison_report import Compared, comparison_report
from spafit.files import write_whole
from spafit.maps.repeats import repeats
from spafit.maps.statistics import summarize
from spafit.runs import Run, State, Store, sweeps


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add which runs, and where to."""
    parser.add_argument("ids", nargs="*", metavar="RUN", help="the finished runs that are compared")
    parser.add_argument("--sweep", metavar="SWEEP", help="a sweep instead, as a map")
    parser.add_argument("--to", required=True, metavar="FILE", help="the HTML file that is written")


def run(chosen: argparse.Namespace) -> int:
    """Write the page."""
    store = Store.open()
    if bool(chosen.ids) == (chosen.sweep is not None):
        raise CommandError("Name the runs that are compared, or a sweep with --sweep.")
    if chosen.sweep is not None:
        runs = sweeps.runs_of(store, sweeps.get(store, chosen.sweep))
    else:
        runs = [store.get(run_id) for run_id in dict.fromkeys(chosen.ids)]
    text, count = _page([one for one in runs if one.state is State.FINISHED])
    write_whole(Path(chosen.to), text.encode())
    if chosen.json:
        print_json({"schema": 1, "file": chosen.to, "settings": count})
    else:
        note(f"The report on {count} settings is in {chosen.to}.")
    return 0


def _page(runs: list[Run]) -> tuple[str, int]:
    """Return the page, and how many settings are on it."""
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
    if any(one.n < 2 for one in settings):
        remarks.append("A setting with one seed has no standard error: another seed gives other figures.")
    heading = f"{runs[0].model} on {runs[0].task}"
    return comparison_report(heading, settings, metric, runs[0].validation_baseline.get(metric), remarks), len(settings)
