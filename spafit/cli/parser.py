"""What can be typed. The commands themselves are imported when they are called, so that each starts quickly."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from typing import NoReturn

from spafit import __version__
from spafit.errors import SpafitError
from spafit.stratification import LoraSettings, Method
from spafit.training.config import DEVICES, PRECISIONS, PREFIX_CACHE, QUICK, TrainSettings

MODEL_HELP = "a model folder (a config.json is enough for count), a key from 'spafit models', or a Hub id"


class CommandError(SpafitError):
    """The command line cannot be understood."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:].rstrip(".")
        raise CommandError(f"{sentence}; '{self.prog} --help' shows what is allowed.")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line; its ``run`` carries it out. Raises `CommandError`."""
    return build().parse_args(arguments)


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog="spafit",
        description="Divide a Transformer's layers into strata, count what trains, fine-tune and watch.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"spafit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _count(commands)
    _train(commands)
    _runs(commands)
    _show(commands)
    _stop(commands)
    _add(commands, "models", "listing:models", "List the models that can be picked.")
    _add(commands, "tasks", "listing:tasks", "List the tasks that can be picked.")
    _add(commands, "doctor", "doctor:run", "Check devices, versions, disk, database, Hub and the bundled weights.")
    return parser


Commands = argparse._SubParsersAction  # the type has no public name


def _add(commands: Commands, name: str, target: str, about: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(run=_later(target))
    return parser


def _later(target: str) -> Callable[[argparse.Namespace], int]:
    module, function = target.split(":")

    def run(chosen: argparse.Namespace) -> int:
        return getattr(importlib.import_module(f"spafit.cli.{module}"), function)(chosen)

    return run


def _stratification(parser: argparse.ArgumentParser) -> None:
    lora = LoraSettings()
    group = parser.add_argument_group("what each layer learns")
    group.add_argument("--n1", type=int, metavar="LAYER", help="boundary 1: the last layer of stratum 1")
    group.add_argument("--n2", type=int, metavar="LAYER", help="boundary 2: the last layer of stratum 2")
    group.add_argument("--method", choices=[str(method) for method in Method], help="a preset (default: spafit)")
    group.add_argument("--recipes", metavar="R1,R2,R3", help="recipes of the strata, e.g. frozen,bias,lora_bias")
    group.add_argument("--embeddings", metavar="RECIPE", help="recipe of the embeddings: frozen, bias or full")
    group.add_argument("--lora-rank", type=int, metavar="R", help=f"rank of the LoRA adapters (default: {lora.rank})")
    group.add_argument("--lora-alpha", type=float, metavar="A", help=f"scale of the pairs (default: {lora.alpha:g})")
    group.add_argument("--lora-dropout", type=float, metavar="P", help="dropout before the pairs (default: 0)")
    group.add_argument("--lora-targets", metavar="ROLES", help=f"default: {','.join(lora.targets)}")
    group.add_argument("--stratification", metavar="FILE", help="a JSON file that says all of this")


def _count(commands: Commands) -> None:
    parser = _add(commands, "count", "count:run", "Count what a stratification trains, layer by layer.")
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    _stratification(parser)
    parser.add_argument("--num-labels", type=int, default=2, metavar="N", help="outputs of the head (default: 2)")


def _train(commands: Commands) -> None:
    parser = _add(commands, "train", "train:run", "Fine-tune a model on a task, and follow the run until it is over.")
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument("task", metavar="TASK", help="a key from 'spafit tasks', or the path of a data file")
    parser.add_argument("--detach", action="store_true", help="queue the run and return at once")
    parser.add_argument("--owner", default="", metavar="NAME", help="whose run it is")
    parser.add_argument("--priority", type=int, default=0, metavar="N", help="higher goes first (default: 0)")
    parser.add_argument("--name", metavar="NAME", help="what to call the run (default: the stratification's name)")
    _stratification(parser)
    group = parser.add_argument_group("how to train")
    group.add_argument("--quick", action="store_true", help=f"a short run: {_difference(QUICK)}")
    standard = TrainSettings()
    for option, field, kind, about in SETTINGS:
        group.add_argument(
            option, dest=field, type=kind, metavar=_metavar(kind), help=about + _default(getattr(standard, field))
        )
    for option, field, allowed in CHOICES:
        about = f"{', '.join(allowed)} (default: {getattr(standard, field)})"
        group.add_argument(option, dest=field, choices=allowed, metavar="WHICH", help=about)
    for option, field, about in SWITCHES:
        group.add_argument(option, dest=field, action="store_true", default=None, help=about)


def whole_or_all(text: str) -> int | str:
    """Return a whole number, or the text ``all``. Raises ValueError."""
    return text if text == "all" else int(text)


whole_or_all.__name__ = "whole number"  # what argparse calls the type in its messages
SETTINGS: tuple[tuple[str, str, Callable[[str], object], str], ...] = (
    ("--train-samples", "train_samples", whole_or_all, "training examples, or 'all'"),
    ("--epochs", "epochs", float, "passes over the training examples"),
    ("--max-steps", "max_steps", int, "optimizer steps, instead of epochs"),
    ("--batch-size", "batch_size", int, "examples in one forward pass"),
    ("--lr", "learning_rate", float, "peak learning rate (default: recorded for the method)"),
    ("--max-length", "max_length", int, "tokens per example; longer ones are cut"),
    ("--seed", "seed", int, "of the subset, the head, the batches and dropout"),
    ("--eval-every", "eval_every", int, "steps between evaluations (default: about ten a run)"),
    ("--eval-samples", "eval_samples", whole_or_all, "validation examples in each of them, or 'all'"),
    ("--early-stopping", "early_stopping", int, "evaluations without improvement before it ends (default: never)"),
    ("--warmup", "warmup", float, "share of the steps in which the learning rate rises"),
    ("--weight-decay", "weight_decay", float, "of AdamW"),
    ("--max-grad-norm", "max_grad_norm", float, "gradients are clipped to this norm"),
    ("--accumulation", "accumulation", int, "forward passes per optimizer step"),
)
CHOICES = (
    ("--device", "device", DEVICES),
    ("--precision", "precision", PRECISIONS),
    ("--prefix-cache", "prefix_cache", PREFIX_CACHE),
)
SWITCHES = (
    ("--checkpointing", "checkpointing", "recompute activations: less memory, more time"),
    ("--frozen-dropout", "frozen_dropout", "keep dropout in frozen layers (turns the prefix cache off)"),
)


def _default(value: object) -> str:
    return "" if value is None else f" (default: {value:g})" if isinstance(value, int | float) else ""


def _metavar(kind: Callable[[str], object]) -> str:
    return "X" if kind is float else "N"


def _difference(settings: TrainSettings) -> str:
    standard = TrainSettings()
    changed = [name for name in settings.to_dict() if getattr(settings, name) != getattr(standard, name)]
    return ", ".join(f"{name.replace('_', ' ')} {getattr(settings, name)}" for name in changed)


def _runs(commands: Commands) -> None:
    parser = _add(commands, "runs", "runs:list_runs", "List runs, newest first, with the queue's order.")
    parser.add_argument(
        "--state", action="append", metavar="STATE", help="only queued, running, finished, stopped or failed"
    )
    parser.add_argument("--owner", metavar="NAME", help="only this owner's")
    parser.add_argument("--archived", action="store_true", help="archived ones too")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most this many (default: 20)")


def _show(commands: Commands) -> None:
    parser = _add(commands, "show", "runs:show", "Show one run: settings, progress, results.")
    parser.add_argument("id", metavar="RUN", help="the run's id")
    parser.add_argument("--events", action="store_true", help="every event too (JSON lines without --json)")
    parser.add_argument("--log", action="store_true", help="print the run's log instead")


def _stop(commands: Commands) -> None:
    parser = _add(commands, "stop", "runs:stop_run", "Stop a run; its curve is kept.")
    parser.add_argument("id", metavar="RUN", help="the run's id")
