"""The widgets that show the choice and change it, the same on every page: model, task, method and boundaries."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from spafit.glossary import tip
from spafit.models.anatomy import Anatomy
from spafit.models.registry import Model, get_model, list_models
from spafit.quantities import bytes_text
from spafit.stratification import Method, Stratification, method_of, preset, title
from spafit.tasks import Task, get_task, list_tasks
from spafit.ui.choice import can_redo, can_undo, commit, current, step_back
from spafit.ui.components.ribbon import ribbon
from spafit.ui.components.text import plain
from spafit.ui.drawn import key_of

HINT = "Drag the two handles. Click a layer to look inside."
FIXED_HINT = "The boundaries are fixed in your class. Click a layer to look inside."
ONE_RECIPE_HINT = "Every layer has the same recipe here: moving a boundary changes nothing. SPAFIT makes layers differ."
_BEHIND_THE_NAME = (
    "Behind the name: its layers and parameters (M: million, B: billion), and where its weights are. Looking downloads "
    "nothing."
)
_METHODS = "  \n".join(
    [
        *(f"**{method.label}**: {tip(method)}" for method in Method),
        "None of them is marked where the strata are your own.",
    ]
)


def pick_model(name: str, *, fixed: bool = False) -> Model:
    """Draw the box to choose a model in, under this name, and return the model; ``fixed`` only says which it is.

    Raises:
        SpafitError: it is gone.
    """
    chosen = get_model(current().model)
    if fixed:
        st.markdown(f"Pretrained model: **{plain(chosen.name)}**")
        return chosen
    lines = {model.key: described(model) for model in (*list_models(), chosen)}
    _box("model", "Pretrained model", name, chosen.key, lines, _BEHIND_THE_NAME)
    return chosen


def described(model: Model) -> str:
    """Return a model as one line of the picker."""
    size = ""
    if model.num_layers and model.parameters:
        size = f" · {model.num_layers} layers · {_short(model.parameters)}"
    key = f" · {model.key}" if model.source != "local" else ""  # so that typing a key finds it too
    return f"{model.name}{size} · {_where(model)}{key}"  # what is wanted most first: narrow boxes cut the end


def _where(model: Model) -> str:
    """In a few words, where a model's weights are."""
    if model.counts_only:
        return "counts only"
    if model.source == "hub":
        size = f" {bytes_text(model.download_bytes)}" if model.download_bytes else ""
        return f"download{size}"
    return {"bundled": "bundled", "cached": "on this machine", "local": "local folder"}[model.source]


def _short(count: int) -> str:
    """Return a large count in three digits: ``334 M``."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def pick_task(name: str) -> Task:
    """Draw the choice of task, under this name, and return the task."""
    chosen = get_task(current().task)
    lines = {task.key: f"{task.name} · {task.source}" for task in (*list_tasks(), chosen)}
    _box("task", "Task", name, chosen.key, lines)
    return chosen


def _box(part: str, label: str, name: str, chosen: str, lines: Mapping[str, str], help_text: str | None = None) -> None:
    """Draw a part of the choice as one of a list of keys, each with the line that people read."""
    key = key_of(name, chosen)
    st.selectbox(
        label,
        list(lines),
        format_func=lines.__getitem__,
        key=key,
        on_change=_take,
        args=(part, key),
        help=help_text,
    )


def _take(part: str, key: str) -> None:
    commit(**{part: st.session_state[key]})


def pick_method(name: str) -> None:
    """Draw the presets, the named points of the space, under this name; none is marked where the strata are no preset.

    The same options always: one more for the strata that are no preset would move what lies below, under a hand that is
    just dragging a boundary.
    """
    key = key_of(name, method_of(current().stratification))
    st.segmented_control(
        "Method",
        list(Method),
        format_func=lambda method: method.label,
        required=True,
        wrap=True,
        key=key,
        on_change=_take_method,
        args=(key,),
        help=_METHODS,
    )


def _take_method(key: str) -> None:
    method, before = st.session_state[key], current().stratification
    if method not in (None, method_of(before)):
        commit(stratification=preset(method, before.num_layers, lora=before.lora))


def pick_boundaries(anatomy: Anatomy, key: str, *, fixed: bool = False, **drawn: Any) -> None:
    """Draw the ribbon of the chosen stratification.

    Args:
        anatomy: the chosen model's.
        key: the widget's.
        fixed: whether the boundaries are not to be moved.
        **drawn: how `ribbon` shall draw it beyond that.
    """
    stratification = current().stratification
    one_recipe = len(set(stratification.recipes)) == 1
    ribbon(
        anatomy,
        stratification,
        key=key,
        on_split=None if fixed else partial(_move, stratification),
        on_history=step_back,
        can_undo=can_undo(),
        can_redo=can_redo(),
        hint=FIXED_HINT if fixed else ONE_RECIPE_HINT if one_recipe else HINT,
        **drawn,
    )


def _move(drawn: Stratification, n1: int, n2: int) -> None:
    """Take boundaries that were moved on the ribbon of this stratification.

    A method that is pressed right after reaches the server in the same message, and is read before the move. With one
    recipe everywhere boundaries make no difference, so the press counts as what it was: the later one.
    """
    now = current().stratification
    later = now.recipes != drawn.recipes and len(set(now.recipes)) == 1 and now.num_layers == drawn.num_layers
    if not later:
        take_boundaries(n1, n2)
    elif commit(stratification=drawn.with_boundaries(n1, n2)):
        commit(stratification=now)


def take_boundaries(n1: int, n2: int) -> None:
    """Choose these boundaries; the recipes stay."""
    commit(stratification=current().stratification.with_boundaries(n1, n2))


def named(stratification: Stratification) -> str:
    """Return a stratification's title in Markdown, its differences in brackets."""
    name, chips = title(stratification)
    return f"**{name}**" + (f" ({', '.join(chips)})" if chips else "")
