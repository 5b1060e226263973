"""What a trained model says about texts: labels, scores and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from spafit.errors import SpafitError
from spafit.tasks.tokens import load_tokenizer
from spafit.trained.restore import Trained

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MAX_CHARS = 100_000
"""Of one text; what goes beyond could not reach the model anyway, whose limit is a few thousand tokens."""
BATCH = 32
"""Texts in one forward pass."""


@dataclass(frozen=True)
class Prediction:
    """What the model says about one text (or pair)."""

    text: str
    pair: str | None
    label: str | None
    """The most probable class; None for regression."""
    score: float
    """Its probability, or the predicted number."""
    probabilities: dict[str, float]
    """By class; empty for regression."""

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as JSON types."""
        return {
            "text": self.text,
            "pair": self.pair,
            "label": self.label,
            "score": self.score,
            "probabilities": self.probabilities,
        }


class Predictor:
    """A trained model kept ready: fp32, evaluation mode, the run's own tokenizer and length limit."""

    def __init__(self, trained: Trained, model: PreTrainedModel | None = None) -> None:
        self.trained = trained
        self.model = model if model is not None else trained.model()[0]
        self.tokenizer: PreTrainedTokenizerBase = load_tokenizer(trained.folder)
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model.config.pad_token_id = self.tokenizer.pad_token_id  # decoders read the last token before padding
        self._with_types = (getattr(self.model.config, "type_vocab_size", None) or 0) > 1

    def predict(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Prediction]:
        """Return one prediction per text, in order.

        Raises:
            SpafitError: the task reads pairs and there are none or the other way round, or a text is empty or too long.
        """
        _check(texts, pairs, self.trained.pair)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        outputs: list[list[float]] = [[] for _ in texts]
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            for row, output in zip(rows, self._logits(rows, texts, pairs), strict=True):
                outputs[row] = output
        second = pairs or [None] * len(texts)
        return [self._prediction(*each) for each in zip(texts, second, outputs, strict=True)]

    def _logits(self, rows: list[int], texts: Sequence[str], pairs: Sequence[str] | None) -> list[list[float]]:
        batch = self.tokenizer(
            [texts[row] for row in rows],
            None if pairs is None else [pairs[row] for row in rows],
            truncation=True,
            max_length=self.trained.max_length,
            padding=True,
            return_tensors="pt",
        )
        if not self._with_types:
            batch.pop("token_type_ids", None)
        with torch.inference_mode():
            return self.model(**batch).logits.double().tolist()

    def _prediction(self, text: str, pair: str | None, logits: list[float]) -> Prediction:
        if not self.trained.labels:
            return Prediction(text, pair, None, logits[0], {})
        shares = torch.tensor(logits, dtype=torch.float64).softmax(0).tolist()
        best = max(range(len(shares)), key=shares.__getitem__)
        probabilities = dict(zip(self.trained.labels, shares, strict=True))
        return Prediction(text, pair, self.trained.labels[best], shares[best], probabilities)


def _check(texts: Sequence[str], pairs: Sequence[str] | None, needs_pair: bool) -> None:
    if needs_pair and pairs is None:
        raise SpafitError("This run's task reads two texts together; give a second one to each.")
    if not needs_pair and pairs is not None:
        raise SpafitError("This run's task reads single texts; leave the second ones out.")
    for number, text in enumerate(texts, 1):
        parts = (text,) if pairs is None else (text, pairs[number - 1])
        if not all(part.strip() for part in parts):
            raise SpafitError(f"Text {number} is empty; every text needs at least one word.")
        if any(len(part) > MAX_CHARS for part in parts):
            raise SpafitError(f"Text {number} is longer than {MAX_CHARS:,} characters; shorten it.")
