"""Files that are there as a whole or not at all, whoever reads, writes or crashes meanwhile."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from spafit.errors import SpafitError
from spafit.quantities import bytes_text

SCRATCH = ".part"
"""What the name of a file being written ends with."""


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Generator[Path]:
    """Give the block a scratch path to write to, which takes ``path``'s place when the block ends without an error.

    Args:
        path: where the file shall be; its folder is made when missing.
        durable: wait until the content is on the disk, so that even a power cut leaves the old file or the new one.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{SCRATCH}")
    try:
        yield scratch
        if durable:
            with scratch.open("rb+") as stream:
                os.fsync(stream.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def require_space(folder: Path, size: int, what: str) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        SpafitError: fewer than ``size`` bytes are free where ``folder`` is, or will be.
    """
    place = folder.absolute()
    free = shutil.disk_usage(next(path for path in (place, *place.parents) if path.exists())).free
    if free < size:
        raise SpafitError(
            f"{what} needs {bytes_text(size)} of disk, and {bytes_text(free)} are free: delete runs, data sets or "
            "caches ('spafit disk' says what takes how much)."
        )


def read_at_most(path: Path, count: int, called: str = "") -> bytes:
    """Read a file's first bytes, or all when it has fewer; one more than is allowed shows that it is too large.

    Args:
        path: of the file.
        count: how many bytes.
        called: what the error calls it; its path if left out.

    Raises:
        SpafitError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError as error:
        raise SpafitError(f"{called or path} cannot be read ({error.strerror}).") from error


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a small file.

    Raises:
        SpafitError: it cannot be written, for instance because the disk is full.
    """
    try:
        with whole_file(path) as scratch:
            scratch.write_bytes(content)
    except OSError as error:
        raise SpafitError(f"{path} cannot be written ({error.strerror}).") from error
