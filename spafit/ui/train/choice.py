"""Train's choice of model, task and stratification: the widgets."""

import streamlit as st

from spafit.counting import notices
from spafit.errors import SpafitError
from spafit.glossary import term
from spafit.models.anatomy import Anatomy
from spafit.models.registry import Model, get_model, list_models
from spafit.stratification import Method, Stratification, method_of, preset
from spafit.tasks import Task, get_task, list_tasks
from spafit.ui.anatomies import anatomy_of, counts_of, misfit
from spafit.ui.choice import can_redo, can_undo, commit, current, step_back
from spafit.ui.components.picture import picture
from spafit.ui.components.ribbon import ribbon
from spafit.ui.components.ribbon.contents import contents
from spafit.ui.components.text import metric_name, plain, share
from spafit.ui.drawn import key_of
from spafit.ui.explore.model import described
from spafit.ui.explore.stack import hint, named
from spafit.ui.runs.data import baseline_of

OWN = "Own"
"""Stands for a stratification that is no preset."""


def choose_model(fixed: bool = False) -> Model:
    """Draw the choice of model, shared with Explore, and return it; ``fixed`` only says which it is.

    Raises:
        SpafitError: it is gone.
    """
    chosen = get_model(current().model)
    if fixed:
        st.markdown(f"Pretrained model: **{plain(chosen.name)}**")
        return chosen
    models = {model.key: model for model in list_models()}
    models.setdefault(chosen.key, chosen)
    key = key_of("train_model", chosen.key)
    st.selectbox(
        "Pretrained model",
        list(models),
        format_func=lambda key: described(models[key]),
        key=key,
        on_change=_take_model,
        args=(key,),
    )
    return chosen


def _take_model(key: str) -> None:
    commit(model=st.session_state[key])


def pick_task(key: str) -> Task:
    """Draw the choice of task, as a widget with this key, and return the task."""
    tasks = {task.key: task for task in list_tasks()}
    task = get_task(current().task)
    tasks.setdefault(task.key, task)
    key = key_of(key, task.key)
    st.selectbox(
        "Task",
        list(tasks),
        format_func=lambda chosen: f"{tasks[chosen].name} · {tasks[chosen].source}",
        key=key,
        on_change=_take_task,
        args=(key,),
    )
    return task


def choose_task(fixed: bool = False) -> Task:
    """Draw the choice of task with what it asks, its metric and its baseline; ``fixed`` only says which it is."""
    task = get_task(current().task) if fixed else pick_task("train_task")
    if fixed:
        st.markdown(f"Task: **{plain(task.name)}**")
    reached = baseline_of(task.key)
    floor = "" if reached is None else f" Baseline: {reached:.2f}."
    st.caption(f"{plain(task.sentence)}  \nFor example: {plain(task.example)}")
    st.caption(f"Measured by {metric_name(task.metric)}.{floor} The data is {plain(task.where)}.")
    return task


def _take_task(key: str) -> None:
    commit(task=st.session_state[key])


def choose_stratification(model: Model, task: Task, *, methods: bool = True, boundaries: bool = True) -> None:
    """Draw methods, Explore's ribbon and what trains; the choice is the one that Explore shows.

    Where the boundaries are not to be moved, a picture stands in the ribbon's place.

    Raises:
        SpafitError: the model's layers cannot be read, or the stratification does not fit them.
    """
    anatomy = anatomy_of(model.key, num_labels=task.num_labels)
    stratification = current().stratification
    if reason := misfit(anatomy, stratification):
        raise SpafitError(reason)
    if methods:
        _methods(stratification, anatomy.num_layers)
    if boundaries:
        _ribbon(anatomy, stratification)
    else:
        st.html(picture(stratification))
    counts = counts_of(anatomy, stratification)
    st.markdown(f"{named(stratification)} trains **{share(counts.trainable, counts.total)}** parameters.")
    if not anatomy.has_biases:
        for sentence in notices(anatomy, stratification):
            st.caption(plain(sentence))


def _methods(stratification: Stratification, num_layers: int) -> None:
    method = method_of(stratification)
    options = [*Method, OWN] if method is None else list(Method)
    key = key_of("train_method", method or OWN)
    st.segmented_control(
        "Method",
        options,
        format_func=lambda option: OWN if option == OWN else option.label,
        required=True,
        wrap=True,
        key=key,
        on_change=_take_method,
        args=(key, num_layers),
        help=term("preset").tip,
    )


def _ribbon(anatomy: Anatomy, stratification: Stratification) -> None:
    ribbon(
        contents(anatomy, stratification),
        key="train_ribbon",
        on_split=_take_boundaries,
        on_history=step_back,
        can_undo=can_undo(),
        can_redo=can_redo(),
        compact=True,
        hint=hint(stratification),
    )


def _take_method(key: str, num_layers: int) -> None:
    chosen = st.session_state[key]
    if chosen != OWN:
        commit(stratification=preset(chosen, num_layers, lora=current().stratification.lora))


def _take_boundaries(n1: int, n2: int) -> None:
    commit(stratification=current().stratification.with_boundaries(n1, n2))
