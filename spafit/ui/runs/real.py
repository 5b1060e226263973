"""Whether compared settings differ by more than noise, in words. The arithmetic is done in a process of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from spafit.helper import call
from spafit.maps.measured import measured_map, series_of_task
from spafit.maps.repeats import Repeats
from spafit.runs import Run, State, Store, tables
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.runs.columns import method_label

SECONDS = 120.0
CHOSEN, ALL = "the settings chosen above", "every measured setting of the series"
_FIRST, _SECOND = "real_first", "real_second"
_FREEDOM = {"paired": "its own seeds, paired", "pooled": "pooled over all settings", "welch": "Welch", "few": "–"}


@st.cache_data(show_spinner="Computing …", max_entries=200)
def _asked(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return call(f"spafit.maps.comparison:{function}", arguments, doing="Comparing", seconds=SECONDS)


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
            _many(scored, metric)


def _two(scored: Mapping[str, Repeats], metric: str) -> None:
    left, right = st.columns(2)
    first = left.selectbox("First setting", list(scored), key=_FIRST)
    second = right.selectbox("Second setting", list(scored), index=1, key=_SECOND)
    if first == second:
        st.caption("Choose two different settings.")
        return
    pair = {name: scored[name] for name in (first, second)}
    folders = {
        name: [str(Store.open().folder(run.id)) for run in one.runs if run.state is State.FINISHED]
        for name, one in pair.items()
    }
    told = _asked(
        "two_settings",
        {
            "first": first,
            "second": second,
            "scores": {name: _by_seed(one.scores(metric)) for name, one in pair.items()},
            "rates": {name: tables.rates_tried(Store.open(), one.runs[0]) for name, one in pair.items()},
            "folders": folders,
            "metric": metric,
        },
    )
    st.markdown(f"**{plain(told['sentence'])}**")
    if len({one.series for one in pair.values()}) > 1 or None in {one.series for one in pair.values()}:
        st.warning(
            "These two are not of one series: more than the setting differs between them (see below), and that may be "
            "the reason.",
            icon=":material/compare_arrows:",
        )
    for said in (*told["remarks"], *told["examples"]):
        st.caption(plain(said))
    origins = {run.origin.value for one in pair.values() for run in one.runs}
    if len(origins) > 1:
        st.caption(f"Runs of several origins are compared: {', '.join(sorted(origins))}.")


def _many(scored: Mapping[str, Repeats], metric: str) -> None:
    """Draw the comparison with a reference that the visitor names first."""
    box = st.expander("Many settings against one reference", key="real_many", on_change="rerun")
    if not box.open:
        return
    with box:
        run = next(iter(scored.values())).runs[0]
        among = st.radio("Compare", (CHOSEN, ALL), key="real_among", horizontal=True)
        scores, baseline = _of_series(scored, run, metric) if among == ALL else _of_chosen(scored, metric)
        reference = st.selectbox(
            "Reference, chosen before looking",
            list(scores),
            index=None,
            placeholder="choose one",
            key="real_reference",
            help="A reference picked after seeing the scores makes chance look like a finding.",
        )
        if reference is None or len(scores) < 2:
            st.caption("Each other setting is compared with it; the p values are adjusted by Holm.")
            return
        told = _asked(
            "with_reference",
            {
                "scores": {name: _by_seed(by_seed) for name, by_seed in scores.items()},
                "reference": reference,
                "baseline": baseline,
            },
        )
        st.markdown(f"**{plain(told['sentence'])}**")
        st.dataframe(pd.DataFrame([_row(one) for one in told["against"]]), hide_index=True, placeholder="–")
        if told["left_out"]:
            named = "; ".join(f"{name}, seed {seed}" for name, seed in told["left_out"])
            st.caption(plain(f"At or below the baseline, and left out of the pooled error: {named}."))


def _of_chosen(scored: Mapping[str, Repeats], metric: str) -> tuple[dict[str, dict[int, float]], float | None]:
    runs = [run for one in scored.values() for run in one.runs]
    return {name: one.scores(metric) for name, one in scored.items()}, _baseline(runs, metric)


def _of_series(
    scored: Mapping[str, Repeats], run: Run, metric: str
) -> tuple[dict[str, dict[int, float]], float | None]:
    """Return the scores of every cell and method of the first setting's series, each at its best rate."""
    key = next(iter(scored.values())).series
    found = [series for series in series_of_task(Store.open(), run.model, run.task) if series.key == key]
    if not found:
        return {}, None
    measured = measured_map(found[0], metric)
    points = [*measured["cells"], *measured["methods"]]
    named = {
        point["name"] if point["method"] == "spafit" else method_label(point["method"]): {
            int(seed): score for seed, score in point["scores"].items()
        }
        for point in points
    }
    return named, measured["baseline"]


def _baseline(runs: Sequence[Run], metric: str) -> float | None:
    return next((run.validation_baseline[metric] for run in runs if metric in run.validation_baseline), None)


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    compared = one["adjusted"] is not None
    better = "better" if one["mean"] > 0 else "worse"
    return {
        "Setting": one["setting"],
        "Difference": f"{one['mean']:+.3f}",
        "95 % interval": f"{one['low']:+.3f} to {one['high']:+.3f}" if one["low"] is not None else None,
        "p by Holm": f"{one['adjusted']:.3f}" if compared else None,
        "More than seed noise": (better if one["clear"] else "no") if compared else "too few runs",
        "Error from": _FREEDOM[one["test"]],
        "Seeds": " and ".join(map(str, one["n"])),
    }


def _by_seed(scores: Mapping[int, float]) -> dict[str, float]:
    return {str(seed): score for seed, score in scores.items()}
