"""Explore's model picker: the catalogue with where each model's weights are, and any other model."""

import streamlit as st

from spafit.anatomy import Anatomy
from spafit.errors import SpafitError
from spafit.models import BUNDLED, Model, get_model, list_models
from spafit.ui.explore_state import anatomy_of, commit_model, settings
from spafit.ui.state import current_model

_PICKER = "explore_model_picker"


@st.cache_data(ttl=60, show_spinner=False)
def _catalogue() -> dict[str, Model]:
    return {model.key: model for model in list_models()}


def where(model: Model) -> str:
    """In a few words, where a model's weights are."""
    if model.counts_only:
        return "counts only"
    if model.source == "hub":
        size = f" {model.download_bytes / 1e9:.1f} GB" if model.download_bytes else ""
        return f"needs a download{size}"
    return {"bundled": "bundled", "cached": "on this machine", "local": "local"}[model.source]


def described(model: Model) -> str:
    """A model as one line of the picker."""
    size = ""
    if model.num_layers and model.parameters:
        size = f" · {model.num_layers} layers · {numbers(model.parameters)}"
    return f"{model.name}{size} · {where(model)}"


def numbers(count: int) -> str:
    """A large count in three digits: ``333 M``."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def _picked() -> None:
    model = _catalogue()[st.session_state[_PICKER]]
    commit_model(model.key, anatomy_of(model.key).num_layers)


def model_picker() -> None:
    """The box to choose a model in; the choice goes to the session's state."""
    models = dict(_catalogue())
    chosen = current_model()
    if chosen not in models:
        models[chosen] = get_model(chosen)
    st.session_state[_PICKER] = chosen
    st.selectbox(
        "Model",
        list(models),
        format_func=lambda key: described(models[key]),
        key=_PICKER,
        on_change=_picked,
        help="Behind the name: its layers and parameters (M: million, B: billion). Looking downloads nothing.",
    )


def chosen_anatomy() -> Anatomy:
    """The chosen model's anatomy; when it cannot be had any more, the bundled model's, with the reason on the page."""
    try:
        return anatomy_of(current_model(), num_labels=settings().num_labels)
    except SpafitError as error:
        st.warning(f"{error} Showing the bundled model instead.")
        anatomy = anatomy_of(BUNDLED, num_labels=settings().num_labels)
        commit_model(BUNDLED, anatomy.num_layers)
        return anatomy
