"""How long training on a task may take, judged by how fast earlier runs of the same model were on this machine."""

from pathlib import Path

import streamlit as st

from spafit.errors import SpafitError
from spafit.home import database_url
from spafit.models.registry import get_model
from spafit.runs import Origin, Run, State, Store
from spafit.tasks import get_task, preview
from spafit.tasks.preview import Preview
from spafit.training.config import TrainSettings
from spafit.ui.choice import current
from spafit.ui.components.text import duration

_RUNS = 10
_UNKNOWN = (
    "Tokens per second and the expected time appear here once a run of this model has finished on this machine, on a "
    "task that was looked at here."
)


def expected_time(seen: Preview, max_length: int) -> str:
    """Return a sentence with the estimate for the default number of examples and epochs, or that there is none yet."""
    try:
        model = get_model(current().model)
        rates = _rates(model.key, model.path) if model.path else []
    except SpafitError:
        return _UNKNOWN
    if not rates:
        return _UNKNOWN
    settings = TrainSettings()
    there = seen.preparation.splits["train"]
    examples = min(settings.train_samples or there, there)
    tokens = examples * settings.epochs * seen.tokens(max_length)
    fast, slow = tokens / max(rates), tokens / min(rates)
    speed = _span(f"{min(rates):,.0f}", f"{max(rates):,.0f}")
    return (
        f"Earlier runs of this model here trained {speed} tokens a second, so {settings.epochs:g} epochs of "
        f"{examples:,} examples take about {_span(duration(fast), duration(slow))} "
        f"(an estimate; loading and evaluating not counted)."
    )


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _rates(model: str, tokenizer_folder: Path) -> list[float]:
    """Tokens a second in the training part of the latest finished runs of a model, where their task was looked at."""
    runs = [run for run in Store.open().list(state=State.FINISHED) if run.model == model and run.origin == Origin.LOCAL]
    rates = (_rate(run, tokenizer_folder) for run in runs[:_RUNS])
    return [rate for rate in rates if rate]


def _rate(run: Run, tokenizer_folder: Path) -> float | None:
    try:
        seen = preview.read(get_task(run.task), tokenizer_folder)
    except SpafitError:
        return None
    if seen is None or not seen.lengths:
        return None
    examples, seconds = _trained(run.id, run.attempt, database_url())
    return examples * seen.tokens(run.spec.settings.max_length) / seconds if seconds > 0 else None


@st.cache_data(show_spinner=False, max_entries=200)
def _trained(run_id: str, attempt: int, database: str) -> tuple[int, float]:
    """Examples of a finished run and the seconds spent on them; they never change, so they are read once."""
    examples, seconds = 0, 0.0
    for _, event in Store.open().events(run_id):
        if event["kind"] == "step":
            examples = event["examples"]
        elif event["kind"] == "finished":
            seconds = sum(spent for phase, spent in event["timeline"] if phase == "training")
    return examples, seconds
