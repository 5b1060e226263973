"""Data's look at a task: what is asked, how it is measured, and what its texts are like."""

import itertools

import streamlit as st

from spafit.figures.data import class_balance, target_spread, token_lengths
from spafit.models import hub
from spafit.models.registry import get_model
from spafit.tasks import Task, folder, get_task, helper, is_ready, list_tasks, preview
from spafit.tasks.glue import tasks as glue_tasks
from spafit.tasks.metrics import LABELS, baseline_name
from spafit.tasks.preview import Preview
from spafit.tasks.upload.stored import KEY
from spafit.training.config import TrainSettings
from spafit.ui.address import replace_address
from spafit.ui.choice import commit, current
from spafit.ui.components.text import plain
from spafit.ui.data.time import expected_time
from spafit.ui.data.turns import waiting_said


def choose_task() -> Task:
    """Draw the choice of task, at first the one that the address names (`/data?task=KEY`), and return it."""
    tasks = {task.key: task for task in list_tasks()}
    named = st.query_params.get("task")
    if "data_task" not in st.session_state and named in tasks:
        st.session_state["data_task"] = named
    if st.session_state.get("data_task") not in tasks:
        st.session_state.pop("data_task", None)
    key = st.selectbox(
        "Task",
        list(tasks),
        format_func=lambda key: f"{tasks[key].name} · {key if key.startswith(KEY) else tasks[key].source}",
        key="data_task",
        persist_state="session",
    )
    replace_address("/data", task=key)
    return get_task(key)


def explain(task: Task) -> None:
    """Say what a task asks, with an example, and where its limits are."""
    with st.container(border=True):
        st.markdown(f"##### {plain(task.sentence)}")
        st.markdown(plain(task.example))
    where = f"{task.where} ({glue_tasks.ORDER})" if task.key in glue_tasks.KEYS else task.where
    origin = {"From": task.origin, "Where": where, "Licence": task.licence}
    st.markdown(_listed(_facts(task) | origin))


def _facts(task: Task) -> dict[str, str]:
    asked = "a number" if task.num_labels == 1 else f"one of {task.num_labels} classes"
    if 1 < task.num_labels <= 10:
        asked += f": {', '.join(task.labels)}"
    return {
        "Input": "two texts, read together" if task.pair else "one text",
        "Answer": asked,
        "Measured by": ", ".join(LABELS[name] for name in task.metrics)
        + (" (the first counts)" * (len(task.metrics) > 1)),
        "Limits": task.limits,
    }


def _listed(facts: dict[str, str]) -> str:
    return "  \n".join(f"**{name}:** {plain(fact)}" for name, fact in facts.items())


def look(task: Task) -> Preview | None:
    """Return a task's preview, made by a helper process when there is none yet; None when data must be fetched first.

    Raises:
        TaskError: the data cannot be read.
    """
    place = get_model(current().model).path
    if task.source == "hub" and not is_ready(task):
        if not hub.reachable():
            st.info(
                "To look at this task's data it would have to be fetched, and the Hub is out of reach; "
                + plain(f"{glue_tasks.how_to_bring(task.key)}.")
            )
            return None
        if not st.button("Fetch the data from the Hub", icon=":material/download:"):
            return None
    found = preview.read(task, place)
    if found is None:
        with waiting_said(), st.spinner("Reading the data …", show_time=True):
            found = _made(task.key, str(place) if place else None, str(folder(task)))
    return found


@st.cache_data(show_spinner=False, max_entries=50)
def _made(task: str, tokenizer_folder: str | None, place: str) -> Preview:
    """One preview for all visitors that ask at the same time; `place` changes when the data does."""
    return Preview.from_dict(helper.call("preview", task=task, tokenizer_folder=tokenizer_folder))


