"""What the chosen runs answer: a column a run, the same model before training beside the first, and the fader."""

import pandas as pd
import streamlit as st

from spafit.runs import Run
from spafit.tryout.client import Client
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import plain
from spafit.ui.tryout.choose import label

Answer = dict[str, object]


@st.cache_resource
def client() -> Client:
    """Return the one warm process of this server."""
    return Client()


def warm_up() -> None:
    """Start the process that will answer, while the text is being typed."""
    client().start()


def show_answers(runs: list[Run], text: str, pair: str | None) -> None:
    """Ask every run and draw the answers; what one cannot say is a sentence in its own column."""
    pairs = None if pair is None else [pair]
    for column, run in zip(st.container(key="charts_answers").columns(len(runs)), runs, strict=True):
        with column.container(border=True), showing_errors():
            st.markdown(f"**{plain(label(run))}**")
            factors = _fader(run) if len(runs) == 1 else {}
            with st.spinner("Loading the model (once) …", show_time=True):
                after = client().predict(run.id, [text], pairs, factors=factors)[0]
                before = client().predict(run.id, [text], pairs, trained=False)[0]
            _show(after, before)


def _show(after: Answer, before: Answer) -> None:
    if after["label"] is None:
        st.metric("Predicted", f"{after['score']:.2f}", help="A number: this task is a regression.")
        st.caption(f"Before training: {before['score']:.2f}")
        return
    st.metric("Answer", plain(str(after["label"])), f"{after['score']:.0%}", delta_color="off", delta_arrow="off")
    now, then = after["probabilities"], before["probabilities"]
    assert isinstance(now, dict)
    assert isinstance(then, dict)
    share = st.column_config.ProgressColumn(min_value=0.0, max_value=1.0, format="percent")
    table = pd.DataFrame(
        {"class": list(now), "probability": list(now.values()), "before training": list(then.values())}
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={"probability": share, "before training": share},
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
