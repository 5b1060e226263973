"""Errors as one sentence on the page; whatever else is on it stays."""

from collections.abc import Generator
from contextlib import contextmanager

import streamlit as st

from spafit.errors import SpafitError
from spafit.ui.components.text import plain


def show_error(error: SpafitError) -> None:
    """Show an error's sentence letter by letter: it may quote what a visitor typed."""
    st.error(plain(str(error)), icon=":material/error:")


def show_message(text: str) -> None:
    """Show a message about the visitor's choice letter by letter; nothing when it is empty."""
    if text:
        st.warning(plain(text))


@contextmanager
def showing_errors() -> Generator[None]:
    """Show a `SpafitError` raised inside as a sentence where it happened, and go on after the block."""
    try:
        yield
    except SpafitError as error:
        show_error(error)
