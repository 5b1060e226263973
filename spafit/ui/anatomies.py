"""The layers of models and what is counted on them, once for all visitors."""

import functools

import streamlit as st

from spafit.counting import Counts, count
from spafit.models.anatomy import Anatomy
from spafit.models.load import load_anatomy
from spafit.plan import check
from spafit.stratification import Stratification, StratificationError

anatomy_of = st.cache_resource(show_spinner="Reading the model's layers …", max_entries=64)(load_anatomy)
"""The anatomy of a model (key, folder or Hub id), once per app; ``num_labels`` by keyword."""


@functools.lru_cache(maxsize=512)
def counts_of(anatomy: Anatomy, stratification: Stratification) -> Counts:
    """Return the counts of a stratification on a model."""
    return count(anatomy, stratification)


def misfit(anatomy: Anatomy, stratification: Stratification) -> str:
    """Return why a stratification cannot be on a model, such as a rank beyond its matrices; empty when it can."""
    try:
        check(anatomy, stratification)
    except StratificationError as error:
        return str(error)
    return ""
