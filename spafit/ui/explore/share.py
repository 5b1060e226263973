"""Explore's take-along panel: links, a Python script, the command line and the JSON of the setting."""

from urllib.parse import urlencode, urlsplit

import streamlit as st

from spafit.export.link import STRATIFICATION_FILE, count_command, needs_file, train_command
from spafit.export.script import python_script
from spafit.models.anatomy import Anatomy
from spafit.models.registry import get_model
from spafit.stratification import Stratification
from spafit.training.config import RunSpec
from spafit.ui.address import to_parameters
from spafit.ui.choice import current
from spafit.ui.components.download import download
from spafit.ui.components.text import plain


def share_tab(anatomy: Anatomy, stratification: Stratification) -> None:
    """Everything that describes the setting outside this page."""
    model = get_model(current().model)
    st.markdown("**Link.** Opens this page with this model and this setting.")
    prepared = {name: value for name, value in to_parameters(current()).items() if name != "runs"}
    here = {name: prepared[name] for name in ("s", "set") if name in prepared}
    st.code(f"{_origin()}/explore?{urlencode(here)}", language=None, wrap_lines=True)
    if not model.counts_only:
        st.markdown("**Link to Train.** Opens its form filled in: model, task, this setting and the training settings.")
        st.code(f"{_origin()}/train?{urlencode(prepared)}", language=None, wrap_lines=True)

    st.markdown("**Python.** Plain PyTorch, transformers and peft; nothing of spafit is needed.")
    if model.counts_only:
        there = f"There are no weights of {plain(model.name)} here"
        st.caption(f"{there}, so put your own folder in the script's place of them.")
    spec = RunSpec(model.key, current().task, stratification, current().settings)
    script = python_script(spec, anatomy)
    st.code(script, language="python", height=320)
    download("Download finetune.py", script, "finetune.py")

    st.markdown("**Command line.** Counts, and trains on the chosen task.")
    commands = [count_command(model.key, stratification, current().assumptions.num_labels)]
    if not model.counts_only:
        commands.append(train_command(spec))
    st.code("\n".join(commands), language="bash", wrap_lines=True)

    st.markdown(
        f"**JSON.** {'The commands read it from ' + STRATIFICATION_FILE + '.' if needs_file(stratification) else ''}"
    )
    document = stratification.to_json()
    st.code(document, language="json", wrap_lines=True)
    download(f"Download {STRATIFICATION_FILE}", document, STRATIFICATION_FILE)


def _origin() -> str:
    """Return the address under which the visitor sees the app, without a page."""
    parts = urlsplit(st.context.url or "")
    folder = parts.path.rstrip("/").removesuffix("/explore")
    return f"{parts.scheme}://{parts.netloc}{folder}" if parts.netloc else ""
