"""Prepared task data on disk: one memory-mapped Arrow file per part, so that reading 2,000 rows reads 2,000 rows.

A folder holds `train.arrow`, `validation.arrow`, `test.arrow` (and further test parts) with the columns `text`, `pair`
where there is one, `label` and `order`, and `preparation.json`. It appears in one rename, complete, or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from spafit.errors import SpafitError
from spafit.files import write_whole
from spafit.home import spafit_home
from spafit.tasks.splits import Preparation, pick, shuffled, strata
from spafit.tasks.task import Examples, TaskError

FORMAT = 1  # part of every cache key: raise it when preparing means something else
RECORD_ROWS = 1024
INFO = "preparation.json"
DIGEST = "content.sha256"
UNFINISHED = ".new-"  # how the name of a folder begins that is still being written
STALE_SECONDS = 24 * 3600  # after which nobody can be writing it any more

Parts = dict[str, tuple[Examples, np.ndarray]]


def content_hash(files: Iterable[Path]) -> str:
    """Return a hash of the files' names and bytes, 16 hexadecimal characters; remembered while they do not change."""
    facts = []
    for path in files:
        try:
            stat = path.stat()
        except OSError as error:
            raise TaskError(f"{path} cannot be read ({error.strerror}).") from error
        facts.append((str(path), stat.st_size, stat.st_mtime_ns))
    return _content_hash(tuple(facts))


@lru_cache(maxsize=64)
def _content_hash(facts: tuple[tuple[str, int, int], ...]) -> str:
    total = hashlib.blake2b(f"format {FORMAT}".encode(), digest_size=8)
    for path, _, _ in facts:
        with Path(path).open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).digest()
        total.update(Path(path).parent.name.encode() + b"/" + Path(path).name.encode() + digest)
    return total.hexdigest()


def place(key: str, files: Iterable[Path]) -> Path:
    """Where the prepared data of a task lies, or will lie, whose source is `files`."""
    return spafit_home() / "cache" / "tasks" / f"{key}-{content_hash(files)}"


def is_ready(folder: Path) -> bool:
    """Whether the data has been prepared."""
    return (folder / INFO).is_file()


def write(folder: Path, parts: Parts, preparation: Preparation, about: Mapping[str, Any] | None = None) -> None:
    """Store the parts under `folder`; whoever else does so at the same time stores the same.

    Args:
        about: further JSON documents to keep in the folder, by file name.

    Raises:
        SpafitError: the disk is full or the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        scratch = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
        try:
            for name, (examples, order) in parts.items():
                _write_part(scratch / f"{name}.arrow", examples, order)
            for name, document in {INFO: preparation.to_dict(), **(about or {})}.items():
                (scratch / name).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
            if not is_ready(folder):
                shutil.rmtree(folder, ignore_errors=True)
                scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        if not is_ready(folder):  # otherwise another process was faster, with the same content
            raise SpafitError(f"The data cannot be stored in {folder.parent} ({error.strerror or error}).") from error


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed long ago left half-written."""
    for scratch in folder.glob(f"{UNFINISHED}*"):
        with suppress(OSError):  # another process sweeps too
            if time.time() - scratch.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(scratch, ignore_errors=True)


def preparation(folder: Path) -> Preparation:
    """Return what was done to the source's rows when `folder` was made."""
    return Preparation.from_dict(json.loads((folder / INFO).read_text(encoding="utf-8")))


def read(folder: Path, split: str, *, limit: int | None = None, seed: int = 0) -> Examples:
    """Read one part, or a stratified choice of `limit` of its rows that depends on `seed` alone.

    Labels of the whole part are read to stratify by them; texts only of the rows that come back.

    Raises:
        TaskError: `limit` is not positive, or the part is missing or damaged.
    """
    if limit is not None and limit < 1:
        raise TaskError(f"The number of examples must be at least 1, not {limit}.")
    path = folder / f"{split}.arrow"
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            table = file.read_all()
            labels = table.column("label").to_numpy()
            if limit is not None and limit < len(labels):
                order = shuffled(table.column("order").to_numpy(), seed)
                rows = pick(order, strata(labels), limit)
                table, labels = _taken(table, rows), labels[rows]
            return Examples(
                text=table.column("text").to_pylist(),
                pair=table.column("pair").to_pylist() if "pair" in table.column_names else None,
                labels=np.array(labels),
            )
    except (OSError, pa.ArrowInvalid) as error:
        raise _unreadable(path) from error


def content_digest(folder: Path) -> str:
    """Return a hash of the prepared rows: every text, label and place in the order, part by part.

    Unlike the folder's name it says nothing of where the rows came from, so that the same data has the same hash from a
    folder, from the Hub and on another machine. It is remembered in the folder.

    Raises:
        TaskError: a part is missing or damaged.
    """
    memory = folder / DIGEST
    with suppress(OSError):
        if known := memory.read_text("ascii"):
            return known
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.arrow")):
        digest.update(f"{path.stem}\n".encode())
        try:
            with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
                _digest_table(digest, file.read_all())
        except (OSError, pa.ArrowInvalid) as error:
            raise _unreadable(path) from error
    with suppress(SpafitError):  # then it is computed again next time
        write_whole(memory, digest.hexdigest().encode())
    return digest.hexdigest()


def _digest_table(digest: Any, table: pa.Table) -> None:
    """Feed every value to the digest, however the rows are divided into batches."""
    for name in sorted(table.column_names):
        column = table.column(name)
        digest.update(f"{name} {column.type} {len(column)}\n".encode())
        if not pa.types.is_large_string(column.type):
            digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
            continue
        chunks = [(_ends(chunk), chunk.buffers()[2]) for chunk in column.chunks if len(chunk)]
        for ends, _letters in chunks:
            digest.update(np.diff(ends).tobytes())
        for ends, letters in chunks:
            if ends[-1] > ends[0]:
                digest.update(memoryview(letters)[ends[0] : ends[-1]])


def _ends(chunk: pa.Array) -> np.ndarray:
    """Where a chunk's texts begin in its letters, and where the last one ends."""
    return np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]


def _unreadable(path: Path) -> TaskError:
    return TaskError(f"The prepared data in {path} cannot be read; delete {path.parent} and try again.")


def _taken(table: pa.Table, rows: np.ndarray) -> pa.Table:
    """Return the rows at these ascending positions. `Table.take` would first copy every text into one array."""
    batches, start = [], 0
    for batch in table.to_batches():
        here = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + len(batch))]
        batches.append(batch.take(pa.array(here - start)))
        start += len(batch)
    return pa.Table.from_batches(batches, table.schema)


def _write_part(path: Path, examples: Examples, order: np.ndarray) -> None:
    columns = {"text": pa.array(examples.text, pa.large_string())}
    if examples.pair is not None:
        columns["pair"] = pa.array(examples.pair, pa.large_string())
    columns["label"] = pa.array(examples.labels)
    columns["order"] = pa.array(order)
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=RECORD_ROWS)
