"""``spafit doctor``: whether everything that a run needs is there."""

from __future__ import annotations

import argparse
import os
import shutil
from typing import Any

from spafit import provenance
from spafit.cli.output import note, print_facts, print_json, print_table
from spafit.errors import SpafitError
from spafit.home import spafit_home
from spafit.models import hub
from spafit.quantities import bytes_text
from spafit.runs import Store, facts
from spafit.runs.devices import device_facts
from spafit.runs.launch import has_supervisor

LITTLE_SPACE = 1_000_000_000
"""Bytes of free disk below which the doctor warns: a large model's run may need more."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(chosen: argparse.Namespace) -> int:
    """Print what was found; exit code 1 when something that a run needs is missing."""
    document = examine()
    if chosen.json:
        print_json(document)
    else:
        _print(document)
    return 0 if document["ok"] else 1


def examine() -> dict[str, Any]:
    """Return what there is, and under ``problems`` one sentence for everything that stands in the way of a run."""
    problems = []
    home = spafit_home()
    free = shutil.disk_usage(home).free
    if free < LITTLE_SPACE:
        problems.append(f"Only {bytes_text(free)} of disk are free where {home} is.")
    bundled = {asset.key: asset.damage() for asset in provenance.assets()}
    problems += [sentence for sentence in bundled.values() if sentence]
    try:
        devices: dict[str, Any] = device_facts()
    except SpafitError as error:
        devices = {"device": None, "devices": []}
        problems.append(str(error))
    try:
        store = Store.open()
        database = {"where": store.where, "usable": True, "runs": len(store.list(archived=None, limit=None))}
    except SpafitError as error:
        database = {"where": None, "usable": False, "runs": None}
        problems.append(str(error))
    return {
        "schema": 1,
        "ok": not problems,
        "problems": problems,
        **devices,
        "versions": facts.versions(),
        "hardware": facts.hardware(),
        "home": str(home),
        "disk_free": free,
        "database": database,
        "supervisor": has_supervisor(),
        "hub": {"endpoint": hub.endpoint(), "reachable": hub.reachable(), "switched_off": hub.switched_off()},
        "bundled": {key: "intact" if sentence is None else sentence for key, sentence in bundled.items()},
        "glue": os.environ.get("SPAFIT_GLUE_DIR"),
    }


def _print(document: dict[str, Any]) -> None:
    reach, machine = document["hub"], document["hardware"]
    if reach["switched_off"]:
        hub_words = "switched off (HF_HUB_OFFLINE)"
    else:
        hub_words = "reachable" if reach["reachable"] else "out of reach; bundled and local models and tasks work"
    print_facts(
        [
            ("system", machine["system"]),
            ("processor", f"{machine['cpu']}, {machine['cores']} cores, {bytes_text(machine['memory'])} of memory"),
            ("runs use", document["device"]),
            ("data folder", f"{document['home']} ({bytes_text(document['disk_free'])} free)"),
            ("database", document["database"]["where"]),
            ("runs stored", document["database"]["runs"]),
            ("queue", "being worked on" if document["supervisor"] else "idle"),
            ("Hub", f"{reach['endpoint']}: {hub_words}"),
            ("bundled", ", ".join(f"{key} {_word(state)}" for key, state in document["bundled"].items())),
            ("GLUE folder", document["glue"]),
            ("versions", ", ".join(f"{name} {version}" for name, version in document["versions"].items())),
        ]
    )
    if len(document["devices"]) > 1:
        rows = [(entry["device"], entry["name"], bytes_text(entry["memory"])) for entry in document["devices"]]
        print_table(("device", "name", "memory"), rows)
    for problem in document["problems"]:
        note(problem)


def _word(state: str) -> str:
    return state if state == "intact" else "damaged or missing"
