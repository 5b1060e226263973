"""A map as one file: gzipped JSON of its series, its machines and its runs with curves and predictions. No torch.

Whoever reads one trusts nothing in it: sizes are bounded before anything is unpacked, and every value is checked.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import io
import json
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np

from spafit.errors import SpafitError
from spafit.maps.series import Contents, series_key
from spafit.runs import Run
from spafit.runs.run import Origin, State, repeated
from spafit.stratification import Stratification
from spafit.tasks.metrics import LABELS
from spafit.training.config import RunSpec, TrainSettings

SCHEMA_VERSION = 1
KIND = "spafit-map"
SUFFIX = ".spafit-map"
MAX_BYTES = 20_000_000
MAX_UNPACKED = 100_000_000
MAX_RUNS = 5_000
MAX_POINTS = 2_000
"""Of one curve."""
MAX_TEXT = 300
CHOSE_RATE = "chose the rate"
"""Tag of a run that decided which rate its setting is measured at; its own score is none of those shown."""
SCORES = ("validation_metrics", "metrics")


class MapFileError(SpafitError):
    """A file is no map that can be read."""


@dataclass(frozen=True)
class MapFile:
    """A map that was read and checked."""

    document: Mapping[str, Any]
    digest: str
    origin: Origin
    runs: tuple[Run, ...]
    """The finished ones, in the order in which they were made."""

    @property
    def model(self) -> str:
        """The model's key."""
        return self.document["model"]

    @property
    def task(self) -> str:
        """The task's key."""
        return self.document["task"]

    @cached_property
    def recorded(self) -> dict[str, Mapping[str, Any]]:
        """What the file keeps of each run, curve and predictions among it, by the run's id."""
        return {run.id: self.document["runs"][int(run.id.rpartition("-")[2])] for run in self.runs}

    def events(self, run: Run) -> list[dict[str, Any]]:
        """Return what a run of this map told while it went, as `spafit.training.events` writes it, in order."""
        record = self.recorded[run.id]
        steps = ("step", "epoch", "seconds", "loss", "learning_rate", "examples")
        found = [{"kind": "step", **dict(zip(steps, point, strict=False))} for point in record["curve"]]
        for step, epoch, seconds, loss, scores in record["evaluations"]:
            at = {"step": step, "epoch": epoch, "seconds": seconds, "loss": loss}
            found.append({"kind": "evaluated", **at, "metrics": scores})
        return sorted(found, key=lambda event: (event["step"], event["kind"] == "evaluated"))

    @cached_property
    def series(self) -> str:
        """The key of the series that all runs are of."""
        return series_key(self.runs[0].spec, _contents(self.document)) if self.runs else ""


