"""What the chosen runs answer: a column a run, the same model before training beside the first, and the fader."""

import pandas as pd
import streamlit as st

from spafit.runs import Run
from spafit.tasks import Task
from spafit.tryout.client import Client
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.tryout.choose import choose_text, examples_from, facts, label, usable

Answer = dict[str, object]
_READY = "tryout_ready"
"""Session state: the run for which the process was started before anybody asked."""
_BEFORE = "tryout_before"
"""Session state: what the models before training said to the text that is asked now, by run."""


@st.cache_resource
def client() -> Client:
    """Return the one warm process of this server."""
    return Client()


def get_ready(run: Run) -> None:
    """Start the process that answers, once a run, with its model: whoever has watched it end is about to try it."""
    if st.session_state.get(_READY) != run.id and usable(run):
        client().start([run.id])
        st.session_state[_READY] = run.id


@st.fragment
def talk(runs: list[Run], task: Task | None) -> None:
    """Draw the boxes for a text and what the runs answer; what is typed or moved here draws only this again."""
    reads_pairs = [facts(run).pair for run in runs]
    text, pair = choose_text(task, any(reads_pairs), examples_from(runs))
    if not text.strip() or (pair is not None and not pair.strip()):
        client().start([run.id for run in runs])  # while the text is being typed
        return
    columns = st.container(key="charts_answers").columns(len(runs))
    for column, run, reads_pair in zip(columns, runs, reads_pairs, strict=True):
        with column.container(border=True), showing_errors():
            if len(runs) > 1:
                st.markdown(f"**{plain(label(run))}**")
            _answer(run, text, pair if reads_pair else None, fader=len(runs) == 1)


def _answer(run: Run, text: str, pair: str | None, fader: bool) -> None:
    """Draw what one run answers, and below it the fader; what it cannot say is a sentence."""
    place = st.container()
    factors = _fader(run) if fader else {}
    with place, st.spinner("Loading the model (once) …", show_time=True):
        pairs = None if pair is None else [pair]
        after = client().predict(run.id, [text], pairs, factors=factors)[0]
        before = _untrained(run, text, pair)
    with place:
        _show(after, before)


def _untrained(run: Run, text: str, pair: str | None) -> Answer:
    """Return the answer of the model before training; while a fader moves the text stays, and so does this."""
    kept = st.session_state.setdefault(_BEFORE, {})
    asked, answer = kept.get(run.id, (None, None))
    if asked != (text, pair):
        pairs = None if pair is None else [pair]
        answer = client().predict(run.id, [text], pairs, trained=False)[0]
        st.session_state[_BEFORE] = {run.id: ((text, pair), answer)} | {
            other: said for other, said in kept.items() if other != run.id and said[0] == (text, pair)
        }
    return answer


def _show(after: Answer, before: Answer) -> None:
    if after["label"] is None:
        st.metric("Predicted", f"{after['score']:.2f}", help="A number: this task is a regression.")
        st.caption(f"Before training: {before['score']:.2f}")
        return
    st.metric("Answer", plain(str(after["label"])), f"{after['score']:.1%}", delta_color="off", delta_arrow="off")
    now, then = after["probabilities"], before["probabilities"]
    assert isinstance(now, dict)
    assert isinstance(then, dict)
    trained, untrained = (
        st.column_config.ProgressColumn(name, min_value=0.0, max_value=1.0, format="percent")
        for name in ("trained", "before")
    )
    table = pd.DataFrame(
        {"class": list(now), "probability": list(now.values()), "before training": list(then.values())}
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={"probability": trained, "before training": untrained},
        width="stretch",
    )


def _fader(run: Run) -> dict[str, object]:
    """Draw a slider per stratum that trained, or per layer of them; return the factors of the layers."""
    layers: dict[str, float] = {}
    with st.expander("Fader: from the pretrained to the trained state", icon=":material/tune:"):
        st.caption("0 is before training, 1 after. Slide a stratum back to see what its layers contribute.")
        single = st.toggle("Layer by layer", key=f"fader_{run.id}_single")
        for stratum in run.spec.stratification.strata():
            if not stratum.size or stratum.recipe.idle:
                continue
            if single:
                layers |= {str(n): _slider(f"Layer {n}", f"fader_{run.id}_layer_{n}") for n in stratum.layers}
                continue
            name = f"Stratum {stratum.number}, {stratum.span}: {stratum.recipe.label}"
            layers |= dict.fromkeys(map(str, stratum.layers), _slider(name, f"fader_{run.id}_{stratum.number}"))
        head = _slider("Head", f"fader_{run.id}_head")
    return {"layers": layers, "head": head}


def _slider(name: str, key: str) -> float:
    return st.slider(name, 0.0, 1.0, 1.0, 0.05, key=key)