def show(task: Task, seen: Preview) -> None:
    """Draw a preview: rows, baseline, class balance, token lengths, examples, and what was left out."""
    done = seen.preparation
    names = {"train": "Training examples", "validation": "Validation examples"}
    names |= {part: f"Test examples{task.called(part).removeprefix('test')}" for part in ("test", *task.extra_tests)}
    with st.container(horizontal=True):
        for part, rows in done.splits.items():
            st.metric(names[part], f"{rows:,}", width=130)
        st.metric(
            "Repeated texts",
            f"{done.duplicates_removed + done.found_in_test:,}",
            width=130,
            help=f"Left out: {done.duplicates_removed:,} that occur more than once in a part, {done.found_in_test:,} "
            "that are in a later part too. Two texts are the same if they differ in case and white space only.",
        )
        st.metric(
            baseline_name(task.metric),
            f"{seen.baseline[task.metric]:.3f}",
            width=230,
            help=f"On the {plain(task.called('test'))} part, of a model that always answers the same. "
            + "; ".join(f"{LABELS[metric]}: {value:.3f}" for metric, value in seen.baseline.items()),
        )
    balance, lengths = st.container(key="charts_data").columns(2, gap="large")
    with balance:
        _balance(task, seen)
    with lengths:
        _lengths(task, seen)
    st.subheader("Ten training examples", anchor=False)
    for row in seen.examples:
        with st.container(border=True, gap=None):
            for name in ("text", "pair"):
                if name in row:
                    st.markdown(plain(row[name]))
            st.markdown(f"→ **{plain(row['label'])}**")
    _left_out(seen)


def _balance(task: Task, seen: Preview) -> None:
    st.subheader("Answers in the training part", anchor=False)
    counts = seen.counts["train"]
    figure = target_spread(seen.bins, counts) if task.num_labels == 1 else class_balance(task.labels, counts)
    st.plotly_chart(figure, key="data_balance", config={"displayModeBar": False})


def _lengths(task: Task, seen: Preview) -> None:
    st.subheader("Tokens per text", anchor=False)
    if not seen.lengths:
        st.info(plain(seen.no_lengths))
        return
    default = TrainSettings().max_length
    length = st.slider("Read at most", 16, 512, default, 16, format="%d tokens", key="data_length")
    share = seen.truncated(length)
    st.plotly_chart(token_lengths(seen.lengths, length), key="data_lengths", config={"displayModeBar": False})
    percent = "less than 0.1" if 0 < share < 0.001 else f"{100 * share:.1f}"
    cut = {0.0: "no text is cut", 1.0: "every text is cut"}.get(share, f"{percent} % of the texts are cut")
    measured = "all" if seen.measured == seen.preparation.splits["train"] else f"{seen.measured:,}"
    st.markdown(f"**At {length} tokens {cut}.**")
    st.caption(
        f"Counted on {measured} training examples with the tokenizer of {plain(get_model(current().model).name)}, "
        f"{seen.mean_length:.0f} tokens on average. {plain(expected_time(seen, length))}"
    )


def _left_out(seen: Preview) -> None:
    done = seen.preparation
    left_out = {
        "rows were read": done.rows_read,
        "repeated texts in the training and validation parts were left out": done.duplicates_removed,
        "texts had more than one label; their first was kept": done.contradictions,
        "rows were left out because a later part (validation or test) has the same text": done.found_in_test,
        "repeated texts inside the test part stay, so that figures compare with others'": done.duplicates_in_test,
        **{f"left out: {reason}": count for reason, count in done.left_out.items()},
    }
    with st.expander("How the rows were divided, and what was left out"):
        st.markdown(
            "The parts share no text. Parts that came with the data are kept; the rows of one that was missing follow "
            "from their text alone, with every class in its proportion, and are the same on every machine. Boundaries "
            "and settings are chosen on the validation part; the test part is looked at once, when a run is finished."
        )
        st.markdown("\n".join(f"- {count:,} {plain(what)}" for what, count in left_out.items() if count))
        if done.problems:
            st.text("\n".join(done.problems))


def overview() -> None:
    """Every task on a card of its own: what it asks, an example, and how far it goes."""
    tasks = list_tasks()
    pairs = (zip(st.columns(2), tasks[i : i + 2], strict=False) for i in range(0, len(tasks), 2))
    for column, task in itertools.chain.from_iterable(pairs):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"#### {plain(task.name)}: {plain(task.sentence)}")
            st.markdown(plain(task.example))
            st.markdown(_listed(_facts(task) | {"Where": task.where}))


def train_button(task: Task, label: str = "Train on this task", key: str | None = None) -> None:
    """Go to Train with this task chosen."""
    if st.button(label, icon=":material/play_circle:", key=key, on_click=_choose_task, args=(task.key,)):
        st.switch_page("pages/train.py")


def _choose_task(key: str) -> None:
    commit(task=key)
