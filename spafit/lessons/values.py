"""A lesson as it is after reading: pages in order, each with its text, what it shows and when it is complete."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.lessons.conditions import Condition
from spafit.lessons.facts import Expression
from spafit.lessons.prose import Prose
from spafit.stratification import Stratification

PARTS = {
    "ribbon": "the layers with their two boundaries, and the count",
    "scores": "on the ribbon: how well the setting did, where it is measured",
    "methods": "the named starting points",
    "counts": "trainable parameters, layer by layer",
    "comparison": "the methods beside each other",
    "cost": "memory and operations of a training step",
    "recipes": "boundaries as numbers, the method of each stratum, LoRA's settings",
    "map": "the triangle of all settings, score against parameters",
    "run": "train the setting, and watch it",
    "advice": "where advisors would put the boundaries",
}
"""What a page can show of the app, in the order in which it is drawn."""
LARGEST, SMALLEST = "largest", "smallest"


@dataclass(frozen=True)
class Choice:
    """An answer to choose; ``value`` is what decides whether it is right, where the app computes that."""

    text: str
    value: Expression | None = None


@dataclass(frozen=True)
class Question:
    """A question with choices, or for a number; an answer is locked once it is given."""

    text: str
    choices: tuple[Choice, ...] = ()
    right: str = ""
    """`LARGEST` or `SMALLEST` of the choices' values, the text of a choice, or empty: every answer counts."""
    number: Expression | None = None
    """What is asked for, where it is a number."""
    within: float = 0.0
    """How far from the number an answer may be."""


@dataclass(frozen=True)
class Page:
    """A page of a lesson; ``line`` is where it begins in the file."""

    title: str
    line: int
    text: Prose
    parts: tuple[str, ...] = ()
    start: Stratification | None = None
    """The setting that the page begins with; None leaves the one of the page before."""
    done: Condition | None = None
    question: Question | None = None
    task: Prose | None = None
    hint: Prose | None = None
    then: Prose | None = None
    """Shown once the page is complete."""

    @property
    def needs_scores(self) -> bool:
        """Whether the page can only be completed where something is measured."""
        asked = () if self.question is None else (self.question.number, *(one.value for one in self.question.choices))
        conditions = () if self.done is None else self.done.expressions
        return any(one is not None and one.fact is not None and one.fact.measured for one in (*asked, *conditions))


@dataclass(frozen=True)
class Lesson:
    """A whole lesson; ``key`` stands for its exact text."""

    key: str
    title: str
    minutes: int
    model: str
    task: str
    intro: Prose | None
    pages: tuple[Page, ...]
    source: str
    """The file's text, to be copied and changed."""
