"""What changed inside a run's model, and what it is worth: parts knocked out on demand, outside the app's process."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from spafit.figures.changes import changes
from spafit.runs import Run
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import metric_name, plain
from spafit.ui.runs.data import events_of, last_of
from spafit.ui.tryout.choose import usable
from spafit.ui.turns import call_in_turn

SECONDS = 600.0
_CONFIG = {
    "Score without it": st.column_config.NumberColumn(format="%.4f"),
    "Drop": st.column_config.NumberColumn(
        format="%+.4f", help="Trained minus knocked out: how much this part is worth"
    ),
}


def inside(run: Run) -> None:
    """Draw the changes, and the choice of what to knock out."""
    if not run.state.over:
        st.caption("When the run ends, this shows how much each part of the model changed.")
        return
    found = (last_of(events_of(run), "finished") or {}).get("changes") or []
    figure = changes(found, run.spec.stratification)
    st.plotly_chart(figure, key=f"changes_{run.id}", config={"displayModeBar": False}, alt=_said(found))
    if not found:
        return
    st.caption(
        "The norm of each part's change over the norm of what it started from (Frobenius; of a LoRA adapter its "
        "product BA times its scale, over the matrix beside it). Hollow dots are absolute: what was there before is "
        "zero. After every run it is checked that nothing frozen has changed; else the run fails."
    )
    if usable(run):
        _knock_out(run, found)


def parts_of(run: Run, found: Sequence[dict[str, Any]]) -> dict[str, tuple[int, ...]]:
    """Return what can be knocked out, strata first, by name: the layers that changed."""
    changed = sorted({change["layer"] for change in found if change["layer"]})
    strata = {
        f"{stratum.recipe.label}, {stratum.span}": tuple(stratum.layers)
        for stratum in run.spec.stratification.strata()
        if stratum.size and set(stratum.layers) & set(changed)
    }
    return strata | {f"layer {layer}": (layer,) for layer in changed}


def _knock_out(run: Run, found: Sequence[dict[str, Any]]) -> None:
    parts = parts_of(run, found)
    if not parts:
        return
    st.markdown("**Knock-out**")
    chosen = st.pills(
        "Back in its pretrained state, without its LoRA",
        list(parts),
        selection_mode="multi",
        default=[name for name in parts if not name.startswith("layer ")],
        key=f"knock_{run.id}",
        help="Each chosen part by itself; everything else stays as trained, the head too.",
    )
    asked = st.session_state.setdefault("knocked_out", {})
    if st.button("Knock out", key=f"knock_out_{run.id}", icon=":material/backspace:", disabled=not chosen):
        with showing_errors():
            asked[run.id] = (tuple(chosen), _scores(run.id, run.attempt, tuple(parts[name] for name in chosen)))
    if run.id in asked:
        _table(*asked[run.id])


@st.cache_data(show_spinner="Loading the model and evaluating without each part …", show_time=True, max_entries=100)
def _scores(run_id: str, attempt: int, parts: tuple[tuple[int, ...], ...]) -> dict[str, Any]:
    arguments = {"run": run_id, "parts": parts}
    return call_in_turn("spafit.trained.knockout:knock_out", arguments, doing="Knocking out", seconds=SECONDS)


def _table(names: Sequence[str], knocked: dict[str, Any]) -> None:
    rows = [
        {"Part": name, "Score without it": score, "Drop": knocked["trained"] - score}
        for name, score in zip(names, knocked["scores"], strict=True)
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=_CONFIG)
    st.caption(
        f"Validation {metric_name(knocked['metric'])} of the trained model: {knocked['trained']:.4f}, on the "
        f"{knocked['examples']:,} examples of its live evaluations, in fp32. Drops do not add up: layers make up "
        "for each other."
    )


def _said(found: Sequence[dict[str, Any]]) -> str:
    """Return the figure in words."""
    if not found:
        return "No changes were recorded."
    most = max(found, key=lambda change: change["ratio"])
    place = f"layer {most['layer']}" if most["layer"] else most["row"]
    return plain(f"{len(found)} parts changed, most the {most['kind']} of {place}, by {most['ratio']:.3g}.")
