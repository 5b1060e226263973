"""``spafit models`` and ``spafit tasks``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from spafit.cli.output import note, print_json, print_table
from spafit.quantities import bytes_text

if TYPE_CHECKING:
    from spafit.models.registry import Model


def models(chosen: argparse.Namespace) -> int:
    """List the models."""
    from spafit.models.registry import list_models

    found = list_models()
    if chosen.json:
        print_json([model.to_dict() for model in found])
        return 0
    columns = ("key", "name", "source", "layers", "parameters", "download", "licence", "")
    rows = [
        (m.key, m.name, m.source, m.num_layers, m.parameters, _size(m.download_bytes), m.licence, _remark(m))
        for m in found
    ]
    print_table(columns, rows)
    return 0


def _size(download: int | None) -> str:
    return "" if download is None else bytes_text(download)


def _remark(model: Model) -> str:
    return "counts only" if model.counts_only else ""


def tasks(chosen: argparse.Namespace) -> int:
    """List the tasks."""
    from spafit.tasks import list_tasks
    from spafit.tasks.glue import tasks as glue_tasks

    found = list_tasks()
    if chosen.json:
        print_json([asdict(task) | {"num_labels": task.num_labels} for task in found])
        return 0
    columns = ("key", "name", "source", "kind", "metric", "asks")
    print_table(columns, [(t.key, t.name, t.source, t.kind, t.metric, t.sentence) for t in found])
    note(f"The data of GLUE's nine tasks is {glue_tasks.ORDER}.")
    return 0
