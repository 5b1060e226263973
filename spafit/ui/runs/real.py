"""Whether compared runs differ by more than noise: two of their settings, and several against one reference."""

from collections.abc import Mapping, Sequence

import streamlit as st

from spafit.maps.measured import measured_map, series_of_task
from spafit.maps.repeats import Repeats
from spafit.runs import State, Store, tables
from spafit.ui.components.errors import showing_errors
from spafit.ui.maps.real import family_of
from spafit.ui.real import Compared, Family, many, two

CHOSEN, ALL = "the settings chosen above", "every measured setting of the series"
_FIRST, _SECOND = "real_first", "real_second"


def is_it_real(settings: Sequence[Repeats], names: Sequence[str], metric: str) -> None:
    """Draw the comparison of two settings, and of several with one reference."""
    scored = {name: one for name, one in zip(names, settings, strict=True) if one.scores(metric)}
    if len({run.task for one in scored.values() for run in one.runs}) > 1:
        st.caption("Runs of different tasks are not compared by score.")
        return
    if scored:
        st.markdown("**Is it real?**")
    if len(scored) >= 2:
        with showing_errors():
            _two(scored, metric)
    if scored:
        with showing_errors():
            families = {CHOSEN: lambda: _of_chosen(scored, metric), ALL: lambda: _of_series(scored, metric)}
            many(families, key="real")


def _two(scored: Mapping[str, Repeats], metric: str) -> None:
    left, right = st.columns(2)
    first = left.selectbox("First setting", list(scored), key=_FIRST)
    second = right.selectbox("Second setting", list(scored), index=1, key=_SECOND)
    if first == second:
        st.caption("Choose two different settings.")
        return
    two({name: _compared(scored[name], metric) for name in (first, second)}, metric)


def _compared(setting: Repeats, metric: str) -> Compared:
    runs = setting.runs
    return Compared(
        setting.scores(metric),
        tables.rates_tried(Store.open(), runs[0]),
        [run.id for run in runs if run.state is State.FINISHED],
        setting.series,
        frozenset(run.origin.value for run in runs),
    )


def _of_chosen(scored: Mapping[str, Repeats], metric: str) -> Family:
    runs = [run for one in scored.values() for run in one.runs]
    baseline = next((run.validation_baseline[metric] for run in runs if metric in run.validation_baseline), None)
    return {name: one.scores(metric) for name, one in scored.items()}, baseline


def _of_series(scored: Mapping[str, Repeats], metric: str) -> Family:
    """Return the scores of every cell and method of the first setting's series, each at its best rate."""
    first = next(iter(scored.values()))
    run = first.runs[0]
    found = (series for series in series_of_task(Store.open(), run.model, run.task) if series.key == first.series)
    return next((family_of(measured_map(series, metric)) for series in found), ({}, None))
