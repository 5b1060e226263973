"""``spafit export``: a run as a folder that loads without spafit."""

from __future__ import annotations

import argparse
from pathlib import Path

from spafit.cli.output import note, print_json
from spafit.runs import Store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add which run, where to and how."""
    parser.add_argument("id", metavar="RUN", help="the run's id")
    parser.add_argument("--to", required=True, metavar="FOLDER", help="a folder that does not exist, or an empty one")
    parser.add_argument(
        "--format", metavar="FORMAT", help="adapter (for PEFT) or merged (a plain model); default: what suits the run"
    )


def run(chosen: argparse.Namespace) -> int:
    """Write a run's model into a folder."""
    from spafit.export.folder import default_format, export, format_named
    from spafit.trained.restore import restore

    store = Store.open()
    found = store.get(chosen.id)
    trained = restore(found, store.folder(found.id))
    kind = format_named(chosen.format) or default_format(trained)
    files = export(trained, Path(chosen.to), kind)
    if chosen.json:
        print_json({"schema": 1, "run": found.id, "format": kind, "folder": chosen.to, "files": files})
        return 0
    note(f"{'The adapter' if kind == 'adapter' else 'The model'} of run {found.id} is in {chosen.to}:")
    for name in files:
        print(name)
    return 0
