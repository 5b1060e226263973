"""Hidden states that leave the frozen prefix, kept between epochs and between runs.

States are stored by what they depend on: the weights, the token numbers, the depth, the arithmetic and the versions
that computed them. A file is complete or absent (written beside its place, flushed, renamed), one process computes
while others that want the same wait for it, and the least recently used files go when the folder grows beyond its cap.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from spafit.files import SCRATCH, whole_file
from spafit.tasks.tokens import Encoded

FORMAT = 4  # raised whenever other code computes other states for the same key
CAP_GB = 4  # of all stored states together, when SPAFIT_CACHE_GB does not say otherwise
FREE_SHARE = 4  # a file may take at most 1 / FREE_SHARE of the free disk
STALE_SECONDS = 24 * 3600  # what a killed process left half-written is removed after this time


def states_key(weights: str, encoded: Encoded, depth: int, arithmetic: str) -> str:
    """Return the name under which states are stored: a hash of everything they depend on."""
    from importlib.metadata import version

    digest = hashlib.sha256()
    parts = (FORMAT, weights, depth, arithmetic, version("torch"), version("transformers"))
    digest.update(json.dumps(parts).encode())
    for array in (encoded.input_ids, encoded.offsets, encoded.token_type_ids):
        digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:40]


def cap_bytes() -> int:
    """Bytes that all stored states may take together: ``SPAFIT_CACHE_GB`` (0 stores none), else 4 GB."""
    try:
        named = float(os.environ["SPAFIT_CACHE_GB"])
    except (KeyError, ValueError):
        named = CAP_GB
    return int((named if 0 <= named < math.inf else CAP_GB) * 1000**3)


class StateStore:
    """The folder of stored states."""

    def __init__(self, folder: Path, cap: int | None = None) -> None:
        self.folder = folder
        self.cap_bytes = cap_bytes() if cap is None else cap

    def room_for(self, size: int) -> bool:
        """Whether a file of `size` bytes may be stored; what is beyond the cap, if that was lowered, goes first."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._evict()
            return size <= self.cap_bytes and size <= shutil.disk_usage(self.folder).free // FREE_SHARE
        except OSError:
            return False

    def has(self, key: str) -> bool:
        """Whether states are stored under `key`."""
        return self._path(key).is_file()

    def load(self, key: str, shape: tuple[int, int], in_memory: bool) -> np.ndarray | None:
        """Return stored states, read into memory or mapped from the file; None when absent or not of this shape."""
        path = self._path(key)
        try:
            array = np.load(path, mmap_mode=None if in_memory else "c", allow_pickle=False)
            os.utime(path)  # the time of last use, by which eviction goes
        except (OSError, ValueError, EOFError):
            return None
        if array.shape != shape or array.dtype != np.float32:
            return None
        return array

    def save(self, key: str, array: np.ndarray) -> None:
        """Store states; a disk that refuses costs the next run some seconds and this one nothing."""
        with suppress(OSError):
            with whole_file(self._path(key), durable=True) as scratch, scratch.open("wb") as file:
                np.save(file, array, allow_pickle=False)
            self._evict(keep=key)

    @contextmanager
    def computing(self, key: str, should_stop: Callable[[], bool]) -> Generator[bool]:
        """Hold the right to compute `key`; yields True, or False when asked to stop while another process has it."""
        lock = FileLock(self.folder / f"{key}.lock")
        while True:
            try:
                lock.acquire(timeout=0.1)
                break
            except Timeout:
                if should_stop():
                    yield False
                    return
        try:
            yield True
        finally:
            lock.release()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npy"

    def _evict(self, keep: str | None = None) -> None:
        """Remove the least recently used files beyond the cap, and what killed processes left behind."""
        now = time.time()
        files = []
        for path in self.folder.iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another process evicts too
            if path.suffix == ".npy":
                files.append((path.stem == keep, status.st_mtime, status.st_size, path))
            elif path.suffix in (SCRATCH, ".lock") and now - status.st_mtime > STALE_SECONDS:
                path.unlink(missing_ok=True)
        total = 0
        for _, _, size, path in sorted(files, reverse=True):
            total += size
            if total > self.cap_bytes:
                path.unlink(missing_ok=True)
