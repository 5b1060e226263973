"""The maps that are kept as files: recorded with the project, or imported into the data folder. No torch."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from spafit.errors import SpafitError
from spafit.files import read_at_most, write_whole
from spafit.home import spafit_home
from spafit.maps.file import MAX_BYTES, SUFFIX, MapFile, MapFileError, read
from spafit.runs import Run
from spafit.runs.run import Origin
from spafit.stratification import Method

RECORDED = Path(__file__).parent / "recorded"
NO_RECORDED = "SPAFIT_NO_RECORDED_MAPS"
"""Environment variable that leaves the recorded maps out."""
MOST_IMPORTED = 50

Mark = tuple[tuple[str, int, int], ...]


def imported_folder() -> Path:
    """Return the folder of imported maps, which need not exist."""
    return spafit_home() / "maps"


def mark() -> Mark:
    """Return another value after any kept map has come, gone or changed."""
    folders = [imported_folder(), *([] if os.environ.get(NO_RECORDED) else [RECORDED])]
    found = []
    for path in sorted(path for folder in folders for path in folder.glob(f"*{SUFFIX}")):
        try:
            status = path.stat()
        except OSError:  # gone meanwhile
            continue
        found.append((str(path), status.st_size, status.st_mtime_ns))
    return tuple(found)


def maps() -> tuple[MapFile, ...]:
    """Return every kept map that can be read; a damaged one is left out (see `broken`)."""
    return tuple(found for found in map(_read, mark()) if isinstance(found, MapFile))


def broken() -> tuple[str, ...]:
    """Return a sentence for every kept map that cannot be read."""
    return tuple(found for found in map(_read, mark()) if isinstance(found, str))


@lru_cache(maxsize=MOST_IMPORTED + 10)
def _read(stamp: tuple[str, int, int]) -> MapFile | str:
    path = Path(stamp[0])
    origin = Origin.RECORDED if path.parent == RECORDED else Origin.IMPORTED
    try:
        return read(path.read_bytes(), path.name, origin)
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})."
    except MapFileError as error:
        return str(error)


def of_task(model: str, task: str) -> list[MapFile]:
    """Return the kept maps of a model on a task, the recorded one first.

    A recorded map's file is named for its task, so that a page need not read the others.
    """
    stamps = [one for one in mark() if (path := Path(one[0])).parent != RECORDED or path.stem == task]
    found = [made for made in map(_read, stamps) if isinstance(made, MapFile)]
    mine = [made for made in found if (made.model, made.task) == (model, task)]
    return sorted(mine, key=lambda made: made.origin is not Origin.RECORDED)


def runs(model: str, task: str) -> list[Run]:
    """Return the finished runs of a model on a task in the kept maps."""
    return [run for made in of_task(model, task) for run in made.runs]


def of_series(key: str) -> MapFile | None:
    """Return the kept map of a series, the one with the most runs; None where there is none."""
    return max((found for found in maps() if found.series == key), key=lambda found: len(found.runs), default=None)


def with_run(run_id: str) -> MapFile | None:
    """Return the kept map that a run came with; None for one that was made here."""
    return next((found for found in maps() if run_id in found.recorded), None)


def mapped(cells: int) -> set[tuple[str, str]]:
    """Return the pairs of model and task of which the kept maps have so many cells of the triangle."""
    found: dict[tuple[str, str], set[tuple[int | None, int | None]]] = {}
    for one in maps():
        measured = {(run.n1, run.n2) for run in one.runs if run.method == Method.SPAFIT}
        found.setdefault((one.model, one.task), set()).update(measured)
    return {pair for pair, measured in found.items() if len(measured) >= cells}


def take_in(path: Path, name: str = "") -> MapFile:
    """Keep a map that somebody made elsewhere.

    Args:
        path: of its file.
        name: that errors call the file; its own if left out.

    Raises:
        SpafitError: the file cannot be read or is no map, there are too many already, or the disk is full.
    """
    name = name or path.name
    content = read_at_most(path, MAX_BYTES + 1)
    found = read(content, name, Origin.IMPORTED)
    target = _imported(found.digest)
    if not target.is_file() and sum(1 for _ in imported_folder().glob(f"*{SUFFIX}")) >= MOST_IMPORTED:
        raise SpafitError(f"{MOST_IMPORTED} maps are imported already, the most that are kept; delete one first.")
    write_whole(target, content)
    return found


def delete(digest: str) -> None:
    """Delete an imported map; those recorded with the project stay.

    Raises:
        SpafitError: there is none of that digest.
    """
    if digest not in {made.digest for made in maps() if made.origin is Origin.IMPORTED}:
        raise SpafitError(f"{digest[:40]!r} is no imported map; 'spafit map list' names them.")
    _imported(digest).unlink(missing_ok=True)


def _imported(digest: str) -> Path:
    return imported_folder() / f"{digest}{SUFFIX}"
