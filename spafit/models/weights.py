"""The safetensors files of a model folder: which they are, whether they are whole, and a hash of them. No torch."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open

from spafit.errors import SpafitError
from spafit.files import write_whole

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.gguf")
NOT_READ = (
    "is not read (pickled files can run code): load it with transformers where you trust it and save it again, "
    "model.save_pretrained(FOLDER) writes model.safetensors"
)


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
            pickled = sorted(path.name for pattern in PICKLED for path in folder.glob(pattern))
            hint = f", and {pickled[0]} {NOT_READ}" if pickled else ""
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
        tensor_names(file)
    return files


def tensor_names(file: Path) -> set[str]:
    """Return the names of the tensors in a safetensors file, of which only the header is read.

    Raises:
        WeightsError: it is cut short or damaged.
    """
    return set(tensor_shapes(file))


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a safetensors file by name, of which only the header is read.

    Raises:
        WeightsError: it is cut short or damaged.
    """
    try:
        with safe_open(file, framework="numpy") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{file} is damaged: it is not a complete safetensors file.") from error


def weights_digest(files: list[Path], folder: Path) -> str:
    """Return a hash of the files' contents; remembered in `folder` by path, size and time of change."""
    memory = folder / "weights.json"
    known: dict[str, str] = {}
    try:
        known = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    stamps = []
    for file in files:
        status = file.stat()
        stamps.append(f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}")
    stamp = hashlib.sha256("\n".join(stamps).encode()).hexdigest()
    if isinstance(known, dict) and stamp in known:
        return str(known[stamp])
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 22):
                digest.update(chunk)
    known = dict(list(known.items())[-99:]) if isinstance(known, dict) else {}
    known[stamp] = digest.hexdigest()
    with suppress(SpafitError):  # then it is computed again next time
        write_whole(memory, json.dumps(known).encode())
    return digest.hexdigest()
