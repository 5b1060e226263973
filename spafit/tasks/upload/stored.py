"""Data sets that people bring, kept by content under the data folder, listed, and deleted on request."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spafit.files import write_whole
from spafit.home import spafit_home
from spafit.tasks.files import check_size
from spafit.tasks.task import CLASSIFICATION, Task, TaskError
from spafit.tasks.upload.columns import Columns
from spafit.tasks.upload.labels import TARGETS

SCHEMA = 1
KEY = "data-"
ABOUT = "dataset.json"
STALE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Stored:
    """A stored data set, as `dataset.json` describes it."""

    key: str
    name: str
    created: float  # seconds since 1970
    columns: Columns
    labels: tuple[str, ...]  # class names; empty for regression
    example: str
    scaled_from: tuple[float, float] | None = None  # range of the targets in the file, when they were mapped to 0..5
    remarks: tuple[str, ...] = ()  # what was not a matter of course in reading it, a sentence each

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the schema version."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Stored:
        """Return the inverse of `to_dict`."""
        scaled = data["scaled_from"]
        return cls(
            key=data["key"],
            name=data["name"],
            created=data["created"],
            columns=Columns(**data["columns"]),
            labels=tuple(data["labels"]),
            example=data["example"],
            scaled_from=None if scaled is None else (scaled[0], scaled[1]),
            remarks=tuple(data.get("remarks", ())),
        )

    @property
    def size(self) -> int:
        """Bytes on disk, its tokenised texts included."""
        total = 0
        for path in folder(self.key).rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # deleted, or tokenised anew, while we look
                total += path.stat().st_size if path.is_file() else 0
        return total

    @property
    def task(self) -> Task:
        """The task that this data set poses."""
        classification = self.columns.kind == CLASSIFICATION
        metrics = ("accuracy", "macro_f1") if classification else ("pearson", "spearman")
        asked = f"Which of {len(self.labels)} classes" if classification else "Which number"
        both = f" and “{self.columns.pair}”" if self.columns.pair else ""
        scaled = ""
        if self.scaled_from:
            low, high = self.scaled_from
            scaled = f" Targets from {low:g} to {high:g} are mapped to {TARGETS[0]:g} to {TARGETS[1]:g}."
        return Task(
            key=self.key,
            name=self.name,
            source="local",
            kind=self.columns.kind,
            pair=self.columns.pair is not None,
            labels=self.labels,
            metric=metrics[0],
            metrics=metrics,
            sentence=f"{asked} is in the column “{self.columns.label}”, given “{self.columns.text}”{both}?",
            example=self.example,
            licence="Not known here; whoever brought the texts may know. They stay on this machine.",
            limits=f"As good as its labels; read once from a file and divided by spafit.{scaled}",
            origin=f"A file or Hub data set that somebody brought: {self.name}.",
        )


def list_stored() -> list[Stored]:
    """Every stored data set, the newest first; folders that are damaged are passed over."""
    found = []
    for path in (spafit_home() / "datasets").glob(f"{KEY}*/{ABOUT}"):
        try:
            found.append(Stored.from_dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda stored: (-stored.created, stored.key))


def get(key: str) -> Stored:
    """Return the stored data set of this key.

    Raises:
        TaskError: it is not, or no longer, there.
    """
    found = next((stored for stored in list_stored() if stored.key == key), None)
    if found is None:
        raise TaskError(f"The data set {key} is not stored here, or was deleted.")
    return found


def folder(key: str) -> Path:
    """Where a stored data set lies."""
    return spafit_home() / "datasets" / key


def delete(key: str) -> None:
    """Remove a data set and everything derived from it. Runs that used it keep their results.

    Raises:
        TaskError: there is no such data set, or its files cannot be removed.
    """
    place = folder(get(key).key)
    try:
        (place / ABOUT).unlink()  # from here on it is not listed
        shutil.rmtree(place)
    except OSError as error:
        raise TaskError(f"The data set {key} cannot be deleted ({error.strerror}).") from error


def keep_upload(name: str, data: bytes | memoryview) -> Path:
    """Put an uploaded file where the helper process can read it; forgotten after a day.

    Raises:
        SpafitError: it is too large or the disk is full.
    """
    check_size(len(data), name)
    path = incoming(data)
    write_whole(path, data)
    return path


def _waiting() -> Path:
    waiting = spafit_home() / "datasets" / ".incoming"
    waiting.mkdir(exist_ok=True)
    return waiting


def forget_leftovers(seconds: float) -> None:
    """Remove uploads that have waited to be taken in for longer than this, complete or not."""
    for old in _waiting().iterdir():
        with contextlib.suppress(FileNotFoundError):  # somebody else was faster
            if time.time() - old.stat().st_mtime > seconds:
                old.unlink()


def incoming(content: bytes | memoryview) -> Path:
    """Where a file with this content waits to be taken in. What waited longer than a day is removed."""
    forget_leftovers(STALE_SECONDS)
    return _waiting() / hashlib.blake2b(content, digest_size=16).hexdigest()
