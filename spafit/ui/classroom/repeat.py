"""A setting that the class has measured already: its run is offered, or another seed."""

from dataclasses import replace

import streamlit as st

from spafit.errors import SpafitError
from spafit.runs import Store
from spafit.runs.measured import free_seed, said, same
from spafit.training.config import RunSpec
from spafit.ui.choice import commit, current
from spafit.ui.classroom.mine import is_open
from spafit.ui.classroom.sidebar import my_class
from spafit.ui.components.text import plain


def not_measured(spec: RunSpec, start: bool) -> bool:
    """Offer the run that does what this one would, or another seed; return whether to start this one after all."""
    try:
        found, store = my_class(), Store.open()
        runs = [] if found is None else store.list(class_id=found[0].id, archived=None, limit=None)
        twin = same(spec, runs)
    except SpafitError:
        return start  # submitting says why
    if found is None or twin is None:
        return start
    with st.container(border=True, gap="small"):
        st.markdown(f":material/task_alt: **{plain(said(twin))}**: the same setting, data and seed.")
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("pages/runs.py", label="Open it", icon=":material/monitoring:", query_params={"run": twin.id})
            if is_open(found[0].rules, "seed"):
                seed = free_seed(spec, runs)
                st.button(f"Use seed {seed}", icon=":material/casino:", on_click=_use, args=(seed,))
    return False


def _use(seed: int) -> None:
    commit(settings=replace(current().settings, seed=seed))
