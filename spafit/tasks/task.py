"""What a task is, and what its examples look like once they are read. Standard library and numpy only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from spafit.errors import SpafitError

CLASSIFICATION = "classification"
REGRESSION = "regression"
SPLITS = ("train", "validation", "test")
SOURCES = {
    "bundled": "on this machine, it came with the installation",
    "local": "on this machine, in a folder or file of yours",
    "cached": "on this machine, fetched from the Hugging Face Hub",
    "hub": "on the Hugging Face Hub, not fetched yet",
}


class TaskError(SpafitError):
    """A task is unknown, its data cannot be found, or its files are not what they should be."""


@dataclass(frozen=True)
class Task:
    """One thing to learn: a text (or a pair of texts) in, a class or a number out."""

    key: str  # what the command line and a run's specification call it
    name: str  # what a person calls it
    source: str  # where its data would come from now: bundled, local, cached or hub
    kind: str  # classification or regression
    pair: bool  # two texts are read together
    labels: tuple[str, ...]  # class names by class number; empty for regression
    metric: str  # the primary metric, the one that is plotted; higher is better
    metrics: tuple[str, ...]  # every metric that is computed, the primary one first
    sentence: str  # what is asked, in one sentence
    example: str  # one input and its answer
    licence: str  # of the texts, as far as their publishers state one
    limits: str = ""  # what this task cannot show, in one sentence
    origin: str = ""  # who made it, and where this copy comes from
    extra_tests: tuple[str, ...] = field(default=())  # further test parts: MNLI's "test_mismatched"
    test_kind: str = ""  # what sets the test part apart from further ones: MNLI's "matched"

    @property
    def num_labels(self) -> int:
        """Outputs the model's head needs: one per class, or a single number for regression."""
        return 1 if self.kind == REGRESSION else len(self.labels)

    @property
    def where(self) -> str:
        """Where its data would come from now, as the end of a sentence."""
        return SOURCES[self.source]

    @property
    def splits(self) -> tuple[str, ...]:
        """The parts that `spafit.tasks.load` knows for this task."""
        return SPLITS + self.extra_tests

    def called(self, part: str) -> str:
        """Return a part's name for people; where there are several test parts, each says which: "test, mismatched"."""
        kind = self.test_kind if part == "test" else part.removeprefix("test_") if part in self.extra_tests else ""
        return f"test, {kind.replace('_', ' ')}" if kind else part

    def answer(self, label: float) -> str:
        """Return a label as people read it: the class's name, or the number."""
        return f"{label:g}" if self.kind == REGRESSION else self.labels[int(label)]


def shortened(text: str, characters: int) -> str:
    """Return the text, with an ellipsis in place of what goes beyond so many characters."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def on_one_line(text: str) -> str:
    """Return the text with every run of white space as one space, so that a sentence that quotes it stays one line."""
    return " ".join(text.split())


@dataclass(frozen=True)
class Examples:
    """Texts with their labels, index by index: int64 class numbers, or float32 targets for regression."""

    text: list[str]
    pair: list[str] | None
    labels: np.ndarray

    def __post_init__(self) -> None:
        if len(self.text) != len(self.labels) or (self.pair is not None and len(self.pair) != len(self.text)):
            raise ValueError("Texts, second texts and labels must have the same length.")

    def __len__(self) -> int:
        return len(self.text)

    def take(self, rows: np.ndarray) -> Examples:
        """Return the examples at these positions, in this order."""
        pair = self.pair
        return Examples(
            text=[self.text[i] for i in rows],
            pair=None if pair is None else [pair[i] for i in rows],
            labels=self.labels[rows],
        )
