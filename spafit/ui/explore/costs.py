"""Explore's estimates: memory of one training step, and the operations of its forward and backward pass."""

import functools
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from spafit import costs
from spafit.figures import layers, methods
from spafit.models.anatomy import Anatomy
from spafit.runs.class_rules import Rules
from spafit.stratification import Stratification
from spafit.training.config import SETTINGS
from spafit.training.setting import Kind, Setting
from spafit.ui.choice import commit, current
from spafit.ui.classroom.mine import is_open
from spafit.ui.drawn import key_of
from spafit.ui.explore.assumptions import ASSUMED, step_memory
from spafit.ui.explore.compare import named_settings

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
if VALUE_LABELS.keys() != {value for setting in ASSUMED.values() for value in setting.choices}:
    raise AssertionError("VALUE_LABELS must name each choice of ASSUMED")


def control(place: DeltaGenerator, part: str, setting: Setting, locked: bool = False) -> None:
    """Draw one of the training settings or assumptions, which ``part`` of the choice it is in, with its present value.

    ``locked`` ones are shown and cannot be changed.
    """
    key = key_of(f"explore_{setting.name}", getattr(getattr(current(), part), setting.name))
    drawn: dict[str, Any] = {"key": key, "help": setting.help, "disabled": locked}
    drawn |= {"on_change": _changed, "args": (part, setting.name, key)}
    match setting.kind:
        case Kind.CHOICE:
            place.selectbox(setting.label, setting.choices, format_func=VALUE_LABELS.__getitem__, **drawn)
        case Kind.SWITCH:
            place.toggle(setting.label, **drawn)
        case _:
            low, high, step = int(setting.low), int(setting.high), int(setting.step)
            place.number_input(setting.label, low, high, step=step, **drawn)


def _changed(part: str, name: str, key: str) -> None:
    commit(**{part: replace(getattr(current(), part), **{name: st.session_state[key]})})


def _controls(rules: Rules | None) -> None:
    columns = st.columns(5)
    for column, name in zip((*columns[:2], st.container()), ("batch_size", "max_length", "checkpointing"), strict=True):
        control(column, "settings", SETTINGS[name], not is_open(rules, name))
    for column, name in zip(columns[2:], ("precision", "optimizer", "device"), strict=True):
        control(column, "assumptions", ASSUMED[name])
    st.caption(
        "Train begins with this batch size, max sequence length and gradient checkpointing. Precision, optimizer and "
        "device are the estimate's alone."
    )


@functools.lru_cache(maxsize=512)
def _flops(anatomy: Anatomy, point: Stratification, batch: int, length: int, checkpointing: bool) -> costs.Flops:
    return costs.flops(anatomy, point, batch=batch, length=length, checkpointing=checkpointing)


def _work(anatomy: Anatomy, point: Stratification) -> costs.Flops:
    settings = current().settings
    return _flops(anatomy, point, settings.batch_size, settings.max_length, settings.checkpointing)


def _estimates(anatomy: Anatomy, points: dict[str, Stratification]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Memory and operations of every setting as long frames."""
    memory, flops = [], []
    for title, point in points.items():
        peak, work = step_memory(anatomy, point, **current().step), _work(anatomy, point)
        memory += [{"setting": title, "part": part, "value": getattr(peak, part)} for part in methods.MEMORY_PARTS]
        flops += [{"setting": title, "part": part, "value": getattr(work, part)} for part in layers.PASSES]
    return pd.DataFrame(memory), pd.DataFrame(flops)


def costs_tab(anatomy: Anatomy, stratification: Stratification, rules: Rules | None = None) -> None:
    """Estimated memory and operations of one training step, beside the named methods, and layer by layer.

    What ``rules`` of the visitor's class fix cannot be changed.
    """
    _controls(rules)
    memory, flops = _estimates(anatomy, named_settings(anatomy, stratification))
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
            for row in _work(anatomy, stratification).rows
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
