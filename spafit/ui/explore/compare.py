"""Explore's comparisons: the setting beside the named methods, and beside any second setting."""

from typing import Any

import pandas as pd
import streamlit as st

from spafit import costs
from spafit.figures import methods
from spafit.figures.layers import SCALES
from spafit.models.anatomy import Anatomy
from spafit.stratification import Method, Stratification, preset, title
from spafit.ui.anatomies import anatomy_of, counts_of, misfit
from spafit.ui.choice import commit, current, say, scaled
from spafit.ui.components.ribbon import ribbon
from spafit.ui.pickers import take_boundaries


def named_settings(anatomy: Anatomy, stratification: Stratification) -> dict[str, Stratification]:
    """Return the current setting under its name, then the methods that fit the model, with the same LoRA settings."""
    presets = {
        f"{method.label} at thirds" if method is Method.SPAFIT else method.label: preset(
            method, stratification.num_layers, lora=stratification.lora
        )
        for method in Method
    }
    points = {name: point for name, point in presets.items() if not misfit(anatomy, point)}
    others = {name: point for name, point in points.items() if point != stratification}
    same = next((name for name, point in points.items() if point == stratification), _short(stratification))
    return {f"{same} (now)": stratification} | others


def _short(stratification: Stratification) -> str:
    """Return a name that an axis has room for: the heading and the first of its differences."""
    heading, differences = title(stratification)
    return ", ".join((heading, *differences[:1])) + (" …" if len(differences) > 1 else "")


def _measures(anatomy: Anatomy, name: str, stratification: Stratification, current: bool) -> dict[str, Any]:
    counts = counts_of(anatomy, stratification)
    return {
        "setting": name,
        "current": current,
        "trainable": counts.trainable,
        "percent": counts.percent,
        "optimizer": costs.optimizer_bytes(anatomy, stratification),
        "checkpoint": costs.checkpoint_bytes(anatomy, stratification),
    }


def methods_tab(anatomy: Anatomy, stratification: Stratification) -> None:
    """One measure of every method as a figure, all four as a table."""
    points = named_settings(anatomy, stratification)
    frame = pd.DataFrame(
        [_measures(anatomy, name, point, point == stratification) for name, point in points.items()]
    ).sort_values("trainable", ascending=False, kind="stable")
    left, right = st.columns([3, 1])
    measure = left.segmented_control(
        "Measure",
        list(methods.MEASURES),
        format_func=methods.MEASURES.__getitem__,
        default="trainable",
        required=True,
        key="explore_measure",
        wrap=True,
        persist_state="session",
        help="Optimizer memory: AdamW keeps two more values for each trained parameter. Checkpoint: what is "
        "stored for one task beside the pretrained model, which all tasks share.",
    )
    scale = right.segmented_control(
        "Scale", SCALES, default="log", required=True, key="explore_methods_scale", persist_state="session"
    )
    st.plotly_chart(
        methods.comparison(frame, measure, scale),
        key="explore_methods_chart",
        config={"displayModeBar": False},
        alt=f"{methods.MEASURES[measure]} of each method; the table below has the numbers.",
    )
    table = pd.DataFrame({"Setting": frame["setting"]})
    for name, label in methods.MEASURES.items():
        table[label] = [methods.measure_text(value, name) for value in frame[name]]
    st.dataframe(table, hide_index=True, key="explore_methods_table")
    st.caption("Optimizer memory (AdamW in fp32) and checkpoint size follow from the counts; nothing here is measured.")


def _moved_b(n1: int, n2: int) -> None:
    commit(other=second_setting(current().stratification).with_boundaries(n1, n2))


def second_setting(first: Stratification) -> Stratification:
    """B: what the visitor chose, else BitFit in every layer."""
    other = current().other
    if other is not None and other.num_layers != first.num_layers:
        other = scaled(other, first.num_layers)
    if other is None or misfit(anatomy_of(current().model), other):
        return preset(Method.BITFIT, first.num_layers, lora=first.lora)
    return other


def _preset_b() -> None:
    method = st.session_state["explore_b_method"]
    first = current().stratification
    if method:
        _choose_b(preset(method, first.num_layers, lora=first.lora))


def _choose_b(second: Stratification) -> None:
    if reason := misfit(anatomy_of(current().model), second):
        say(reason)
    else:
        commit(other=second)


def _copy() -> None:
    commit(other=current().stratification)


def _swap() -> None:
    first = current().stratification
    commit(stratification=second_setting(first), other=first)


def compare_tab(anatomy: Anatomy, first: Stratification) -> None:
    """Two ribbons, their totals, and where they differ."""
    second = second_setting(first)
    with st.container(key="explore_pair"):
        left, right = st.columns(2, gap="large")
    for column, letter, setting, moved in ((left, "A", first, take_boundaries), (right, "B", second, _moved_b)):
        with column:
            heading, differences = title(setting)
            st.markdown(f"**{letter}: {heading}**")
            if differences:
                st.caption(", ".join(differences))
            ribbon(anatomy, setting, key=f"explore_ribbon_{letter.lower()}", on_split=moved, compact=True)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button("Swap A and B", on_click=_swap, key="explore_swap", icon=":material/swap_horiz:")
        st.button("Copy A to B", on_click=_copy, key="explore_copy", icon=":material/content_copy:")
        st.segmented_control(
            "Make B",
            list(Method),
            format_func=lambda method: method.label,
            key="explore_b_method",
            wrap=True,
            on_change=_preset_b,
        )
    _totals(anatomy, first, second)
    rows = counts_of(anatomy, first).frame()[["label", "trainable"]].rename(columns={"trainable": "a"})
    rows["b"] = counts_of(anatomy, second).frame()["trainable"]
    st.plotly_chart(
        methods.difference(rows),
        key="explore_difference_chart",
        config={"displayModeBar": False},
        alt="Trained parameters of B minus those of A, layer by layer; the table below has them all.",
    )
    with st.expander("The same as a table", key="explore_difference_table", on_change="rerun") as table:
        if table.open:
            differing = rows.assign(difference=rows["b"] - rows["a"])
            st.dataframe(differing.rename(columns={"a": "A", "b": "B", "difference": "B − A"}), hide_index=True)


def _totals(anatomy: Anatomy, first: Stratification, second: Stratification) -> None:
    rows = [_measures(anatomy, letter, setting, False) for letter, setting in (("A", first), ("B", second))]
    table = pd.DataFrame(
        {
            row["setting"]: {label: methods.measure_text(row[name], name) for name, label in methods.MEASURES.items()}
            for row in rows
        }
    )
    st.dataframe(table, key="explore_ab_totals")
