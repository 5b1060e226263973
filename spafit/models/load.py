"""Anatomies without importing torch: from the catalogue, the disk cache, or a bounded helper process."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from spafit.errors import SpafitError
from spafit.files import write_whole
from spafit.helper import MEMORY, Helper, HelperError
from spafit.home import spafit_home
from spafit.models import registry
from spafit.models.anatomy import SCHEMA_VERSION, Anatomy
from spafit.models.configs import architecture, family_of

TIME_LIMIT = 120.0
"""Seconds a helper process may take; importing the libraries on a busy machine is most of it."""
MEMORY_LIMIT = MEMORY
MOST_AT_ONCE = 2

State = Literal["running", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a build is: its state, what it is doing in words, and the seconds since it started."""

    state: State
    message: str
    seconds: float


class Build:
    """An anatomy being built in a process of its own; ask `poll` as often as you like, or `wait`."""

    def __init__(self, config: Mapping[str, Any], name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._error: str | None = None
        self._cache = _cache_path(config)
        self._anatomy = _read_cache(self._cache)
        if self._anatomy is None:
            self._helper = Helper(
                "spafit.models.build:anatomy_document",
                {"config": config},
                doing=f"Reading {name}",
                seconds=TIME_LIMIT,
                memory=MEMORY_LIMIT,
                environment=_environment(),
            )

    @property
    def anatomy(self) -> Anatomy:
        """The finished anatomy, named after its family; raises `SpafitError` with the reason when there is none."""
        if self._anatomy is None:
            raise SpafitError(self._error or f"{self._name} is still being read.")
        return self._anatomy

    def poll(self) -> Progress:
        """Return how far the build is; never waits."""
        seconds = time.monotonic() - self._started
        with self._lock:
            if self._anatomy is None and self._error is None and self._helper.poll():
                self._finish()
        if self._anatomy is not None:
            return Progress("done", f"{self._name} has been read.", seconds)
        if self._error is not None:
            return Progress("failed", self._error, seconds)
        return Progress("running", f"Reading the layers of {self._name} in a process of its own …", seconds)

    def _finish(self) -> None:
        try:
            document = self._helper.result()
        except HelperError as error:
            self._error = str(error)
        else:
            self._anatomy = Anatomy.from_dict(document)
            _write_cache(self._cache, document)

    def cancel(self) -> None:
        """End the helper process, if it still runs."""
        if self._anatomy is None:
            self._helper.end(f"Reading {self._name} was stopped.")

    def wait(self) -> Anatomy:
        """Wait for the end and return the anatomy; raises `SpafitError` with the reason when there is none."""
        while self.poll().state == "running":
            self._helper.wait(TIME_LIMIT)
        return self.anatomy


_builds: dict[Path, Build] = {}
_lock = threading.Lock()


def start_build(model: str) -> Build:
    """Start reading a model's anatomy and return at once; what is known already is done from the start.

    Asking for a model that is being read returns the same build. Nothing but its configuration is fetched.

    Raises:
        SpafitError: not a model, not supported, its configuration is out of reach, too many are being read already, or
            the disk is full.
    """
    found = registry.get_model(model)
    config = registry.config_of(found)
    family_of(config)
    path = _cache_path(config)
    with _lock:
        running = {key: build for key, build in _builds.items() if build.poll().state == "running"}
        _builds.clear()
        _builds.update(running)
        if path in _builds:
            return _builds[path]
        if len(running) >= MOST_AT_ONCE and not path.exists():
            raise SpafitError("Other models are being read just now; try again in a moment.")
        try:
            build = Build(config, found.name)
        except OSError as error:
            raise SpafitError(f"Reading {found.name} cannot be started ({error.strerror}).") from error
        _builds[path] = build
        return build


def load_anatomy(model: str, *, num_labels: int = 2) -> Anatomy:
    """Return the anatomy of a model by folder, catalogue key or Hub id, never importing torch in this process.

    The catalogue's come from bundled JSON in about a millisecond; others from the disk cache, or from a helper process
    that takes seconds (`start_build` starts one without waiting).

    Raises:
        UnsupportedModelError: the family cannot be stratified, with the reason.
        SpafitError: no such model, its configuration is broken, or it is on the Hub and the Hub is out of reach.
    """
    found = registry.get_model(model)
    if found.key in registry.catalogue():
        return _bundled(found.key).with_labels(num_labels)
    anatomy = replace(start_build(model).wait(), name=found.name)
    if found.path is not None and registry.lacks_pooler(found.path, anatomy):
        anatomy = anatomy.with_fresh_pooler()
    return anatomy.with_labels(num_labels)


@functools.cache
def _bundled(key: str) -> Anatomy:
    return Anatomy.from_dict(json.loads((registry.CATALOGUE / "anatomies" / f"{key}.json").read_text(encoding="utf-8")))


def _environment() -> dict[str, str]:
    """Return the environment of a helper process: no Hub, no token, one thread."""
    environment = {key: value for key, value in os.environ.items() if "TOKEN" not in key}
    return environment | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def reading(folder: Path = Path(__file__).parent) -> str:
    """Return a digest of the modules that read configurations: what another version of them kept is built again."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _cache_path(config: Mapping[str, Any]) -> Path:
    content = json.dumps([SCHEMA_VERSION, reading(), version("transformers"), architecture(config)], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    return spafit_home() / "cache" / "anatomies" / f"{digest}.json"


def _read_cache(path: Path) -> Anatomy | None:
    """Return a cached anatomy; a file that cannot be read as one is as good as none."""
    try:
        return Anatomy.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _write_cache(path: Path, document: Mapping[str, Any]) -> None:
    """Keep an anatomy for next time; on a full disk there is simply no next time."""
    with contextlib.suppress(SpafitError):
        write_whole(path, json.dumps(document).encode())
