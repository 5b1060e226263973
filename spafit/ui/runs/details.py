"""What stands behind a run's curve: its setting, its scores, its layers, the machine, its log; and files."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from spafit import access
from spafit.errors import SpafitError
from spafit.export.runs_report import report_on_run
from spafit.export.script import script_of
from spafit.quantities import bytes_text
from spafit.runs import Run, State, Store
from spafit.tasks import TaskError, called, get_task
from spafit.tasks.metrics import LABELS
from spafit.ui.anatomies import anatomy_of, counts_of
from spafit.ui.arrival import take_run
from spafit.ui.choice import say
from spafit.ui.components.download import download
from spafit.ui.components.errors import show_error, showing_errors
from spafit.ui.components.picture import picture
from spafit.ui.components.text import plain
from spafit.ui.runs.data import events_of, last_of, points
from spafit.ui.runs.inside import inside
from spafit.ui.runs.manage import history, manage
from spafit.ui.state import detach
from spafit.ui.train.settings import SETTING_LABELS
from spafit.ui.tryout.choose import usable
from spafit.ui.tryout.take import take_home

LOG_BYTES = 8_000


def run_details(run: Run) -> None:
    """Draw what can be done with a run, and everything that it was made from; followed while the run goes."""
    _actions(run)
    manage(run)
    st.fragment(_tabs, run_every=None if run.state.over else 3.0)(run.id)


def _tabs(run_id: str) -> None:
    try:
        run = Store.open().get(run_id)
    except SpafitError as error:
        show_error(error)
        return
    names = ("Setting", "Scores", "Layers", "What changed inside", "Environment", "Log")
    # A reason that explains itself needs no log beside it.
    unexplained = run.state is State.FAILED and (not run.reason or "run's log" in run.reason)
    setting, scores, layers, changed, circumstances, log = st.tabs(names, default="Log" if unexplained else None)
    with setting, showing_errors():
        _setting(run)
    with scores:
        _scores(run)
    with layers, showing_errors():
        _layers(run)
    with changed, showing_errors():
        inside(run)
    with circumstances:
        _circumstances(run)
    with log:
        text = log_tail(Store.open().folder(run.id) / "log.txt")
        st.code(text, language=None, height=300) if text else st.caption("The log is empty.")


def _actions(run: Run) -> None:
    with st.container(horizontal=True):
        download("Curve (CSV)", lambda: points(events_of(run)).to_csv(index=False), f"{run.id}.csv")
        download("Setting (JSON)", json.dumps(run.spec_document, indent=2), f"{run.id}.json")
        download(
            "Script (Python)",
            lambda: _script(run),
            f"{run.id}.py",
            help="Does this run with PyTorch, transformers and PEFT alone.",
        )
        if run.state is State.FINISHED:
            download(
                "Report",
                lambda: report_on_run(run, events_of(run)),
                f"{run.id}.html",
                icon=":material/print:",
                help="One page to print or hand in: setting, curve, scores beside the baseline, what changed inside.",
            )
        if st.button("Explore this setting", icon=":material/layers:", on_click=_take, args=(run,)):
            st.switch_page("pages/explore.py")
        if st.button("Train with it again", icon=":material/play_circle:", on_click=_take, args=(run,)):
            detach()
            st.switch_page("pages/train.py")
    if usable(run):
        take_home([run])


def _take(run: Run) -> None:
    """Choose what the run was made with; a page says it when that cannot be."""
    try:
        take_run(run.spec)
    except SpafitError as error:
        say(str(error))


def _script(run: Run) -> str:
    try:
        return script_of(run.spec)
    except SpafitError as error:  # the model or the task is gone
        return f"# {error}\n"


def _setting(run: Run) -> None:
    spec = run.spec
    stratification = spec.stratification
    st.html(picture(stratification))
    left, right = st.columns(2)
    with left:
        lora = stratification.lora
        about_lora = {
            "LoRA rank, alpha": f"{lora.rank}, {lora.alpha:g}",
            "LoRA on": ", ".join(lora.targets).replace("_", " "),
        }
        _facts(
            {
                "Model": spec.model,
                "Task": spec.task,
                "Embeddings": stratification.embeddings.label,
                "Pretrained pooler": stratification.head.pretrained_pooler.label,
                "New classifier": stratification.head.fresh.label,
            }
            | (about_lora if stratification.uses_lora else {})
        )
    with right:
        values = {name: value for name, value in spec.settings.to_dict().items() if value is not None}
        _facts({SETTING_LABELS[name]: _said(value) for name, value in values.items()})


def _scores(run: Run) -> None:
    """Every metric on every part, beside the baseline on the test parts."""
    if not run.validation_metrics:
        st.caption("The first evaluation brings the first scores.")
        return
    parts = {}
    for part, (reached, baseline) in run.tests.items():
        name = called(run.task, part)
        parts |= {name: reached, f"baseline on {name}": baseline}
    parts["validation"] = run.validation_metrics
    table = pd.DataFrame({part: values for part, values in parts.items() if values})
    table.index = [LABELS[name] for name in table.index]
    st.table(table.map(lambda value: f"{value:.4f}"), border="horizontal")


def _layers(run: Run) -> None:
    try:
        num_labels = get_task(run.task).num_labels
    except TaskError:
        num_labels = 2  # the task is gone; only the classifier's rows depend on it
    counts = counts_of(anatomy_of(run.model, num_labels=num_labels), run.spec.stratification)
    numbers = ("bias", "lora", "weight", "trainable", "total")
    st.dataframe(
        counts.frame()[["label", "stratum", "recipe", *numbers]].rename(columns={"label": "row"}),
        hide_index=True,
        placeholder="",
        column_config={name: st.column_config.NumberColumn(format="localized") for name in numbers},
    )


def _circumstances(run: Run) -> None:
    stamps = {"Submitted": run.created_at, "Started": run.started_at, "Ended": run.ended_at}
    facts: dict[str, Any] = {name: f"{when:%Y-%m-%d %H:%M:%S} UTC" for name, when in stamps.items() if when}
    facts |= {"Attempt": run.attempt, "Device": run.device or "not known yet", "Seed": run.seed} | run.hardware
    if isinstance(run.hardware.get("memory"), int):
        facts["memory"] = bytes_text(run.hardware["memory"])
    finished = last_of(events_of(run), "finished")
    if finished and finished.get("peak_memory"):
        facts["Peak memory of the run"] = bytes_text(finished["peak_memory"])
    _facts(facts | run.versions)
    history(run)


def _said(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _facts(facts: dict[str, Any]) -> None:
    """Names and values in two columns, shown as they are."""
    rows = [(plain(str(name)), plain(str(value))) for name, value in facts.items()]
    st.table(pd.DataFrame(rows, columns=["", " "]), border="horizontal", hide_index=True, hide_header=True)


def log_tail(path: Path) -> str:
    """Return the last `LOG_BYTES` of a log, cut at a line; empty when there is none."""
    try:
        with path.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - LOG_BYTES))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return access.shown(text if size <= LOG_BYTES else text.partition("\n")[2])
