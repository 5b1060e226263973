"""Train's choice of task and stratification, with what they come to."""

import streamlit as st

from spafit.counting import notices
from spafit.errors import SpafitError
from spafit.models.registry import Model
from spafit.tasks import Task, get_task
from spafit.ui.anatomies import anatomy_of, counts_of, misfit
from spafit.ui.choice import current
from spafit.ui.components.picture import picture
from spafit.ui.components.text import metric_name, plain, share
from spafit.ui.pickers import named, pick_boundaries, pick_method, pick_task
from spafit.ui.runs.data import baseline_of


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
        pick_method("train_method")
    if boundaries:
        pick_boundaries(anatomy, "train_ribbon", compact=True)
    else:
        st.html(picture(stratification))
    counts = counts_of(anatomy, stratification)
    st.markdown(f"{named(stratification)} trains **{share(counts.trainable, counts.total)}** parameters.")
    if not anatomy.has_biases:
        for sentence in notices(anatomy, stratification):
            st.caption(plain(sentence))
