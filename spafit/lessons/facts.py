"""What a lesson's text and conditions can name: numbers that the app counts, computes or has measured. Pure.

An expression is a fact, such as ``trainable``, which is about the setting that is looked at; a fact of a named setting,
``trainable SPAFIT-0-6``; a number; or the name of a setting.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spafit.costs import checkpoint_bytes, optimizer_bytes
from spafit.counting import Counts, count
from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy
from spafit.quantities import bytes_text
from spafit.stratification import Method, Role, Stratification, parse_name, preset

NOT_MEASURED = "not measured yet"
MAX_CHARS = 200
_WORDS = re.compile(r"([a-z_0-9]+)(?:\s+([A-Za-z][\w.+=-]*))?")
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?")

Value = int | float | str | None
"""None where it is not measured."""


class Kind(StrEnum):
    """How a fact is written."""

    COUNT = "count"
    PERCENT = "percent"
    TIMES = "times"
    BYTES = "bytes"
    SCORE = "score"
    NAME = "name"


@dataclass(frozen=True)
class Situation:
    """What facts are about: the model, the setting that is looked at, and the measured map, if there is one."""

    anatomy: Anatomy
    now: Stratification
    measured: Mapping[str, Any] | None = None
    """As `spafit.maps.measured.measured_map` returns it."""
    metric: str = "score"
    """The score's name, as it stands in a sentence."""
    runs: Mapping[str, int] | None = None
    """How many runs of each setting, by its name, have finished on this machine."""
    baseline: float | None = None
    """What the task's most frequent label reaches, where no run has told."""


@dataclass(frozen=True)
class Fact:
    """Something with a value; ``value`` gets the setting that it is asked of."""

    name: str
    what: str
    kind: Kind
    value: Callable[[Situation, Stratification], Value]
    of_setting: bool = False
    measured: bool = False


@functools.lru_cache(maxsize=512)
def _counts(anatomy: Anatomy, setting: Stratification) -> Counts:
    return count(anatomy, setting)


def _trainable(situation: Situation, setting: Stratification) -> int:
    return _counts(situation.anatomy, setting).trainable


def _fewer(situation: Situation, setting: Stratification) -> float:
    full = preset(Method.FULL, setting.num_layers)
    return _trainable(situation, full) / max(1, _trainable(situation, setting))


def _query(situation: Situation) -> tuple[int, int]:
    """Return inputs and outputs of the first layer's query matrix."""
    found = (t for t in situation.anatomy.layers[0] if Role.QUERY in t.roles and len(t.shape) == 2)
    tensor = next(found, None)
    return (0, 0) if tensor is None else tensor.fan


def _layer_biases(situation: Situation) -> int:
    return sum(tensor.size for tensor in situation.anatomy.layers[0] if tensor.kind == "bias")


def _point(situation: Situation, setting: Stratification) -> Mapping[str, Any] | None:
    found = situation.measured or {"cells": (), "methods": ()}
    return next((p for p in (*found["cells"], *found["methods"]) if p["name"] == setting.name), None)


def _of_point(key: str) -> Callable[[Situation, Stratification], Value]:
    def value(situation: Situation, setting: Stratification) -> Value:
        point = _point(situation, setting)
        return None if point is None else point[key]

    return value


def _seeds(situation: Situation, setting: Stratification) -> int:
    point = _point(situation, setting)
    return 0 if point is None else point["n"]


def _spread(situation: Situation, setting: Stratification) -> Value:
    point = _point(situation, setting)
    if point is None or point["n"] < 2:
        return None
    return max(point["scores"].values()) - min(point["scores"].values())


def _best(situation: Situation) -> Mapping[str, Any] | None:
    cells: list[Mapping[str, Any]] = list(situation.measured["cells"]) if situation.measured else []
    return max(cells, key=lambda point: point["mean"]) if cells else None


def _of_best(key: str) -> Callable[[Situation, Stratification], Value]:
    def value(situation: Situation, _setting: Stratification) -> Value:
        best = _best(situation)
        return None if best is None else best[key]

    return value


def _threshold(situation: Situation, _setting: Stratification) -> float | None:
    """Return the score that is one standard error below the best cell's; None where that has no error yet."""
    best = _best(situation)
    if best is None or best["standard_error"] is None:
        return None
    return best["mean"] - best["standard_error"]


