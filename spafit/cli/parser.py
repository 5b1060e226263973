"""What can be typed: a table of commands, each a module of this folder that is imported when it is called.

A command's module has ``add_options(parser)`` and ``run(chosen)``, which returns the exit code. Adding a command is
adding a module and an entry here.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from spafit import __version__
from spafit.cli.suggest import did_you_mean
from spafit.errors import SpafitError

COMMANDS = {
    "count": "Count what a stratification trains, layer by layer.",
    "train": "Fine-tune a model on a task, and follow the run until it is over.",
    "data": "Look at a data file as it would be read, keeping nothing.",
    "sweep": "Train many settings and seeds as one thing in the queue, and follow it until it is over.",
    "sweeps": "List sweeps; pause one, let it go on, or stop it.",
    "sweep-results": "Print the results of a sweep, a row a run.",
    "map": "Hand on a map as one file, take one in, or write it as a page that needs nothing else.",
    "runs": "List runs.",
    "show": "Show one run: settings, progress, results; or the Python script that repeats it.",
    "stop": "Stop runs; their curves are kept.",
    "delete": "Delete runs that are over, with everything that they left.",
    "predict": "Say what a run's model makes of texts.",
    "export": "Write a run's model into a folder that loads without spafit.",
    "report": "Write one page about runs that are compared, or about a sweep's map.",
    "adapter": "Show a LoRA adapter as the stratification that it is.",
    "disk": "Show what the data folder takes on disk.",
    "models": "List the models that can be picked.",
    "tasks": "List the tasks that can be picked.",
    "lesson": "Check a lesson's file, or copy the lesson that ships to change it.",
    "doctor": "Check devices, versions, disk, database, Hub and the bundled weights.",
}
"""Module in `spafit.cli` (a hyphen is an underscore there) -> what it does, in the order of the help."""

MODEL_HELP = "a model folder (a config.json is enough for count), a key from 'spafit models', or a Hub id"


class CommandError(SpafitError):
    """The command line cannot be understood."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of a page of usage."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            meant = did_you_mean(str(value), known)
            raise argparse.ArgumentError(action, f"invalid choice: {value!r} (choose from {', '.join(known)}){meant}")

    def error(self, message: str) -> NoReturn:
        sentence = message[:1].upper() + message[1:].rstrip(".")
        joint = " " if sentence.endswith("?") else "; "
        raise CommandError(f"{sentence}{joint}'{self.prog} --help' shows what is allowed.")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line; its ``run`` carries it out. Raises `CommandError`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    return build([name for name in COMMANDS if name in arguments[:1]]).parse_args(arguments)


def build(commands: Sequence[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, complete for these commands: only their modules are imported."""
    parser = _Parser(
        prog="spafit",
        description="Divide a Transformer's layers into strata, count what trains, fine-tune and watch.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"spafit {__version__}")
    added = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, about in COMMANDS.items():
        command = added.add_parser(name, help=about, description=about, allow_abbrev=False)
        if name in commands:
            module = importlib.import_module(f"spafit.cli.{name.replace('-', '_')}")
            command.add_argument("--json", action="store_true", help="print JSON instead of a table")
            module.add_options(command)
            command.set_defaults(run=module.run)
    return parser
