"""``spafit map``: a map as one file, to hand on, to take in, or to look at without spafit."""

from __future__ import annotations

import argparse
from pathlib import Path

from spafit.cli.output import note, print_json, print_table
from spafit.cli.parser import MODEL_HELP
from spafit.files import write_whole
from spafit.maps import kept
from spafit.maps.exporting import document, series_to_export
from spafit.maps.file import SUFFIX, MapFile, packed, read
from spafit.maps.page import map_page
from spafit.models.registry import get_model
from spafit.runs import Origin, Store


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="export|import|list|delete")
    export = actions.add_parser("export", help=f"write a map into a {SUFFIX} or an HTML file", allow_abbrev=False)
    export.add_argument("model", help=MODEL_HELP)
    export.add_argument("task", help="a task that runs here were trained on")
    export.add_argument("--to", required=True, metavar="FILE", help=f"ends with {SUFFIX}, or with .html for a page")
    export.add_argument("--series", metavar="KEY", help="which series; the one with the most runs if left out")
    export.add_argument("--origin", metavar="TEXT", help="what is shown of where the map comes from")
    take_in = actions.add_parser("import", help="keep a map that was made elsewhere", allow_abbrev=False)
    take_in.add_argument("file", help=f"a {SUFFIX} file")
    listed = actions.add_parser("list", help="list the maps that are kept as files", allow_abbrev=False)
    delete = actions.add_parser("delete", help="delete an imported map", allow_abbrev=False)
    delete.add_argument("map", help="its key, as in 'spafit map list'")
    for action in (export, take_in, listed, delete):
        action.add_argument("--json", action="store_true", help="print JSON instead of a sentence")


def run(chosen: argparse.Namespace) -> int:
    """Do what is asked."""
    if chosen.action == "export":
        _export(chosen)
    elif chosen.action == "import":
        _tell(kept.take_in(Path(chosen.file)), chosen.json)
    elif chosen.action == "delete":
        kept.delete(chosen.map)
        print_json({"schema": 1, "deleted": chosen.map}) if chosen.json else note(f"The map {chosen.map} is deleted.")
    else:
        _list(chosen.json)
    return 0


def _export(chosen: argparse.Namespace) -> None:
    target = Path(chosen.to)
    store = Store.open()
    series = series_to_export(store, get_model(chosen.model).key, chosen.task, chosen.series)
    content = packed(document(store, series, chosen.origin))
    made = read(content, target.name, Origin.IMPORTED)  # what could not be imported again is not handed on
    if target.suffix.lower() in (".html", ".htm"):
        content = map_page(made).encode()
    write_whole(target, content)
    if chosen.json:
        print_json({"schema": 1, "file": chosen.to, "bytes": len(content), **_facts(made)})
    else:
        note(f"The map of {made.model} on {made.task}, {len(made.runs)} runs, is in {chosen.to}.")


def _tell(made: MapFile, as_json: bool) -> None:
    if as_json:
        print_json({"schema": 1, **_facts(made)})
    else:
        note(f"The map of {made.model} on {made.task}, {len(made.runs)} runs, is imported; pages mark it as such.")


def _facts(made: MapFile) -> dict[str, object]:
    document = {
        "map": made.digest,
        "model": made.model,
        "task": made.task,
        "series": made.series,
        "runs": len(made.runs),
    }
    return document | {"origin": made.origin.value, "from": made.document["origin"]}


def _list(as_json: bool) -> None:
    found = [_facts(made) for made in kept.maps()]
    for said in kept.broken():
        note(said)
    if as_json:
        print_json({"schema": 1, "maps": found})
    else:
        keys = ("map", "model", "task", "runs", "series", "origin", "from")
        print_table((*keys[:-1], "where from"), [[document[key] for key in keys] for document in found])
