"""The safetensors files of a model folder: which they are, and whether they are whole. Standard library only."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from spafit.errors import SpafitError

MAX_HEADER_BYTES = 100_000_000


class WeightsError(SpafitError):
    """A folder's weights cannot be used: absent, incomplete or damaged."""


def weight_files(folder: Path) -> list[Path]:
    """Return a model folder's safetensors files: the one, or every shard that its index names. None is opened.

    Raises:
        WeightsError: there are none, the index is broken, or one that it names is missing.
    """
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if single.is_file() or not index.is_file():  # with both, the one file is what transformers loads
        files = [single]
    else:
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise WeightsError(f"{index} is not a valid index of safetensors files.") from error
        if not names or any(not isinstance(name, str) for name in names):
            raise WeightsError(f"{index} is not a valid index of safetensors files.")
        if any(Path(name).name != name for name in names):
            raise WeightsError(f"{index} names files outside its folder.")
        files = [folder / name for name in sorted(names)]
    for file in files:
        if not file.is_file():
            hint = " (pickled .bin weights are not read: they can run code)" if any(folder.glob("*.bin")) else ""
            raise WeightsError(f"{folder} has no {file.name}{hint}.")
    return files


def has_weights(folder: Path) -> bool:
    """Whether a model folder has safetensors weights and none of them is missing."""
    try:
        return bool(weight_files(folder))
    except WeightsError:
        return False


def check_weights(folder: Path) -> list[Path]:
    """Return the safetensors files of a model folder after reading their headers, which costs microseconds.

    Raises:
        WeightsError: as `weight_files`, or one is cut short or damaged.
    """
    files = weight_files(folder)
    for file in files:
        size = file.stat().st_size
        header, length = _header(file)
        try:
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            complete = max(ends, default=0) == size - 8 - length
        except (KeyError, IndexError, TypeError):
            complete = False
        if not complete:
            raise _damaged(file)
    return files


def tensor_names(file: Path) -> set[str]:
    """Return the names of the tensors in a safetensors file.

    Raises:
        WeightsError: it is damaged.
    """
    return _header(file)[0].keys() - {"__metadata__"}


def _header(file: Path) -> tuple[dict[str, dict], int]:
    """A file's header and its length: 8 little-endian bytes that say how long, then JSON with every tensor's place."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length)) if length <= MAX_HEADER_BYTES else None
    except (OSError, ValueError, struct.error):
        raise _damaged(file) from None
    if not isinstance(header, dict):
        raise _damaged(file)
    return header, length


def _damaged(file: Path) -> WeightsError:
    return WeightsError(f"{file} is damaged: it is not a complete safetensors file.")
