"""Taking a run home: one zip, made outside the app's process; what is in it is listed before the download."""

from pathlib import Path
from typing import Any

import streamlit as st

from spafit import access
from spafit.helper import call
from spafit.quantities import bytes_text
from spafit.runs import Run
from spafit.runs.rights import require_test
from spafit.ui.components.download import download
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.tryout.choose import label

MAKE_SECONDS = 300.0
_MADE = "tryout_zip_{}"


def take_home(runs: list[Run]) -> None:
    """Draw, in a box that opens, the button that makes each run's zip, and then what is in it and the download."""
    box = st.expander("Take it home", icon=":material/folder_zip:", key="take_home", on_change="rerun")
    if not box.open:
        return
    with box:
        st.caption(
            "A model that loads without spafit, with its card, the run's script, curve and figures, and a report to "
            "print."
        )
        for run in runs:
            if len(runs) > 1:
                st.markdown(f"**{plain(label(run))}**")
            with showing_errors():
                _one(run)


def _one(run: Run) -> None:
    require_test(run.test_hidden, to_others=access.shared())
    key = _MADE.format(run.id)
    made: dict[str, Any] | None = st.session_state.get(key)
    if made is None:
        if not st.button("Make the zip", icon=":material/folder_zip:", key=f"make_{run.id}"):
            return
        with st.spinner("Putting the model together …", show_time=True):
            wanted = {"run": run.id, "for_others": access.shared()}
            made = call("spafit.export.archive:make", wanted, doing="Making the zip", seconds=MAKE_SECONDS)
        st.session_state[key] = made
    assert made is not None
    path = Path(made["path"])
    if not path.is_file():  # cleared from the cache since
        del st.session_state[key]
        st.rerun()
    download(
        f"Download ({bytes_text(made['bytes'])})",
        path.read_bytes,
        f"spafit-{run.id}.zip",
        type="primary",
        key=f"download_{run.id}",
    )
    st.code("\n".join(made["files"]), language=None)
