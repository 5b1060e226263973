"""Train's choice of model, task and stratification: the widgets."""

import streamlit as st

from spafit.counting import Counts, notices
from spafit.models.registry import Model, get_model, list_models
from spafit.stratification import Method, method_of, preset
from spafit.tasks import Task, get_task, list_tasks
from spafit.ui.anatomies import anatomy_of, counts_of
from spafit.ui.choice import commit, current
from spafit.ui.components.picture import picture
from spafit.ui.components.text import metric_name, plain, share
from spafit.ui.explore.model import described
from spafit.ui.runs.data import baseline_of

OWN = "Own"
"""Stands for a stratification that is no preset."""


def choose_model() -> Model:
    """Draw the choice of model, shared with Explore, and return it. Raises SpafitError when it is gone."""
    models = {model.key: model for model in list_models()}
    chosen = get_model(current().model)
    models.setdefault(chosen.key, chosen)
    st.session_state["train_model"] = chosen.key  # the widget shows the shared choice, whoever made it
    st.selectbox(
        "Pretrained model",
        list(models),
        format_func=lambda key: described(models[key]),
        key="train_model",
        on_change=_take_model,
    )
    return chosen


def _take_model() -> None:
    commit(model=st.session_state["train_model"])


def choose_task() -> Task:
    """Draw the choice of task with what it asks, its metric and what guessing reaches, and return it."""
    tasks = {task.key: task for task in list_tasks()}
    task = tasks.get(current().task) or get_task(current().task)
    tasks.setdefault(task.key, task)
    st.session_state["train_task"] = task.key
    st.selectbox(
        "Task",
        list(tasks),
        format_func=lambda key: f"{tasks[key].name} · {tasks[key].source}",
        key="train_task",
        on_change=_take_task,
    )
    reached = baseline_of(task.key)
    floor = "" if reached is None else f" Guessing reaches {reached:.2f}."
    st.caption(f"{plain(task.sentence)}  \nFor example: {plain(task.example)}")
    st.caption(f"Measured by {metric_name(task.metric)}.{floor} The data is {task.where}.")
    return task


def _take_task() -> None:
    commit(task=st.session_state["train_task"])


def choose_stratification(model: Model, task: Task, explained: bool) -> Counts:
    """Draw presets, boundaries and what they train; the choice is the one that Explore shows. Returns its counts.

    `explained` adds the key of the picture.

    Raises:
        SpafitError: the model's layers cannot be read, or the stratification does not fit them.
    """
    anatomy = anatomy_of(model.key, num_labels=task.num_labels)
    stratification = current().stratification
    method = method_of(stratification)
    options = [*Method, OWN] if method is None else list(Method)
    st.session_state["train_method"] = method or OWN
    st.segmented_control(
        "What each layer learns",
        options,
        format_func=lambda option: OWN if option == OWN else option.label,
        required=True,
        wrap=True,
        key="train_method",
        on_change=_take_method,
        args=(anatomy.num_layers,),
    )
    if method in (Method.SPAFIT, None):
        st.session_state["train_boundaries"] = (stratification.n1, stratification.n2)
        st.slider(
            "Boundaries: after layer",
            0,
            anatomy.num_layers,
            key="train_boundaries",
            on_change=_take_boundaries,
            help="The last layer of stratum 1 and the last layer of stratum 2.",
        )
    st.html(picture(stratification, explained))
    counts = counts_of(anatomy, stratification)
    st.markdown(f"**{plain(stratification.name)}** trains **{share(counts.trainable, counts.total)}** parameters.")
    if not anatomy.has_biases:
        for sentence in notices(anatomy, stratification):
            st.caption(plain(sentence))
    return counts


def _take_method(num_layers: int) -> None:
    chosen = st.session_state["train_method"]
    if chosen != OWN:
        commit(stratification=preset(chosen, num_layers, lora=current().stratification.lora))


def _take_boundaries() -> None:
    commit(stratification=current().stratification.with_boundaries(*st.session_state["train_boundaries"]))
