"""``spafit tasks``."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from spafit.cli.output import note, print_json, print_table
from spafit.tasks import list_tasks
from spafit.tasks.glue import tasks as glue_tasks


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(chosen: argparse.Namespace) -> int:
    """List the tasks."""
    found = list_tasks()
    if chosen.json:
        print_json({"schema": 1, "tasks": [asdict(task) | {"num_labels": task.num_labels} for task in found]})
        return 0
    columns = ("key", "name", "source", "kind", "metric", "asks")
    print_table(columns, [(t.key, t.name, t.source, t.kind, t.metric, t.sentence) for t in found])
    note(f"The data of GLUE's nine tasks is {glue_tasks.ORDER}.")
    return 0
