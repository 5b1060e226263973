"""``spafit models``."""

from __future__ import annotations

import argparse

from spafit.cli.output import print_json, print_table
from spafit.models import registry
from spafit.quantities import bytes_text


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(chosen: argparse.Namespace) -> int:
    """List the models."""
    found = registry.list_models()
    if chosen.json:
        print_json({"schema": 1, "models": [model.to_dict() for model in found]})
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


def _remark(model: registry.Model) -> str:
    return "counts only" if model.counts_only else ""
