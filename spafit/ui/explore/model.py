"""Any model: one beyond the catalogue is read while the page goes on, and what cannot be read is said."""

from typing import Any

import streamlit as st

from spafit import access
from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy
from spafit.models.hub import OfflineError
from spafit.models.load import start_build
from spafit.models.registry import BUNDLED, add_config, catalogue, get_model
from spafit.stratification import Method, preset
from spafit.ui.anatomies import anatomy_of, misfit
from spafit.ui.choice import commit, current, say, scaled
from spafit.ui.components.text import plain

_PENDING, _TEXT, _UPLOAD = "explore_pending", "explore_model_text", "explore_upload"


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
    if not text:
        return
    try:
        ask_for(text)
    except SpafitError as error:
        say(str(error))


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
