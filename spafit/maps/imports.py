"""Maps that pages take in and throw away: by whom, checked in a process of its own, and written down. No torch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from spafit.helper import call
from spafit.maps import kept
from spafit.runs import Actor, Store, audit
from spafit.runs.database import writing
from spafit.runs.rights import Action, require_administrator

SECONDS, MEMORY = 60.0, 2 * 10**9
"""What checking a map may take."""


def import_map(store: Store, content: bytes, name: str, by: Actor | None) -> dict[str, Any]:
    """Keep a map that somebody brings; return what it is, as JSON types ("digest", "model", "task", "runs", "from").

    Raises:
        SpafitError: they may not, or the file is no map that can be kept, in one sentence.
    """
    actor = require_administrator(by, "import a map")
    with tempfile.NamedTemporaryFile(suffix=kept.SUFFIX) as file:
        file.write(content)
        file.flush()
        arguments = {"path": file.name, "name": name}
        imported = call(
            f"{__name__}:check_and_keep", arguments, doing="Reading the map", seconds=SECONDS, memory=MEMORY
        )
    with writing(store.engine) as connection:
        audit.record(connection, store.clock(), actor, Action.UPLOAD, imported["digest"], f"map, {imported['from']}")
    return imported


def check_and_keep(path: str, name: str) -> dict[str, Any]:
    """Do it: for the process of its own."""
    made = kept.take_in(Path(path), name)
    imported = {"digest": made.digest, "model": made.model, "task": made.task}
    return imported | {"runs": len(made.runs), "from": made.document["origin"]}


def delete_map(store: Store, digest: str, by: Actor | None) -> None:
    """Delete an imported map.

    Raises:
        SpafitError: they may not, or there is none of that digest.
    """
    actor = require_administrator(by, "delete a map")
    kept.delete(digest)
    with writing(store.engine) as connection:
        audit.record(connection, store.clock(), actor, Action.DELETE, digest, "map")
