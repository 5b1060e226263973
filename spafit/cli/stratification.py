"""A stratification as options."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from spafit.cli.parser import CommandError
from spafit.cli.suggest import check_roles
from spafit.errors import SpafitError
from spafit.files import read_at_most
from spafit.glossary import tip
from spafit.stratification import LoraSettings, Method, Stratification, preset

MAX_FILE_BYTES = 1_000_000
LORA_OPTIONS = {"lora_rank": "rank", "lora_alpha": "alpha", "lora_dropout": "dropout", "lora_targets": "targets"}
SHAPE_OPTIONS = ("n1", "n2", "method", "recipes", "embeddings", *LORA_OPTIONS)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a stratification."""
    group = parser.add_argument_group("what each layer trains")
    group.add_argument("--n1", type=int, metavar="LAYER", help="boundary 1: the last layer of stratum 1")
    group.add_argument("--n2", type=int, metavar="LAYER", help="boundary 2: the last layer of stratum 2")
    group.add_argument("--method", choices=[str(method) for method in Method], help="a preset (default: spafit)")
    group.add_argument("--recipes", metavar="R1,R2,R3", help="method per stratum, e.g. frozen,bias,lora_bias")
    group.add_argument("--embeddings", metavar="RECIPE", help="method of the embeddings: frozen, bias or full")
    add_lora_options(group)
    group.add_argument("--stratification", metavar="FILE", help="a JSON file that says all of this")


def add_lora_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that describe LoRA adapters."""
    lora = LoraSettings()
    group.add_argument("--lora-rank", type=int, metavar="R", help=f"{_tip('rank')} (default: {lora.rank})")
    group.add_argument("--lora-alpha", type=float, metavar="A", help=f"{_tip('alpha')} (default: {lora.alpha:g})")
    group.add_argument(
        "--lora-dropout", type=float, metavar="P", help=f"{_tip('lora_dropout')} (default: {lora.dropout:g})"
    )
    group.add_argument("--lora-targets", metavar="ROLES", help=f"{_tip('targets')} ({','.join(lora.targets)})")


def _tip(key: str) -> str:
    return tip(key).replace("%", "%%")


def stratification(chosen: argparse.Namespace, num_layers: int) -> Stratification:
    """Return the stratification that the options describe, for a model of that depth.

    Raises:
        SpafitError: an option is out of range, two contradict each other, or the file cannot be used.
    """
    if chosen.stratification is not None:
        return _from_file(chosen, num_layers)
    lora = lora_settings(chosen)
    if chosen.recipes is not None and chosen.method is not None:
        raise CommandError("--recipes and --method contradict each other; a preset brings its own recipes.")
    result = preset(chosen.method or "spafit", num_layers, chosen.n1, chosen.n2, lora)
    if chosen.recipes is not None:
        result = replace(result, recipes=_words(chosen.recipes))
    if chosen.embeddings is not None:
        result = replace(result, embeddings=chosen.embeddings)
    return result


def given_options(chosen: argparse.Namespace) -> list[str]:
    """Return the options that describe a stratification without a file, as far as they were given."""
    return [f"--{name.replace('_', '-')}" for name in SHAPE_OPTIONS if getattr(chosen, name) is not None]


def lora_settings(chosen: argparse.Namespace) -> LoraSettings:
    """Return the LoRA settings that the options describe. Raises `SpafitError` for a value out of range."""
    changed = {name: getattr(chosen, option) for option, name in LORA_OPTIONS.items()}
    changed = {name: value for name, value in changed.items() if value is not None}
    if "targets" in changed:
        changed["targets"] = _words(changed["targets"])
        check_roles(changed["targets"])
    return LoraSettings(**changed)


def _from_file(chosen: argparse.Namespace, num_layers: int) -> Stratification:
    if extra := given_options(chosen):
        raise CommandError(f"--stratification says everything already; leave out {', '.join(extra)}.")
    path = Path(chosen.stratification)
    result = Stratification.from_json(read_text(path, "stratification"))
    if result.num_layers != num_layers:
        raise SpafitError(
            f"The stratification in {path} is for {result.num_layers} layers but the model has {num_layers}."
        )
    return result


def read_text(path: Path, what: str) -> str:
    """Return the text of a small JSON file. Raises `SpafitError` when it cannot be read or is too large."""
    text = read_at_most(path, MAX_FILE_BYTES + 1, f"The {what} file {path}")
    if len(text) > MAX_FILE_BYTES:
        raise SpafitError(f"The file {path} is larger than {MAX_FILE_BYTES:,} bytes, so it is no {what}.")
    return text.decode("utf-8", errors="replace")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",")) if text.strip() else ()