def cheapest(situation: Situation) -> Mapping[str, Any] | None:
    """Return the measured cell that trains least among those within one standard error of the best."""
    threshold = _threshold(situation, situation.now)
    if threshold is None or situation.measured is None:
        return None
    near = [cell for cell in situation.measured["cells"] if cell["mean"] >= threshold]
    return min(near, key=lambda cell: (_trainable(situation, _cell(cell, situation)), -cell["mean"]))


def _cell(point: Mapping[str, Any], situation: Situation) -> Stratification:
    return preset(Method.SPAFIT, situation.now.num_layers, point["n1"], point["n2"])


def _of_cheapest(key: str) -> Callable[[Situation, Stratification], Value]:
    def value(situation: Situation, _setting: Stratification) -> Value:
        point = cheapest(situation)
        return None if point is None else point[key]

    return value


def _baseline(situation: Situation, _setting: Stratification) -> Value:
    measured = None if situation.measured is None else situation.measured["baseline"]
    return situation.baseline if measured is None else measured


def _gap(situation: Situation, setting: Stratification) -> Value:
    best, point = _best(situation), _point(situation, setting)
    return None if best is None or point is None else best["mean"] - point["mean"]


_COUNTED = (
    Fact("layers", "layers of the model", Kind.COUNT, lambda at, _: at.anatomy.num_layers),
    Fact("parameters", "parameters of the model", Kind.COUNT, lambda at, s: _counts(at.anatomy, s).base_total),
    Fact(
        "embedding_parameters",
        "parameters below layer 1",
        Kind.COUNT,
        lambda at, s: _counts(at.anatomy, s).embeddings.total,
    ),
    Fact(
        "layer_parameters", "parameters of layer 1", Kind.COUNT, lambda at, _: sum(t.size for t in at.anatomy.layers[0])
    ),
    Fact(
        "all_layer_parameters",
        "parameters of all layers together",
        Kind.COUNT,
        lambda at, _: sum(t.size for layer in at.anatomy.layers for t in layer),
    ),
    Fact("layer_biases", "biases of layer 1", Kind.COUNT, lambda at, _: _layer_biases(at)),
    Fact("matrix_inputs", "inputs of layer 1's query matrix", Kind.COUNT, lambda at, _: _query(at)[0]),
    Fact("matrix_outputs", "outputs of layer 1's query matrix", Kind.COUNT, lambda at, _: _query(at)[1]),
    Fact("matrix", "numbers in layer 1's query matrix", Kind.COUNT, lambda at, _: _query(at)[0] * _query(at)[1]),
    Fact(
        "adapter",
        "numbers in the LoRA adapter of that matrix, at the setting's rank",
        Kind.COUNT,
        lambda at, s: s.lora.rank * sum(_query(at)),
        of_setting=True,
    ),
    Fact("rank", "LoRA's rank", Kind.COUNT, lambda _, s: s.lora.rank, of_setting=True),
    Fact("n1", "boundary 1: the last frozen layer", Kind.COUNT, lambda _, s: s.n1, of_setting=True),
    Fact("n2", "boundary 2: the last layer of stratum 2", Kind.COUNT, lambda _, s: s.n2, of_setting=True),
    Fact("trainable", "trainable parameters", Kind.COUNT, _trainable, of_setting=True),
    Fact(
        "percent",
        "trainable parameters in percent of all",
        Kind.PERCENT,
        lambda at, s: _counts(at.anatomy, s).percent,
        of_setting=True,
    ),
    Fact("fewer", "how many times fewer than full fine-tuning trains", Kind.TIMES, _fewer, of_setting=True),
    Fact(
        "state",
        "memory of AdamW's optimizer state",
        Kind.BYTES,
        lambda at, s: optimizer_bytes(at.anatomy, s),
        of_setting=True,
    ),
    Fact(
        "checkpoint",
        "size of what is stored for the task",
        Kind.BYTES,
        lambda at, s: checkpoint_bytes(at.anatomy, s),
        of_setting=True,
    ),
    Fact("setting", "name of the setting that is looked at", Kind.NAME, lambda at, _: at.now.name),
    Fact(
        "runs", "runs of the setting that finished here", Kind.COUNT, lambda at, s: (at.runs or {}).get(s.name, 0), True
    ),
    Fact("metric", "name of the score", Kind.NAME, lambda at, _: at.metric),
)
_MEASURED = (
    Fact("seeds", "seeds that the setting was measured with", Kind.COUNT, _seeds, True, True),
    Fact("score", "mean validation score", Kind.SCORE, _of_point("mean"), True, True),
    Fact("error", "standard error of that mean", Kind.SCORE, _of_point("standard_error"), True, True),
    Fact("spread", "highest minus lowest score over seeds", Kind.SCORE, _spread, True, True),
    Fact("gap", "the best cell's score minus the setting's", Kind.SCORE, _gap, True, True),
    Fact("baseline", "score of always saying the most frequent label", Kind.SCORE, _baseline),
    Fact(
        "measured",
        "cells that are measured",
        Kind.COUNT,
        lambda at, _: len(at.measured["cells"]) if at.measured else 0,
        measured=True,
    ),
    Fact(
        "cells",
        "cells of the triangle",
        Kind.COUNT,
        lambda at, _: (at.anatomy.num_layers + 1) * (at.anatomy.num_layers + 2) // 2,
    ),
    Fact("best", "name of the cell with the best mean", Kind.NAME, _of_best("name"), measured=True),
    Fact("best_score", "score of the best cell", Kind.SCORE, _of_best("mean"), measured=True),
    Fact("best_error", "standard error of the best cell", Kind.SCORE, _of_best("standard_error"), measured=True),
    Fact("threshold", "the best score minus one standard error", Kind.SCORE, _threshold, measured=True),
    Fact(
        "cheapest",
        "name of the cell that trains least within one standard error of the best",
        Kind.NAME,
        _of_cheapest("name"),
        measured=True,
    ),
    Fact("cheapest_score", "score of that cell", Kind.SCORE, _of_cheapest("mean"), measured=True),
)
FACTS: dict[str, Fact] = {fact.name: fact for fact in (*_COUNTED, *_MEASURED)}