def packed(document: Mapping[str, Any]) -> bytes:
    """Return a map's file; the same document gives the same bytes."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True, allow_nan=False)
    return gzip.compress(text.encode(), 9, mtime=0)


def read(content: bytes, name: str, origin: Origin) -> MapFile:
    """Return the map in a file.

    Args:
        content: of the file.
        name: of the file, for errors.
        origin: of its runs.

    Raises:
        MapFileError: what is wrong with it, in one sentence.
    """
    document = _unpacked(content, name)
    try:
        _check(document)
        digest = hashlib.sha256(content).hexdigest()[:12]
        runs = tuple(_run(document, number, digest, origin) for number in range(len(document["runs"])))
    except SpafitError as error:
        raise MapFileError(f"{name} cannot be used as a map: {error}") from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise MapFileError(f"{name} is damaged: something in it is missing or not what it has to be.") from error
    finished = tuple(run for run in runs if run.state is State.FINISHED)
    if not finished:
        raise MapFileError(f"{name} has no finished run, so it says nothing.")
    return MapFile(document, digest, origin, finished)


def _unpacked(content: bytes, name: str) -> dict[str, Any]:
    if len(content) > MAX_BYTES:
        raise MapFileError(f"{name} is larger than {MAX_BYTES // 10**6} MB, the most that a map may be.")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise MapFileError(f"{name} is no map: 'spafit map export' writes gzipped JSON.") from error
    if len(text) > MAX_UNPACKED:
        raise MapFileError(f"{name} unpacks to more than {MAX_UNPACKED // 10**6} MB, the most that a map may be.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MapFileError(f"{name} is damaged: its content is not JSON.") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise MapFileError(f"{name} is no map: 'spafit map export' writes one.")
    if document.get("schema") != SCHEMA_VERSION:
        raise MapFileError(
            f"{name} is a map of schema {str(document.get('schema'))[:20]!r}; this version of spafit reads schema "
            f"{SCHEMA_VERSION}."
        )
    return document


def _check(document: Mapping[str, Any]) -> None:
    """Check what a run does not check when it is made. Raises `SpafitError`, or what `read` says of damaged files."""
    for key in ("model", "task", "metric", "origin"):
        _text(document[key])
    if document["metric"] not in LABELS:
        raise SpafitError(f"{document['metric']!r} is no score that is known here.")
    if len(document["runs"]) > MAX_RUNS:
        raise SpafitError(f"it has more than {MAX_RUNS:,} runs.")
    for scores in (document["baseline"], document["validation_baseline"]):
        _scores(scores)
    for machine in document["machines"]:
        _flat(machine["hardware"])
        _flat(machine["versions"])
        _text(machine["commit"])
    for answer in document["advice"].values():
        _check_advice(answer, document["layers"])
    contents = _contents(document)
    _text(contents.weights)
    _text(contents.data)
    if type(contents.engine) is not int:
        raise TypeError
    for run in document["runs"]:
        for point in run["curve"]:
            _numbers(point)
        for evaluated in run["evaluations"]:
            _numbers(evaluated[:4])
            _scores(evaluated[4])
        if max(len(run["curve"]), len(run["evaluations"])) > MAX_POINTS:
            raise SpafitError(f"a curve has more than {MAX_POINTS:,} points.")


def _check_advice(answer: Mapping[str, Any], layers: int) -> None:
    """Check what an advisor answered: a score a layer, or none at all; a layer may have none."""
    _text(answer["remark"])
    _numbers([answer["seconds"]])
    _numbers(score for score in answer["scores"] if score is not None)
    if len(answer["scores"]) not in (0, layers):
        raise SpafitError("an advisor scores another number of layers than the model has.")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise TypeError
    return value


def _flat(values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        _text(key)
        if not isinstance(value, int | float):
            _text(value)


def _numbers(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise TypeError


def _scores(values: Mapping[str, Any]) -> dict[str, float]:
    if any(name not in LABELS for name in values):
        raise SpafitError("a score has a name that is not known here.")
    _numbers(values.values())
    return {name: float(value) for name, value in values.items()}


def _contents(document: Mapping[str, Any]) -> Contents:
    return Contents(document["weights"], document["data"], document["engine"])


def _run(document: Mapping[str, Any], number: int, digest: str, origin: Origin) -> Run:
    record, contents = document["runs"][number], _contents(document)
    settings = TrainSettings.from_dict(document["settings"])
    point = Stratification.from_dict(document["points"][record["point"]])
    if point.num_layers != document["layers"]:
        raise SpafitError("its runs are of models of different depths.")
    settings = replace(settings, learning_rate=record["learning_rate"], seed=record["seed"], device="auto")
    spec = RunSpec(document["model"], document["task"], point, settings).resolved()
    machine = document["machines"][record["machine"]]
    made = datetime.fromisoformat(_text(record["recorded_at"])).astimezone(UTC)
    state = State(record["state"])
    if not state.over:
        raise SpafitError("a run in it is not over.")
    for name in ("trainable", "total", "steps", "seconds"):
        if record[name] is not None:
            _numbers([record[name]])
    scores = {name: _scores(record[name]) for name in SCORES}
    tags = (CHOSE_RATE,) if record["chose"] is True else ()
    hardware = {**machine["hardware"], "precision": _text(record["precision"]), "commit": machine["commit"]}
    return Run(
        number=number - 10**9,  # older than every run that was made here
        id=f"{origin.value}-{digest}-{number}",
        name=point.name,
        state=state,
        owner="",
        owner_id="",
        priority=0,
        attempt=1,
        origin=origin,
        sweep=None,
        stop_requested=False,
        archived=False,
        pinned=False,
        note=document["origin"],
        tags=tags,
        reason=None if record["reason"] is None else _text(record["reason"]),
        created_at=made,
        queued_at=made,
        started_at=made,
        ended_at=made,
        heartbeat_at=None,
        spec_document=spec.to_dict(),
        environment={},
        model=spec.model,
        task=spec.task,
        stratification=point.name,
        seed=settings.seed,
        **repeated(spec),
        requested_device="auto",
        supervisor=None,
        process=None,
        device=_text(record["device"]),
        versions=dict(machine["versions"]),
        hardware=hardware,
        weights_hash=contents.weights,
        data_hash=contents.data,
        engine_generation=contents.engine,
        phase=None,
        trainable=record["trainable"],
        total=record["total"],
        total_steps=record["steps"],
        step=record["steps"] or 0,
        seconds=record["seconds"],
        remaining=None,
        baseline=_scores(document["baseline"]),
        validation_baseline=_scores(document["validation_baseline"]),
        further_tests={},
        **scores,
    )


def packed_outputs(outputs: np.ndarray) -> str:
    """Return predictions as text, in half precision: a run's scores are its own, not computed from these.

    All first bytes come before all second ones: they are alike, so that they compress.
    """
    rounded = np.ascontiguousarray(outputs, dtype="<f2")
    planes = rounded.view(np.uint8).reshape(-1, 2).T
    return base64.b64encode(np.ascontiguousarray(planes).tobytes()).decode("ascii")


def unpacked_outputs(text: str, examples: int) -> np.ndarray:
    """Return what `packed_outputs` wrote, a row an example.

    Raises:
        MapFileError: it is not of so many examples.
    """
    try:
        planes = np.frombuffer(base64.b64decode(text, validate=True), np.uint8).reshape(2, -1)
        return np.ascontiguousarray(planes.T).view("<f2").reshape(examples, -1).astype(np.float32)
    except (ValueError, binascii.Error) as error:
        raise MapFileError("The predictions of a run in this map are damaged.") from error
