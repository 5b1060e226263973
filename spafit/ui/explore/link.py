"""Share links on Explore: read once when one is opened, written for the address and the share panel."""

from dataclasses import asdict
from typing import Any

import streamlit as st

from spafit.errors import SpafitError
from spafit.export.link import LinkError, Shared, from_link, to_link
from spafit.ui.explore.model import ask_for
from spafit.ui.explore.state import Settings, change_settings, commit, compared, say, set_compared, settings
from spafit.ui.state import current_model, current_stratification, scaled

_KNOWN = "explore_known_links"
LINKS_KEPT = 500


def current_link() -> str:
    """The link that restores what the page shows now."""
    usual, other = asdict(Settings()), compared()
    changed = {name: value for name, value in asdict(settings()).items() if value != usual[name]}
    link = to_link(Shared(current_model(), current_stratification(), other, changed))
    _remember(link)
    return link


def _remember(link: str) -> None:
    """Links of this visit are not read again: the address follows the setting, not the other way round."""
    known = st.session_state.setdefault(_KNOWN, {})
    known[link] = None
    while len(known) > LINKS_KEPT:
        known.pop(next(iter(known)))


def open_link() -> None:
    """Take over what the address's link says, once; what cannot be taken over is said, and nothing is lost."""
    link = st.query_params.get("s", "")
    if not link or link in st.session_state.get(_KNOWN, {}):
        return
    _remember(link)
    try:
        shared = from_link(link)
        change_settings(**_checked(shared.settings))
    except SpafitError as error:
        say(f"{error} Showing your own setting instead.")
        return
    try:
        ask_for(shared.model, shared.stratification)
    except SpafitError as error:
        here = current_stratification().num_layers
        if commit(scaled(shared.stratification, here)):
            say(f"{error} The link's setting is shown on a model that is available here, its boundaries in proportion.")
    if shared.other is not None:
        set_compared(shared.other)


def _checked(values: dict[str, Any] | Any) -> dict[str, Any]:
    """The link's page settings, refused when a name is unknown or a value out of range."""
    try:
        Settings(**values)
    except TypeError as error:
        raise LinkError("This link is damaged: it has a setting that does not exist.") from error
    return dict(values)
