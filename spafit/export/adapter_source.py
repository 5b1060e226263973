"""Where an adapter that is brought back lies: a folder, an uploaded zip or the Hub. Only what describes it is read.

Of the weights that is the header of the safetensors file, which names every tensor with its shape; nothing is unpacked
or written, and no code or pickle is run. No torch.
"""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from spafit.errors import SpafitError
from spafit.files import read_at_most
from spafit.models import hub
from spafit.models.configs import MAX_CONFIG_BYTES, parse_config
from spafit.models.names import plain_name

CONFIG, WEIGHTS, RECORD = "adapter_config.json", "adapter_model.safetensors", "spafit.json"
PICKLED = ("adapter_model.bin", "adapter_model.pt")
MAX_ENTRIES = 200
MAX_HEADER_BYTES = 20_000_000
_LENGTH = 8  # bytes of a safetensors file that say how long its header is

Read = Callable[[str, int], bytes | None]
"""The first bytes of a file, so many at most; None when it is not there."""


class AdapterError(SpafitError):
    """An adapter that cannot be brought back, said in one sentence."""


@dataclass(frozen=True)
class Files:
    """What an adapter's files say of it."""

    name: str
    config: dict[str, Any]
    """PEFT's adapter_config.json."""
    record: dict[str, Any] | None
    """The spafit.json of what was exported here; None for other adapters."""
    shapes: dict[str, tuple[int, ...]]
    """Of every stored tensor."""


def from_folder(folder: Path) -> Files:
    """Read an adapter's folder. Raises `SpafitError`."""

    def read(name: str, most: int) -> bytes | None:
        path = folder / name
        return read_at_most(path, most) if path.is_file() else None

    if not folder.is_dir():
        raise AdapterError(f"There is no folder {str(folder)!r}.")
    return _files(str(folder), folder.name, read)


def from_zip(content: IO[bytes], name: str) -> Files:
    """Read a zip with an adapter in it, or in one folder of it, as spafit exports it; nothing is unpacked.

    Raises:
        SpafitError: no zip, too much in it, paths or links in it, or no adapter.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            place = _place(archive, name)
            return _files(name, name.removesuffix(".zip"), lambda file, most: _member(archive, place + file, most))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise AdapterError(f"{name} is no zip that can be read ({error}).") from error


def from_hub(hub_id: str) -> Files:
    """Read an adapter of the Hub, of which only a few kilobytes are fetched.

    Raises:
        OfflineError: the Hub is out of reach.
        SpafitError: no such public adapter.
    """
    wanted = plain_name(hub_id)
    if not hub.is_hub_id(wanted):
        raise AdapterError(f"{hub_id[:120]!r} is no Hub id such as owner/name.")

    def read(name: str, most: int) -> bytes | None:
        return hub.fetch_start(wanted, name, most)

    return _files(wanted, wanted, read)


def _place(archive: zipfile.ZipFile, name: str) -> str:
    """Return the folder of a zip that the adapter is in, "" or one with a slash at its end."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise AdapterError(f"{name} has {len(entries):,} files in it; an adapter has a few, at most {MAX_ENTRIES}.")
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename:
            raise AdapterError(f"{name} has a path in it that leads elsewhere ({entry.filename[:60]!r}).")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise AdapterError(f"{name} has a link in it ({entry.filename[:60]!r}), which is not followed.")
    found = [entry.filename for entry in entries if PurePosixPath(entry.filename).name == CONFIG]
    if len(found) != 1:
        raise AdapterError(f"{name} has {len(found) or 'no'} {CONFIG} in it, where an adapter has one.")
    return found[0].removesuffix(CONFIG)


def _member(archive: zipfile.ZipFile, path: str, most: int) -> bytes | None:
    try:
        with archive.open(path) as stream:
            return stream.read(most)
    except KeyError:
        return None


def _files(place: str, name: str, read: Read) -> Files:
    config = _json(place, CONFIG, read)
    if config is None:
        raise AdapterError(f"{place} has no {CONFIG}, so it is no adapter of PEFT's.")
    record = _json(place, RECORD, read)
    return Files(name, config, record, _shapes(place, read))


def _json(place: str, name: str, read: Read) -> dict[str, Any] | None:
    text = read(name, MAX_CONFIG_BYTES + 1)
    return None if text is None else parse_config(text, f"{name} of {place}")


def _shapes(place: str, read: Read) -> dict[str, tuple[int, ...]]:
    """Return the tensors that the header of the safetensors file names, with their shapes."""
    damaged = AdapterError(f"{WEIGHTS} of {place} is damaged: it is not a complete safetensors file.")
    start = read(WEIGHTS, _LENGTH)
    if start is None:
        pickled = next((name for name in PICKLED if read(name, 1) is not None), None)
        hint = f"; {pickled} is not read, as pickled files can run code: save it as safetensors" if pickled else ""
        raise AdapterError(f"{place} has no {WEIGHTS}{hint}.")
    length = int.from_bytes(start, "little") if len(start) == _LENGTH else 0
    if not 0 < length <= MAX_HEADER_BYTES:
        raise damaged
    text = (read(WEIGHTS, _LENGTH + length) or b"")[_LENGTH:]
    try:
        header = json.loads(text)
        header.pop("__metadata__", None)
        shapes = {str(name): tuple(map(int, tensor["shape"])) for name, tensor in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise damaged from error
    if len(text) < length or any(size < 0 for shape in shapes.values() for size in shape):
        raise damaged
    return shapes
