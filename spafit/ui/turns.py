"""Heavy questions of pages to helper processes, one at a time: a class that asks together must not fill the memory."""

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any

import streamlit as st

from spafit.errors import SpafitError
from spafit.helper import call

WAIT_SECONDS = 120.0
_PATIENT = {"GOMP_SPINCOUNT": "1000"}
"""Beside a run that trains, threads that spin while they wait would slow both several times."""


@st.cache_resource
def _turn() -> Lock:
    return Lock()


def call_in_turn(function: str, arguments: Mapping[str, Any], *, doing: str, seconds: float) -> Any:
    """Call a function in a helper process (see `spafit.helper.call`) once no other such question is being answered.

    Raises:
        SpafitError: with the function's own sentence, or because others are asking all the time.
    """
    if not _turn().acquire(timeout=WAIT_SECONDS):
        raise SpafitError("Others are asking such questions all the time; try again in a few minutes.")
    try:
        return call(function, arguments, doing=doing, seconds=seconds, environment=os.environ | _PATIENT)
    finally:
        _turn().release()
