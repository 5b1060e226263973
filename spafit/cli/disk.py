"""``spafit disk``."""

from __future__ import annotations

import argparse

from spafit.cli.output import print_facts, print_json
from spafit.quantities import bytes_text
from spafit.runs import Store, disk
from spafit.runs.limits import WEIGHTS_GB


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(chosen: argparse.Namespace) -> int:
    """Print what the data folder takes on disk."""
    store = Store.open()
    use, most = disk.use(store), WEIGHTS_GB.value() * 1e9
    if chosen.json:
        sizes = {name: getattr(use, name) for name in ("weights", "logs", "database", "cache", "datasets")}
        document = {"schema": 1, "home": str(store.home), "free": use.free, "total": use.total, **sizes}
        print_json(document | {"weights_limit": most})
        return 0
    print_facts(
        [
            ("saved weights", f"{bytes_text(use.weights)} of {bytes_text(most)}"),
            ("run logs", bytes_text(use.logs)),
            ("database", bytes_text(use.database)),
            ("caches", bytes_text(use.cache)),
            ("data sets", bytes_text(use.datasets)),
            ("together", bytes_text(use.total)),
            ("free", bytes_text(use.free)),
            ("data folder", store.home),
        ]
    )
    return 0
