"""Which runs are tried, and on what text; both are the visitor's own, and the runs are in the address."""

import contextlib
import random

import streamlit as st

from spafit import access, tasks
from spafit.errors import SpafitError
from spafit.runs import Run, State, Store, UnknownRunError
from spafit.runs.rights import shows_test
from spafit.stratification import title
from spafit.tasks import Examples, Task
from spafit.trained.facts import Facts, facts_of
from spafit.training.checkpoint import is_saved
from spafit.ui.components.text import plain

MOST_RUNS = 3
"""Side by side; more would not fit a phone."""
MOST_LISTED = 100
_RUNS, _ASKED, _TEXT, _PAIR, _TRUTH = (f"tryout_{name}" for name in ("runs", "asked", "text", "pair", "truth"))


def usable(run: Run) -> bool:
    """Whether a run is finished and kept its weights."""
    return run.state is State.FINISHED and is_saved(Store.open().folder(run.id))


def facts(run: Run) -> Facts:
    """Return what a run was trained to answer. Raises `SpafitError` when nothing says it any more."""
    return facts_of(run, Store.open().folder(run.id))


def usable_runs() -> dict[str, Run]:
    """Return the runs that can be tried by id: the newest, newest first, and those of the address."""
    store = Store.open()
    found = {run.id: run for run in store.list(state=State.FINISHED, limit=MOST_LISTED)}
    for run_id in _asked():
        with contextlib.suppress(UnknownRunError):
            found.setdefault(run_id, store.get(run_id))
    return {run_id: run for run_id, run in found.items() if usable(run)}


def _asked() -> list[str]:
    return [name for name in st.query_params.get("runs", "").split(",") if name][:MOST_RUNS]


def label(run: Run) -> str:
    """Return a run in one line: its setting, task and seed, and its score."""
    name, chips = title(run.spec.stratification)
    score = next((f"{value:.3f}" for value in run.validation_metrics.values()), "")
    parts = (name, *chips, run.task, f"seed {run.seed}", f"validation {score}" if score else "", run.id)
    return " · ".join(part for part in parts if part)


def choose_runs(listed: dict[str, Run]) -> list[Run]:
    """Draw the choice of runs and return them; the address has them, so that a link opens the same ones."""
    asked = _asked()
    if _RUNS not in st.session_state or (asked and asked != st.session_state.get(_ASKED)):
        st.session_state[_RUNS] = [run_id for run_id in asked if run_id in listed] or list(listed)[:1]
        st.session_state[_ASKED] = asked
    for run_id in asked:
        if run_id not in listed:
            st.warning(f"Run {plain(run_id)} cannot be tried: it is not here, not finished, or kept no weights.")
    chosen = st.multiselect(
        "Runs",
        list(listed),
        format_func=lambda run_id: label(listed[run_id]),
        key=_RUNS,
        max_selections=MOST_RUNS,
        on_change=_remember,
        persist_state="session",
        help="Up to three, side by side. Runs of one task can be compared text by text.",
    )
    return [listed[run_id] for run_id in chosen if run_id in listed]


def _remember() -> None:
    st.session_state[_ASKED] = list(st.session_state[_RUNS])
    st.query_params["runs"] = ",".join(st.session_state[_RUNS])


def choose_text(task: Task | None, pair: bool, part: str) -> tuple[str, str | None]:
    """Draw the boxes for the text (and a second one), with examples of a part at hand; return what is in them."""
    st.text_area(
        "Text",
        key=_TEXT,
        height=100,
        max_chars=5_000,
        placeholder="Type a sentence; the answer appears below.",
        persist_state="session",
    )
    if pair:
        st.text_area("Second text", key=_PAIR, height=100, max_chars=5_000, persist_state="session")
    with st.container(horizontal=True, vertical_alignment="center"):
        if task is not None:
            st.button(
                f"Take an example of the {part} part",
                icon=":material/shuffle:",
                on_click=_take_example,
                args=(task.key, part),
                key="tryout_example",
            )
        truth, text = st.session_state.get(_TRUTH, ("", ""))
        if truth and text == st.session_state.get(_TEXT):
            st.markdown(f"Its label: **{plain(truth)}**")
    second = st.session_state.get(_PAIR, "") if pair else None
    return st.session_state.get(_TEXT, ""), second


def examples_from(runs: list[Run]) -> str:
    """Return the part of the data whose examples are offered: not the test part where these runs' scores are closed."""
    shown = all(shows_test(run.test_hidden, to_others=access.shared()) for run in runs)
    return "test" if shown else "validation"


@st.cache_data(max_entries=4, show_spinner="Reading the examples …")
def part_of(key: str, part: str) -> Examples:
    """Return the examples of a part of a task's data. Raises `SpafitError` when its data is gone."""
    return tasks.load(tasks.get_task(key), part)


def take_row(key: str, row: int, part: str = "test") -> None:
    """Put one example of a part of a task's data into the boxes, with its label beside them."""
    try:
        task = tasks.get_task(key)
        examples = part_of(key, part)
    except SpafitError:
        return
    st.session_state[_TEXT] = examples.text[row]
    st.session_state[_PAIR] = examples.pair[row] if examples.pair else ""
    st.session_state[_TRUTH] = task.answer(float(examples.labels[row])), examples.text[row]


def _take_example(key: str, part: str) -> None:
    try:
        size = len(part_of(key, part))
    except SpafitError:
        return
    take_row(key, random.randrange(size), part)
