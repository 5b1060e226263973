"""From what was typed to a stratification and to settings."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from spafit.cli.parser import SETTINGS, CommandError
from spafit.errors import SpafitError
from spafit.stratification import LoraSettings, Stratification, preset
from spafit.training.config import QUICK, TrainSettings

MAX_FILE_BYTES = 1_000_000
LORA_OPTIONS = {"lora_rank": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout", "lora_targets": "targets"}
SHAPE_OPTIONS = ("n1", "n2", "method", "recipes", "embeddings", *LORA_OPTIONS)


def stratification(chosen: argparse.Namespace, num_layers: int) -> Stratification:
    """Return the stratification that the options describe, for a model of that depth.

    Raises:
        SpafitError: an option is out of range, two contradict each other, or the file cannot be used.
    """
    if chosen.stratification is not None:
        return _from_file(chosen, num_layers)
    changed = {name: getattr(chosen, option) for option, name in LORA_OPTIONS.items()}
    changed = {name: value for name, value in changed.items() if value is not None}
    if "targets" in changed:
        changed["targets"] = _words(changed["targets"])
    lora = LoraSettings(**changed)
    if chosen.recipes is not None and chosen.method is not None:
        raise CommandError("--recipes and --method contradict each other; a preset brings its own recipes.")
    result = preset(chosen.method or "spafit", num_layers, chosen.n1, chosen.n2, lora)
    if chosen.recipes is not None:
        result = replace(result, recipes=_words(chosen.recipes))
    if chosen.embeddings is not None:
        result = replace(result, embeddings=chosen.embeddings)
    return result


def _from_file(chosen: argparse.Namespace, num_layers: int) -> Stratification:
    extra = [f"--{name.replace('_', '-')}" for name in SHAPE_OPTIONS if getattr(chosen, name) is not None]
    if extra:
        raise CommandError(f"--stratification says everything already; leave out {', '.join(extra)}.")
    path = Path(chosen.stratification)
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SpafitError(f"The stratification file {path} cannot be read ({error.strerror}).") from error
    if len(text) > MAX_FILE_BYTES:
        raise SpafitError(f"The file {path} is larger than {MAX_FILE_BYTES:,} bytes, so it is no stratification.")
    result = Stratification.from_json(text.decode("utf-8", errors="replace"))
    if result.num_layers != num_layers:
        raise SpafitError(
            f"The stratification in {path} is for {result.num_layers} layers but the model has {num_layers}."
        )
    return result


def settings(chosen: argparse.Namespace) -> TrainSettings:
    """Return the training settings that the options describe. Raises `SpafitError` for a value out of range."""
    standard = QUICK if chosen.quick else TrainSettings()
    fields = [field for _option, field, _kind, _about in SETTINGS]
    fields += ["device", "precision", "prefix_cache", "checkpointing", "frozen_dropout"]
    given: dict[str, Any] = {name: getattr(chosen, name) for name in fields if getattr(chosen, name) is not None}
    return replace(standard, **{name: None if value == "all" else value for name, value in given.items()})


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text.strip() else ()