@dataclass(frozen=True)
class Expression:
    """A fact of the setting that is looked at or of a named one; without a fact a number or a name."""

    fact: Fact | None
    setting: Stratification | None = None
    literal: Value = None

    def value(self, situation: Situation) -> Value:
        """Return what it is in a situation; None where it is not measured."""
        if self.fact is None:
            return self.literal
        return self.fact.value(situation, self.setting or situation.now)

    def shown(self, situation: Situation) -> str:
        """Return it as people read it."""
        return written(self.value(situation), self.fact.kind if self.fact else Kind.COUNT)

    @property
    def is_name(self) -> bool:
        """Whether it stands for a name, not for a number."""
        return isinstance(self.literal, str) if self.fact is None else self.fact.kind is Kind.NAME


def written(value: Value, kind: Kind) -> str:
    """Return a value as people read it."""
    if value is None:
        return NOT_MEASURED
    if isinstance(value, str):
        return value
    match kind:
        case Kind.PERCENT:
            return f"{value:.3g} %"
        case Kind.TIMES:
            return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"
        case Kind.BYTES:
            return bytes_text(value)
        case Kind.SCORE:
            return f"{value:.3f}"
    return f"{value:,}"


def parse_expression(text: str, num_layers: int) -> Expression:
    """Return what a text means for a model of this depth.

    Raises:
        SpafitError: it is neither a fact, nor a number, nor the name of a setting that fits the model.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return Expression(None, literal=float(text) if "." in text else int(text))
    match = _WORDS.fullmatch(text) if len(text) <= MAX_CHARS else None
    if match and (fact := FACTS.get(match[1])):
        if match[2] is None:
            return Expression(fact)
        if not fact.of_setting:
            raise SpafitError(f"{fact.name!r} is not about a setting; write it without {match[2]!r}.")
        return Expression(fact, parse_name(match[2], num_layers))
    if text[:1].isupper() and " " not in text:
        return Expression(None, literal=parse_name(text, num_layers).name)
    raise SpafitError(f"{text[:60]!r} is no fact; the facts are {', '.join(FACTS)}.")
