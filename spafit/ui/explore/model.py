"""Explore's model picker: the catalogue with where each model's weights are, and any other model."""

from typing import Any

import streamlit as st

from spafit import access
from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy
from spafit.models.hub import OfflineError
from spafit.models.load import start_build
from spafit.models.registry import BUNDLED, Model, add_config, catalogue, get_model, list_models
from spafit.quantities import bytes_text
from spafit.stratification import Method, preset
from spafit.ui.anatomies import anatomy_of, misfit
from spafit.ui.choice import commit, current, say, scaled
from spafit.ui.components.text import plain
from spafit.ui.drawn import key_of

_PICKER, _PENDING, _TEXT, _UPLOAD = "explore_picker", "explore_pending", "explore_model_text", "explore_upload"


@st.cache_data(ttl=60, show_spinner=False)
def _catalogue() -> dict[str, Model]:
    return {model.key: model for model in list_models()}


def where(model: Model) -> str:
    """In a few words, where a model's weights are."""
    if model.counts_only:
        return "counts only"
    if model.source == "hub":
        size = f" {bytes_text(model.download_bytes)}" if model.download_bytes else ""
        return f"download{size}"
    return {"bundled": "bundled", "cached": "on this machine", "local": "local folder"}[model.source]


def described(model: Model) -> str:
    """Return a model as one line of the picker."""
    size = ""
    if model.num_layers and model.parameters:
        size = f" · {model.num_layers} layers · {short(model.parameters)}"
    key = f" · {model.key}" if model.source != "local" else ""  # so that typing a key finds it too
    return f"{model.name}{size} · {where(model)}{key}"  # what is wanted most first: narrow boxes cut the end


def short(count: int) -> str:
    """Return a large count in three digits: ``334 M``."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def model_picker() -> None:
    """Draw the box to choose a model in; the choice goes to the session's state."""
    models = dict(_catalogue())
    chosen = current().model
    if chosen not in models:
        models[chosen] = get_model(chosen)
    key = key_of(_PICKER, chosen)
    st.selectbox(
        "Model",
        list(models),
        format_func=lambda key: described(models[key]),
        key=key,
        on_change=_picked,
        args=(key,),
        help="Behind the name: its layers and parameters (M: million, B: billion), and where its weights are. Looking "
        "downloads nothing.",
    )


def _picked(key: str) -> None:
    _ask(st.session_state[key])


def _ask(model: str) -> None:
    try:
        ask_for(model)
    except SpafitError as error:
        say(str(error))


def ask_for(model: str, **changes: Any) -> None:
    """Choose a model and whatever changes with it; without a stratification the current one stays, in proportion.

    What is not in the catalogue is first read in a process of its own, while the page goes on.

    Raises:
        SpafitError: no such model, not supported, out of reach, or the stratification is for another depth.
    """
    found = get_model(model)
    if found.key in catalogue():
        _take(found.key, anatomy_of(found.key), changes)
        return
    try:
        start_build(found.key)
    except OfflineError as error:
        raise OfflineError(f"{error} Every model in the list can be explored without it.") from error
    st.session_state[_PENDING] = (found.key, changes)


def _take(model: str, anatomy: Anatomy, changes: dict[str, Any]) -> None:
    wished = changes.get("stratification")
    other_depth = wished is not None and wished.num_layers != anatomy.num_layers
    if other_depth:
        changes = {**changes, "stratification": scaled(wished, anatomy.num_layers)}
    if commit(model=model, **changes) and other_depth:
        say(f"{anatomy.name} has {anatomy.num_layers} layers here, so the boundaries were placed in proportion.")


def folders_allowed() -> bool:
    """Whether visitors may name folders of this machine: only when the app serves nobody but its own machine."""
    return not access.shared()


def other_model() -> None:
    """Any model: by its Hub id, from a local folder, or from an uploaded config.json."""
    st.text_input(
        "Hub id or folder" if folders_allowed() else "Hub id",
        key=_TEXT,
        placeholder="google/electra-small-discriminator",
        help="Only the model's config.json is read; weights are not needed to count.",
    )
    st.button("Open", key="explore_open_model", on_click=_typed, icon=":material/arrow_forward:")
    st.file_uploader(
        "Or a config.json",
        type="json",
        max_upload_size=1,
        key=_UPLOAD,
        on_change=_uploaded,
        help="Its shape is read in a process of its own; code that it names is never run.",
    )


def _typed() -> None:
    text = st.session_state[_TEXT].strip()
    if text:
        _ask(text)


def _uploaded() -> None:
    file = st.session_state[_UPLOAD]
    if file is None:
        return
    try:
        model = add_config(file.getvalue(), file.name.removesuffix(".json"))
        ask_for(model.key)
    except SpafitError as error:
        say(str(error))


def reading() -> None:
    """Show how far the reading of another model is, if one is being read; the page stays usable."""
    if _PENDING in st.session_state:
        _progress()


@st.fragment(run_every=0.5)
def _progress() -> None:
    if _PENDING not in st.session_state:
        return
    model, changes = st.session_state[_PENDING]
    try:
        build = start_build(model)
        progress = build.poll()
        if progress.state == "running":
            text, stop = st.columns([4, 1], vertical_alignment="center")
            text.info(f"{plain(progress.message)} {progress.seconds:.0f} s", icon="spinner")
            if stop.button("Cancel", key="explore_cancel_reading"):
                build.cancel()
            return
        build.anatomy  # noqa: B018 - raises with the reason when it failed
        _take(model, anatomy_of(model), changes)
    except SpafitError as error:
        say(str(error))
    st.session_state.pop(_PENDING, None)
    st.rerun()


def chosen_anatomy() -> Anatomy:
    """Return the chosen model's anatomy; when it is gone, the bundled one's, and say why on the page."""
    num_labels = current().assumptions.num_labels
    try:
        anatomy = anatomy_of(current().model, num_labels=num_labels)
    except SpafitError as error:
        anatomy = anatomy_of(BUNDLED, num_labels=num_labels)
        commit(model=BUNDLED, stratification=preset(Method.SPAFIT, anatomy.num_layers))
        say(f"{error} Showing the bundled model instead.")
    if reason := misfit(anatomy, current().stratification):
        commit(stratification=preset(Method.SPAFIT, anatomy.num_layers))
        say(f"{reason} Showing SPAFIT at thirds instead.")
    return anatomy
