"""Explore's way back: an adapter opens as its stratification, with what boundaries do not express beside it."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from spafit.errors import SpafitError
from spafit.export.adapter_source import Files, from_folder, from_hub, from_zip
from spafit.export.bring_back import Brought, bring_back
from spafit.tasks.files import limit_mb
from spafit.ui.choice import commit, current
from spafit.ui.components.errors import show_error
from spafit.ui.components.text import plain
from spafit.ui.explore.model import folders_allowed
from spafit.ui.visitor import actor

_FILE, _PLACE, _BASE, _BROUGHT = "explore_adapter_zip", "explore_adapter_place", "explore_adapter_base", "brought_back"


def adapter_box() -> None:
    """Draw where an adapter is named or uploaded, and open it on request."""
    st.caption("Or a LoRA adapter, exported here or made with PEFT: it opens as the stratification that it is.")
    folders = folders_allowed() or actor().administrator
    st.text_input("Adapter: Hub id or folder" if folders else "Adapter: Hub id", key=_PLACE, max_chars=500)
    file = st.file_uploader("Or a zip", type="zip", max_upload_size=limit_mb(), key=_FILE)
    st.text_input(
        "Base model (if the adapter does not say it)", key=_BASE, max_chars=200, placeholder="bert-base-cased"
    )
    if not st.button("Open the adapter", icon=":material/arrow_forward:", key="explore_open_adapter"):
        return
    try:
        with st.spinner("Reading the adapter …"):
            place = st.session_state[_PLACE].strip()
            files = from_zip(file, file.name) if file is not None else _named(place, folders)
            found = bring_back(files, st.session_state[_BASE].strip() or None)
    except SpafitError as error:
        show_error(error)
        return
    assumptions = replace(current().assumptions, num_labels=found.num_labels)
    if commit(model=found.model, stratification=found.stratification, assumptions=assumptions):
        st.session_state[_BROUGHT] = found
    st.rerun()


def _named(place: str, folders: bool) -> Files:
    if not place:
        raise SpafitError("Name an adapter, or choose a zip.")
    return from_folder(Path(place).expanduser()) if folders and Path(place).expanduser().is_dir() else from_hub(place)


def brought_back() -> None:
    """Draw what an adapter has, for as long as it is its stratification that is shown."""
    found: Brought | None = st.session_state.get(_BROUGHT)
    if found is None or (found.model, found.stratification) != (current().model, current().stratification):
        return
    said = (
        "the boundaries say all of it"
        if found.exact
        else "the boundaries come as near as they can; what they do not express is listed"
    )
    with st.expander(
        plain(f"Adapter {found.name}: {found.trainable:,} trained parameters; {said}"), expanded=not found.exact
    ):
        for what, values in found.beyond.items():
            st.warning(plain(f"No stratum has {what} ({values:,} values)."), icon=":material/warning:")
        for remark in found.remarks:
            st.info(plain(remark), icon=":material/info:")
        rows = [
            {
                "": part.label,
                "ranks": ", ".join(f"{role} {rank}" for role, rank in part.ranks.items()),
                "biases": part.bias,
                "LoRA": part.lora,
                "weights": part.weight,
                "trained": part.trainable,
                "as strata": part.as_strata,
                "not expressed": "; ".join(part.differences),
            }
            for part in found.parts
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="brought_back_table")
