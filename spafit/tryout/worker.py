"""The process that keeps trained models warm and answers for them: one JSON request a line, one JSON answer a line.

It remembers nothing of what it reads, holds a few models at most, and leaves when it has had nothing to do for a while,
which gives their memory back.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import sys
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from spafit.errors import SpafitError
from spafit.runs import Store
from spafit.trained.blend import Blend, Factors
from spafit.trained.restore import restore
from spafit.tryout.predict import Predictor

MODELS = 4
"""Kept warm at once; the longest unused goes first."""
MEMORY = 6 * 10**9
"""Bytes that the process may hold (Linux)."""
MAX_TEXTS = 64
"""In one request of a page."""


@dataclass(frozen=True)
class Warm:
    """One run's model, ready to answer at any factors."""

    predictor: Predictor
    blend: Blend
    untrained: Factors
    """Everything back in its pretrained state, with the head as it was drawn."""


class Answers:
    """Answers requests; models are loaded when first asked for."""

    def __init__(self, models: int = MODELS) -> None:
        self._models = models
        self._warm: OrderedDict[str, Warm] = OrderedDict()

    def answer(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the predictions for a request's texts as JSON types.

        The request has ``run``, ``texts``, ``pairs`` (or null), ``factors`` ({"layers": {number: factor}, "embeddings",
        "head"}, each optional) and ``trained`` (false: the model as it was before training).

        Raises:
            SpafitError: the run cannot be loaded, or the texts or factors cannot be used.
        """
        texts, pairs = list(request["texts"]), request.get("pairs")
        if len(texts) > MAX_TEXTS:
            raise SpafitError(f"{len(texts)} texts are more than {MAX_TEXTS}, the most at once; use spafit predict.")
        warm = self.get(str(request["run"]))
        warm.blend.set(_factors(request.get("factors") or {}) if request.get("trained", True) else warm.untrained)
        return [each.to_dict() for each in warm.predictor.predict(texts, pairs)]

    def get(self, run_id: str) -> Warm:
        """Return a run's model, loaded when there is none yet. Raises `SpafitError` when it cannot be."""
        if run_id in self._warm:
            self._warm.move_to_end(run_id)
            return self._warm[run_id]
        while len(self._warm) >= self._models:
            self._warm.popitem(last=False)
        store = Store.open()
        run = store.get(run_id)
        trained = restore(run, store.folder(run.id))
        model, anatomy, before = trained.with_before()
        layers = dict.fromkeys(range(1, anatomy.num_layers + 1), 0.0)
        blend = Blend(model, anatomy, before)
        self._warm[run_id] = Warm(Predictor(trained, model), blend, Factors(layers, embeddings=0.0, head=0.0))
        return self._warm[run_id]


def _factors(document: Mapping[str, Any]) -> Factors:
    layers = {int(layer): float(factor) for layer, factor in (document.get("layers") or {}).items()}
    return Factors(layers, float(document.get("embeddings", 1.0)), float(document.get("head", 1.0)))


def serve(requests: TextIO, answers: TextIO, idle_seconds: float, runs: Sequence[str] = ()) -> None:
    """Load these runs, then answer until the requests end or none has come for so long."""
    waiting = selectors.DefaultSelector()
    waiting.register(requests, selectors.EVENT_READ)
    models = Answers()
    for run in runs:
        with contextlib.suppress(SpafitError, MemoryError):  # it is said when somebody asks
            models.get(run)
    while waiting.select(timeout=idle_seconds):
        line = requests.readline()
        if not line:
            return
        answer: dict[str, Any]
        try:
            answer = {"predictions": models.answer(json.loads(line))}
        except SpafitError as error:
            answer = {"error": str(error)}
        except MemoryError:
            answer = {"error": "There is not enough memory to keep this model ready."}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main(idle_seconds: str, *runs: str) -> None:
    """Be the worker: limits first; what libraries print goes to stderr, so that stdout has answers only."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # A line that is longer than the pipe's buffer must not be read ahead of what `select` sees.
    serve(os.fdopen(sys.stdin.fileno(), "r", encoding="utf-8", closefd=False), answers, float(idle_seconds), runs)


if __name__ == "__main__":
    main(*sys.argv[1:])
