"""Which column of a table is what: guessed from names and contents, corrected by a person. Pure functions."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from spafit.tasks.task import CLASSIFICATION, REGRESSION, TaskError
from spafit.tasks.upload.tables import Table

CLASSES = 1000  # the most classes that can be learned
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")
WHOLE = re.compile(r"[-+]?\d+(\.0*)?")
NO_NUMBER = ("", "nan", "null", "none", "na", "n/a")  # what stands for a number that is missing
INFINITE = ("inf", "infinity")
TEXT_NAMES = ("text", "sentence", "sentence1", "premise", "question1", "question", "review", "content", "body", "title")
LABEL_NAMES = ("label", "labels", "class", "category", "target", "sentiment", "score", "rating", "stars", "topic", "y")
SPLIT_NAMES = ("split", "set", "part", "partition", "subset", "fold")
SECOND_NAMES = {
    "sentence1": ("sentence2",),
    "premise": ("hypothesis",),
    "question1": ("question2",),
    "text1": ("text2",),
    "text_a": ("text_b",),
    "question": ("sentence", "answer", "passage", "context"),
}
KNOWN_NAMES = frozenset((*TEXT_NAMES, *LABEL_NAMES, *SPLIT_NAMES, *SECOND_NAMES, *sum(SECOND_NAMES.values(), ())))
SPLIT_VALUES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}


@dataclass(frozen=True)
class Columns:
    """What is read from a table: one or two texts, what is to be learned, and perhaps which part a row belongs to."""

    text: str
    label: str
    kind: str = CLASSIFICATION
    pair: str | None = None
    split: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def check(self, table: Table, name: str) -> None:
        """Raise `TaskError` when a column is not in the table, one is named twice, or the kind is unknown."""
        named = [column for column in (self.text, self.pair, self.label, self.split) if column is not None]
        for column in named:
            if column not in table.columns:
                raise TaskError(f"{name} has no column “{column}”; it has {', '.join(table.columns)}.")
            if named.count(column) > 1:
                raise TaskError(f"The column “{column}” is chosen twice; text, label and split are different columns.")
        if self.kind not in (CLASSIFICATION, REGRESSION):
            raise TaskError(f"What is learned must be {CLASSIFICATION} or {REGRESSION}, not {self.kind!r}.")


@dataclass(frozen=True)
class Profile:
    """What a column looks like."""

    name: str
    filled: int  # cells that are not empty
    distinct: int  # different cells among them
    mean_length: float  # characters
    numeric: bool  # every filled cell is a number, or says that one is missing
    whole: bool  # and a whole number


def profile(table: Table, name: str) -> Profile:
    """Look at one column of a table."""
    counts: dict[str, int] = {}
    for entry in table.columns[name].value_counts().to_pylist():
        cell = (entry["values"] or "").strip()
        if cell:
            counts[cell] = counts.get(cell, 0) + entry["counts"]
    filled = sum(counts.values())
    numbers = [cell for cell in counts if cell.lower().lstrip("+-") not in (*NO_NUMBER, *INFINITE)]
    return Profile(
        name=name,
        filled=filled,
        distinct=len(counts),
        mean_length=sum(len(cell) * count for cell, count in counts.items()) / max(filled, 1),
        numeric=bool(numbers) and all(NUMBER.fullmatch(cell) for cell in numbers),
        whole=bool(numbers) and all(WHOLE.fullmatch(cell) for cell in numbers),
    )


def guess(table: Table) -> Columns:
    """The most likely choice of columns; a person should see it before it counts.

    Raises:
        TaskError: there are fewer than two columns with anything in them.
    """
    profiles = [profile(table, name) for name in table.columns]
    filled = [p for p in profiles if p.filled]
    if len(filled) < 2:
        raise TaskError("The table needs at least two columns with something in them: a text and a label.")
    split = _split(table, filled)
    label = _label([p for p in filled if p.name != split])
    texts = [p for p in filled if p.name not in (split, label.name)]
    if not texts:
        split, texts = None, [p for p in filled if p.name != label.name]
    text = _named(texts, TEXT_NAMES) or max(texts, key=lambda p: (not p.numeric, p.mean_length))
    by_name = {p.name.lower(): p.name for p in texts}
    seconds = SECOND_NAMES.get(text.name.lower(), ())
    pair = next((by_name[second] for second in seconds if second in by_name), None)
    regression = label.numeric and (not label.whole or label.distinct > 20)
    return Columns(text.name, label.name, REGRESSION if regression else CLASSIFICATION, pair, split)


def _split(table: Table, profiles: list[Profile]) -> str | None:
    for p in profiles:
        if p.name.lower() in SPLIT_NAMES and p.distinct <= len(SPLIT_VALUES):
            values = {(cell or "").strip().lower() for cell in table.columns[p.name].unique().to_pylist()} - {""}
            if values <= SPLIT_VALUES.keys() and "train" in {SPLIT_VALUES[value] for value in values}:
                return p.name
    return None


def _label(profiles: list[Profile]) -> Profile:
    named = _named(profiles, LABEL_NAMES)
    if named is not None and len(profiles) > 1:
        return named
    classes = [p for p in profiles if 2 <= p.distinct <= min(100, max(p.filled // 2, 2)) and p.mean_length < 50]
    numbers = [p for p in profiles if p.numeric and p.distinct > 1]
    # the last of several: a label usually follows its text
    return min(reversed(classes or numbers or profiles), key=lambda p: p.mean_length)


def _named(profiles: list[Profile], names: tuple[str, ...]) -> Profile | None:
    by_name = {p.name.lower(): p for p in reversed(profiles)}
    return next((by_name[name] for name in names if name in by_name), None)
