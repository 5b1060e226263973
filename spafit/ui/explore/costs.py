"""Explore's estimates: memory of one training step, and the operations of its forward and backward pass."""

import functools
from dataclasses import replace

import pandas as pd
import streamlit as st

from spafit import costs
from spafit.figures import layers, methods
from spafit.models.anatomy import Anatomy
from spafit.stratification import Stratification
from spafit.ui.choice import commit, current
from spafit.ui.drawn import key_of
from spafit.ui.explore.assumptions import CHOICES, LARGEST, Assumptions, step_memory
from spafit.ui.explore.compare import named_settings

LABELS = {
    "precision": ("Precision", "fp32 uses 4 bytes for a number; bf16 computes matrix products in 2 bytes."),
    "optimizer": ("Optimizer", "AdamW keeps two more values for each trained parameter, plain SGD none."),
    "device": ("Device", "CPU and CUDA keep different things for the backward pass."),
    "batch_size": ("Batch size", "How many texts are computed together."),
    "length": ("Tokens per text", "A token is a word or a piece of one; shorter texts are padded."),
}

VALUE_LABELS = {
    "adamw": "AdamW",
    "adam": "Adam",
    "sgd_momentum": "SGD with momentum",
    "rmsprop": "RMSprop",
    "adagrad": "Adagrad",
    "sgd": "SGD",
    "fp32": "fp32",
    "bf16": "bf16",
    "cpu": "CPU",
    "cuda": "CUDA",
}
if VALUE_LABELS.keys() != {value for values in CHOICES.values() for value in values}:
    raise AssertionError("VALUE_LABELS must name each of CHOICES")


def _changed(name: str, key: str) -> None:
    commit(assumptions=replace(current().assumptions, **{name: st.session_state[key]}))


def _controls(chosen: Assumptions) -> None:
    columns = st.columns(5)
    for column, name in zip(columns, ("batch_size", "length", *CHOICES), strict=True):
        label, help_text = LABELS[name]
        key = key_of(f"explore_{name}", getattr(chosen, name))
        if name in CHOICES:
            column.selectbox(
                label,
                list(CHOICES[name]),
                format_func=VALUE_LABELS.__getitem__,
                key=key,
                help=help_text,
                on_change=_changed,
                args=(name, key),
            )
        else:
            column.number_input(label, 1, LARGEST[name], key=key, help=help_text, on_change=_changed, args=(name, key))
    key = key_of("explore_checkpointing", chosen.checkpointing)
    st.toggle(
        "Recompute activations (gradient checkpointing)",
        key=key,
        on_change=_changed,
        args=("checkpointing", key),
        help="Keep only each layer's input and compute the rest again on the way back: less memory, more operations.",
    )


@functools.lru_cache(maxsize=512)
def _flops(anatomy: Anatomy, point: Stratification, chosen: Assumptions) -> costs.Flops:
    return costs.flops(
        anatomy, point, batch=chosen.batch_size, length=chosen.length, checkpointing=chosen.checkpointing
    )


def _estimates(
    anatomy: Anatomy, points: dict[str, Stratification], chosen: Assumptions
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Memory and operations of every setting as long frames."""
    memory, flops = [], []
    for title, point in points.items():
        peak, work = step_memory(anatomy, point, chosen), _flops(anatomy, point, chosen)
        memory += [{"setting": title, "part": part, "value": getattr(peak, part)} for part in methods.MEMORY_PARTS]
        flops += [{"setting": title, "part": part, "value": getattr(work, part)} for part in layers.PASSES]
    return pd.DataFrame(memory), pd.DataFrame(flops)


def costs_tab(anatomy: Anatomy, stratification: Stratification) -> None:
    """Estimated memory and operations of one training step, beside the named methods, and layer by layer."""
    chosen = current().assumptions
    _controls(chosen)
    memory, flops = _estimates(anatomy, named_settings(anatomy, stratification), chosen)
    st.markdown("**Memory of one training step** (estimate, at the moment when most is held)")
    st.plotly_chart(methods.memory(memory), key="explore_memory", config={"displayModeBar": False}, alt=_alt(memory))
    st.caption(
        "Weights are the model itself. Gradients and optimizer state exist only for what trains. Activations are what "
        "the forward pass keeps for the way back; below the lowest trained layer nothing has to be kept."
    )
    st.markdown("**Operations of one training step** (estimate, matrix products only)")
    st.plotly_chart(methods.flops(flops), key="explore_flops", config={"displayModeBar": False}, alt=_alt(flops))
    rows = pd.DataFrame(
        [
            {"label": f"layer {row.layer}" if row.layer else row.row, "forward": row.forward, "backward": row.backward}
            for row in _flops(anatomy, stratification, chosen).rows
        ]
    )
    st.markdown("**The same, layer by layer, for the current setting**")
    st.plotly_chart(
        layers.flops_by_row(rows),
        key="explore_flops_rows",
        config={"displayModeBar": False},
        alt="Forward and backward operations of each layer.",
    )
    st.caption(
        "Every layer runs forward. Gradients come down from the head and stop at the lowest layer that trains: that is "
        "the saving that freezing the first layers brings. How the estimates are made, and how far from measured "
        "memory they are, is in docs/costs.md."
    )
    with st.expander("The same as tables", key="explore_cost_tables", on_change="rerun") as tables:
        if tables.open:
            for frame in (memory, flops):
                st.dataframe(frame.pivot_table("value", "setting", "part", sort=False))


def _alt(frame: pd.DataFrame) -> str:
    first = frame["setting"].iloc[0]
    return f"Estimate for {first} and the named methods; the tables below have the numbers."
