"""Train's settings: three that matter at once, the others folded away; quick defaults."""

from dataclasses import replace
from typing import Any

import streamlit as st

from spafit.stratification import Stratification
from spafit.training.config import (
    DEVICES,
    PRECISIONS,
    PREFIX_CACHE,
    QUICK,
    RunSpec,
    TrainSettings,
    default_learning_rate,
)

BASIC: dict[str, dict[str, Any]] = {
    "train_samples": {
        "label": "Training texts",
        "min_value": 2,
        "step": 500,
        "placeholder": "all",
        "help": "A balanced choice of this many, the same for the same seed. Empty: all.",
    },
    "epochs": {
        "label": "Epochs",
        "min_value": 0.01,
        "max_value": 10_000.0,
        "step": 1.0,
        "format": "%g",
        "help": "Passes over the training texts.",
    },
    "learning_rate": {
        "label": "Learning rate",
        "min_value": 0.0,
        "step": 0.0001,
        "format": "%g",
        "help": "The peak. Empty: the one found for this method in a recorded search.",
    },
}
ADVANCED: dict[str, dict[str, Any]] = {
    "batch_size": {"label": "Batch size", "min_value": 1, "max_value": 4096},
    "max_length": {"label": "Longest text, in tokens", "min_value": 4, "step": 32, "help": "Longer texts are cut."},
    "seed": {
        "label": "Seed",
        "min_value": 0,
        "help": "Of the choice of texts, the new classifier and the order of batches.",
    },
    "max_steps": {"label": "Steps, instead of epochs", "min_value": 1, "placeholder": "as epochs say"},
    "eval_every": {"label": "Steps between evaluations", "min_value": 1, "placeholder": "about 10 evaluations"},
    "eval_samples": {"label": "Texts in each evaluation", "min_value": 1, "step": 100, "placeholder": "all"},
    "early_stopping": {
        "label": "Stop early after",
        "min_value": 1,
        "placeholder": "never",
        "help": "Evaluations without improvement.",
    },
    "warmup": {"label": "Warm-up", "min_value": 0.0, "max_value": 1.0, "step": 0.05, "help": "Share of the steps."},
    "weight_decay": {"label": "Weight decay", "min_value": 0.0, "max_value": 1.0, "step": 0.01},
    "max_grad_norm": {"label": "Largest gradient norm", "min_value": 0.01, "step": 0.5},
    "accumulation": {"label": "Batches per step", "min_value": 1, "max_value": 4096, "help": "Gradient accumulation."},
}
CHOICES = {
    "precision": ("Precision", PRECISIONS),
    "device": ("Device", DEVICES),
    "prefix_cache": ("Keep frozen layers' output", PREFIX_CACHE),
}
SWITCHES = {
    "checkpointing": ("Less memory, more time", "Gradient checkpointing: activations are computed again when needed."),
    "frozen_dropout": ("Dropout in frozen layers", "Their output then changes all the time and cannot be kept."),
}
SETTING_LABELS = {name: field["label"] for name, field in (BASIC | ADVANCED).items()}
SETTING_LABELS |= {name: label for name, (label, _) in (CHOICES | SWITCHES).items()}


def choose_settings(stratification: Stratification) -> TrainSettings:
    """Draw the settings and return them. They keep what the visitor typed, also on other pages.

    Raises:
        SettingsError: two settings contradict each other.
    """
    values: dict[str, Any] = {}
    BASIC["learning_rate"]["placeholder"] = f"{default_learning_rate(stratification):g}"
    for column, (name, field) in zip(st.columns(len(BASIC)), BASIC.items(), strict=True):
        values[name] = column.number_input(**field, **_keep(name))
    with st.expander("More settings"):
        cells = st.columns(2)
        for number, (name, field) in enumerate(ADVANCED.items()):
            values[name] = cells[number % 2].number_input(**field, **_keep(name))
        for number, (name, (label, options)) in enumerate(CHOICES.items()):
            kept = _keep(name)
            kept["index"] = options.index(kept.pop("value"))
            values[name] = cells[number % 2].selectbox(label, options, **kept)
        for number, (name, (label, help_text)) in enumerate(SWITCHES.items()):
            values[name] = cells[number % 2].toggle(label, help=help_text, **_keep(name))
        st.button("Back to the quick defaults", icon=":material/restart_alt:", on_click=_reset)
    return TrainSettings(**values)


def _keep(name: str) -> dict[str, Any]:
    return {"key": f"setting_{name}", "value": getattr(QUICK, name), "persist_state": "session"}


def take_over_settings(spec: RunSpec) -> None:
    """Fill the form with a run's settings; a learning rate that is the method's default stays the method's default."""
    usual = spec.learning_rate == default_learning_rate(spec.stratification)
    _fill(replace(spec.settings, learning_rate=None if usual else spec.learning_rate))


def _reset() -> None:
    _fill(QUICK)


def _fill(settings: TrainSettings) -> None:
    for name in (*BASIC, *ADVANCED, *CHOICES, *SWITCHES):
        st.session_state[f"setting_{name}"] = getattr(settings, name)
