"""The scores of compared settings, a row each: mean over seeds, its standard error, and how many seeds that are."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import pandas as pd
import streamlit as st

from spafit.maps.repeats import Repeats
from spafit.maps.statistics import summarize
from spafit.runs import State
from spafit.ui.runs.columns import WHY_NO_TEST
from spafit.ui.runs.lines import Points, best_and_last

LAST, BEST = "Last", "Best"
_ABOUT = {
    LAST: "the score that a run ended with: the trained model on all validation data. Of a run that still goes, its "
    "latest evaluation.",
    BEST: "the highest evaluation on the way. It looks better than it is: the luckiest of many looks is taken.",
}
_CONFIG = {
    "Setting": st.column_config.TextColumn(width=230),
    "n": st.column_config.NumberColumn(help="Seeds behind the mean"),
    "Trainable": st.column_config.NumberColumn(format="localized"),
    "Seconds": st.column_config.NumberColumn(format="%.0f", help="Mean of the runs, from launch to end"),
    "At step": st.column_config.TextColumn(help="Where the best evaluation was, of each seed"),
    **{name: st.column_config.NumberColumn(format="%.4f") for name in (LAST, BEST, "Baseline", "Test")},
    **{
        name: st.column_config.NumberColumn(format="%.4f", help="Of the mean, from the standard deviation (n - 1)")
        for name in ("± last", "± best", "± test")
    },
}


def scores_table(settings: Sequence[Repeats], names: Sequence[str], points: Points, metric: str) -> None:
    """Draw the table, ranked by the validation score that the visitor names; test scores on demand."""
    with st.container(horizontal=True, vertical_alignment="center"):
        best = st.segmented_control(
            "Rank by", (LAST, BEST), default=LAST, required=True, key="compare_rank", persist_state="session"
        )
        test = st.toggle("Test scores", key="compare_test", help=WHY_NO_TEST)
    by = BEST if best == BEST else LAST
    st.caption(f"Validation scores. **{by}**: {_ABOUT[by]}")
    rows = [_row(setting, name, points, metric, test) for setting, name in zip(settings, names, strict=True)]
    rows.sort(key=lambda row: (row[by] is not None, row[by] or 0.0), reverse=True)
    st.dataframe(pd.DataFrame(rows), hide_index=True, placeholder="–", column_config=_CONFIG, key="compare_scores")
    if test:
        st.caption(f"{WHY_NO_TEST} The rows stay ranked by validation.")


def _row(setting: Repeats, name: str, points: Points, metric: str, test: bool) -> dict[str, Any]:
    finished = [run for run in setting.runs if run.state is State.FINISHED]
    counted = finished or setting.runs
    found = [best_and_last(run, metric, points[run.id]) for run in counted]
    best, last = [one[0] for one in found if one[0]], [one[1] for one in found if one[1] is not None]
    on_test = [run.metrics[metric] for run in finished if metric in run.metrics]
    seconds = [run.seconds for run in counted if run.seconds is not None]
    states = Counter(run.state.value for run in setting.runs)
    return {
        "Setting": name,
        "n": len(last),
        **_mean(LAST, "± last", last),
        **_mean(BEST, "± best", [score for score, _step in best]),
        "At step": ", ".join(str(step) for _score, step in best),
        "Baseline": next(
            (run.validation_baseline[metric] for run in finished if metric in run.validation_baseline), None
        ),
        **(_mean("Test", "± test", on_test) if test else {}),
        "Trainable": next((run.trainable for run in setting.runs if run.trainable is not None), None),
        "Seconds": fmean(seconds) if seconds else None,
        "State": ", ".join(f"{count} {state}" for state, count in states.items()),
    }


def _mean(name: str, error: str, values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {name: None, error: None}
    summary = summarize(values)
    return {name: summary.mean, error: summary.standard_error}
