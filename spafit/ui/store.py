"""One open run store for all sessions of the app."""

import streamlit as st

from spafit.home import database_url
from spafit.runs import Store


@st.cache_resource(show_spinner=False)
def _open(url: str) -> Store:
    return Store.open()


def store() -> Store:
    """The run store of this SPAFIT_HOME. Raises SpafitError when the database cannot be opened."""
    return _open(database_url())
