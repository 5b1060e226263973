"""A button that saves something as a file."""

import mimetypes
from collections.abc import Callable
from typing import Any

import streamlit as st


def download(label: str, content: str | bytes | Callable[[], str | bytes], name: str, **more: Any) -> None:
    """Draw it; the page is not run again when it is pressed.

    Args:
        label: on the button.
        content: of the file, or what makes it once it is asked for.
        name: of the file; its ending says what is in it.
        **more: what `st.download_button` takes beyond that.
    """
    kind, packed = mimetypes.guess_type(name)
    more = {"icon": ":material/download:", "mime": "application/gzip" if packed else kind, "on_click": "ignore"} | more
    st.download_button(label, content, name, **more)
