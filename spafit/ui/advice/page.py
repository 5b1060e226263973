"""The proposals of every advisor within a budget, along the stack, beside their cost and what is known of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from spafit.advice.report import report
from spafit.advice.split import BUDGETS, DOES_NOT_FIT
from spafit.advice.verdict import verdict
from spafit.models.anatomy import Anatomy
from spafit.stratification import Method, Stratification, preset
from spafit.ui.advice.asked import MAP_CELLS, Answers, Measured, ask, known, measured, recorded
from spafit.ui.advice.strip import CSS, key, strip
from spafit.ui.choice import commit, current
from spafit.ui.classroom.mine import guess_first, must_guess
from spafit.ui.components.errors import showing_errors
from spafit.ui.components.text import metric_name, plain
from spafit.ui.runs.data import task_metric
from spafit.ui.runs.naming import task_name

KINDS = {"measured": "They look at the model and the data", "free": "Rules that look at nothing", "control": "Controls"}
ORDER = "The mean scores of its three runs of layers do not rise from bottom to top, which the method's order needs."


def advice(anatomy: Anatomy) -> None:
    """Draw the page's contents."""
    model, task = current().model, current().task
    budget = st.segmented_control(
        "Budget",
        BUDGETS,
        format_func=lambda share: f"{share:.0%}",
        default=BUDGETS[1],
        required=True,
        key="advice_budget",
        persist_state="session",
        help="At most this share of what SPAFIT-0-0 trains, its new classifier left out.",
    )
    answers = _answers(model, task, anatomy.num_layers)
    metric = task_metric(task)
    waits = must_guess()
    held = measured(model, task, metric) if metric and not waits else None
    advisors = report(anatomy, answers or {}, held.scores if held else None)["advisors"]
    if held and metric:
        _judged(advisors, float(budget or 0), held, metric)
    elif waits:
        guess_first("what the proposals reach")
    else:
        st.info(
            f"There is no measured map of this model and task yet (at least {MAP_CELLS} cells of one series), so the "
            "proposals are not scored.",
            icon=":material/info:",
        )
    st.html(CSS + key())
    st.caption("A column is a layer, its height the advisor's score (high: adapt), its color the proposed method.")
    for kind, heading in KINDS.items():
        mine = [advisor for advisor in advisors if advisor["kind"] == kind]
        if not mine:
            continue
        place = st.expander(heading) if kind == "control" else st.container()
        with place:
            if kind != "control":
                st.subheader(heading, anchor=False)
            for advisor in mine:
                _one(advisor, float(budget or 0), anatomy)


def _answers(model: str, task: str, layers: int) -> Answers | None:
    """Return the measured advisors' answers: those given here, else those that a map was recorded with.

    A button asks them, which takes seconds.
    """
    if (found := known(model, task)) is not None:
        return found
    answers, origin = recorded(model, task, layers) or (None, "")
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"Three advisors read one pass over 256 training examples of **{plain(task_name(task))}**"
            + (
                f". These answers, and their seconds, are those of the {plain(origin)}."
                if answers
                else ", in seconds on a small model."
            ),
            width="stretch",
        )
        label, kind = ("Ask them here", "secondary") if answers else ("Ask them", "primary")
        if st.button(label, type=kind, icon=":material/psychology_alt:", key="advice_ask"):
            with showing_errors(), st.spinner("Reading the model and the texts …", show_time=True):
                ask(model, task)
                st.rerun()
    return answers


def _judged(advisors: Sequence[Mapping[str, Any]], budget: float, held: Measured, metric: str) -> None:
    seeds = {len(by_seed) for by_seed in held.scores.values()}
    most = f"{min(seeds)}" if len(seeds) == 1 else f"{min(seeds)} to {max(seeds)}"
    with st.container(border=True):
        st.markdown("**" + plain(" ".join(verdict(advisors, budget, held.maps))) + "**")
        st.caption(
            f"Scored on the measured map: {len(held.scores)} cells with {most} seeds each, validation "
            f"{metric_name(metric)}, runs {plain(' and '.join(held.origins))}. Regret: the best cell within the budget "
            "is chosen on all seeds but one, both cells are scored on the one left out, averaged over the seeds."
        )


def _one(advisor: Mapping[str, Any], budget: float, anatomy: Anatomy) -> None:
    proposal = next(one for one in advisor["proposals"] if one["budget"] == budget)
    point = None
    if proposal["cell"] is not None:
        point = preset(Method.SPAFIT, anatomy.num_layers, *proposal["cell"])
    with st.container(border=True):
        left, right = st.columns([3, 4], vertical_alignment="center")
        with left:
            _words(advisor, proposal, point)
        with right:
            st.html(CSS + strip(advisor["scores"] or None, point, anatomy.num_layers))
        st.caption(
            f"Looks at {plain(advisor['looks_at'])}. Source: {plain(advisor['source'])}. Against it: "
            f"{plain(advisor['against'])}" + (f" {plain(advisor['remark'])}" if advisor["remark"] else "")
        )


def _words(advisor: Mapping[str, Any], proposal: Mapping[str, Any], point: Stratification | None) -> None:
    cost = f"{advisor['seconds']:.1f} s" if advisor["kind"] == "measured" else "costs nothing"
    st.markdown(f"**{plain(advisor['name'])}** · {cost}")
    if point is None:
        if proposal["reason"] == DOES_NOT_FIT:
            st.markdown(f"**{DOES_NOT_FIT.capitalize()}**")
            st.caption(ORDER)
        else:
            st.markdown(plain(proposal["reason"]).capitalize())
        return
    st.markdown(f"{plain(point.name)} trains {proposal['trainable']:,} parameters, the new classifier left out.")
    if proposal["regret"] is not None:
        spread = "" if proposal["standard_error"] is None else f" ± {proposal['standard_error']:.3f}"
        st.markdown(
            f"Regret {proposal['regret']:+.3f}{spread} over {proposal['seeds']:d} seeds, rank {proposal['rank']:d} of "
            f"{proposal['cells']:d} cells."
        )
    if st.button("Take it to Explore", key=f"advice_take_{advisor['key']}", on_click=_take, args=(point,)):
        st.switch_page("pages/explore.py")


def _take(point: Stratification) -> None:
    commit(stratification=point)
