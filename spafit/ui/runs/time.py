"""Where a run's seconds go, as one bar with its numbers, and what the run decided; while it goes and afterwards."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from spafit.palette import CURVE_COLORS, KIND_COLORS
from spafit.runs import Origin, Run, State
from spafit.runs.summaries import decisions, seconds_by_phase
from spafit.training.events import PHASES
from spafit.ui.components.text import duration, plain
from spafit.ui.runs.data import Event

PHASE_COLORS = {
    "imports": "#4A5561",
    "data": "#66727F",
    "model": "#84909D",
    "prefix": KIND_COLORS["frozen"],
    "training": CURVE_COLORS["training"],
    "evaluating": CURVE_COLORS["validation"],
    "saving": "#F0E442",
    "final": "#8C6BB1",
}
"""Preparation in greys, frozen layers as everywhere, training and evaluating as in the curves."""
if PHASE_COLORS.keys() != PHASES.keys():
    raise AssertionError("PHASE_COLORS must have a colour for each of PHASES")
_CSS = """<style>
.spent-bar{display:flex;gap:2px;height:22px;border-radius:4px;overflow:hidden}
.spent-bar i{display:block;min-width:2px}
.spent-key{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));gap:3px 28px;
  font-size:.85rem;margin-top:8px;font-variant-numeric:tabular-nums}
.spent-key div{display:flex;align-items:baseline;gap:.45em}
.spent-key i{flex:none;width:.8em;height:.8em;border-radius:2px}
.spent-key b{margin-left:auto;font-weight:600;white-space:nowrap}
.spent-key u{text-decoration:none;opacity:.7;width:3em;text-align:right}
</style>"""


def time_spent(run: Run, events: Sequence[Event]) -> None:
    """Draw where the seconds since the launch went, what came before it, and what was decided; nothing before that."""
    spent = seconds_by_phase(events, now=0.0 if run.state.over else run.seconds or 0.0)
    total = sum(seconds for _phase, seconds in spent)
    if total:
        st.markdown(f"**Where the {duration(total)} {'went' if run.state.over else 'go'}**")
        st.html(spent_picture(spent))
    waited = seconds_before_launch(run)
    if waited >= 1:
        st.caption(f"Before that: {duration(waited)} for its turn in the queue and for a process with PyTorch.")
    if sentences := decisions(events):
        st.markdown("**Automatic choices**\n\n" + "\n".join(f"- {plain(sentence)}" for sentence in sentences))


def spent_picture(spent: Sequence[tuple[str, float]]) -> str:
    """HTML of a bar and its key: one part a phase, with its seconds and its share of them all."""
    total = sum(seconds for _phase, seconds in spent) or 1.0
    bar, key = [], []
    for phase, seconds in spent:
        color, name = PHASE_COLORS[phase], escape(PHASES[phase])
        bar.append(f'<i style="flex:{seconds:.3f};background:{color}" title="{name}"></i>')
        share = f"<b>{fine_duration(seconds)}</b><u>{seconds / total:.0%}</u>"
        key.append(f'<div><i style="background:{color}"></i>{name}{share}</div>')
    drawn = f'{_CSS}<div class="spent-bar" aria-hidden="true">{"".join(bar)}</div>'
    return f'{drawn}<div class="spent-key">{"".join(key)}</div>'


def fine_duration(seconds: float) -> str:
    """As `duration`, with a decimal below ten seconds."""
    return f"{seconds:.1f} s" if seconds < 9.95 else duration(seconds)


def seconds_before_launch(run: Run) -> float:
    """Seconds between the submission and the launch of a run that was finished here; else 0: they cannot be told."""
    finished = run.state is State.FINISHED and run.origin is Origin.LOCAL
    if not finished or run.ended_at is None or run.seconds is None:
        return 0.0
    return (run.ended_at - run.queued_at).total_seconds() - run.seconds
