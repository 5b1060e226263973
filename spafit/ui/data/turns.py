"""Says that a file waits until others have been read."""

from collections.abc import Generator
from contextlib import contextmanager

import streamlit as st

from spafit.tasks import turns


@contextmanager
def waiting_said() -> Generator[None]:
    """Tell a visitor whose file has to wait for its turn so, for as long as the block takes."""
    place = st.empty()
    if turns.all_taken():
        place.info(f"{turns.AT_ONCE} files are being read already; yours waits for its turn.", icon=":material/queue:")
    yield
    place.empty()
