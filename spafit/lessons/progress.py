"""How far somebody is in their lessons, as one short text that a cookie holds; whatever is read from it is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from spafit.quantities import is_whole

SCHEMA_VERSION = 1
MAX_CHARS = 3000
MOST_LESSONS = 4
MOST_PAGES = 40
MAX_ANSWER = 24


@dataclass(frozen=True)
class Progress:
    """The page somebody is on, those that are complete, and locked answers by page; all counted from 0."""

    at: int = 0
    done: frozenset[int] = frozenset()
    answers: Mapping[int, str] = field(default_factory=dict)
    """The number of the choice, or the number that was answered."""

    def to(self, page: int) -> Progress:
        """Return the progress on another page."""
        return replace(self, at=page)

    def complete(self, page: int) -> Progress:
        """Return the progress with a page complete; it stays so."""
        return replace(self, done=self.done | {page})

    def answered(self, page: int, answer: str) -> Progress:
        """Return the progress with an answer; the first one stays."""
        return self if page in self.answers else replace(self, answers={**self.answers, page: answer[:MAX_ANSWER]})


def to_text(lessons: Mapping[str, Progress]) -> str:
    """Return the last few lessons' progress, by key, as a short text."""
    kept = list(lessons.items())[-MOST_LESSONS:]
    while True:
        text = json.dumps({"v": SCHEMA_VERSION, **{key: _packed(one) for key, one in kept}}, separators=(",", ":"))
        if len(text) <= MAX_CHARS or not kept:
            return text
        kept = kept[1:]


def _packed(progress: Progress) -> list[object]:
    return [progress.at, sorted(progress.done), {str(page): text for page, text in progress.answers.items()}]


def from_text(text: str) -> dict[str, Progress]:
    """Return the progress by lesson's key; nothing where the text is none that `to_text` wrote."""
    try:
        document = json.loads(text) if len(text) <= MAX_CHARS else None
    except (ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.pop("v", None) != SCHEMA_VERSION:
        return {}
    found = {key: _unpacked(value) for key, value in list(document.items())[:MOST_LESSONS]}
    return {key: one for key, one in found.items() if one is not None}


def _unpacked(value: object) -> Progress | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    at, done, answers = value
    if not _is_page(at) or not isinstance(done, list) or not isinstance(answers, dict):
        return None
    said = {
        int(page): text
        for page, text in answers.items()
        if page.isascii() and page.isdigit() and _is_page(int(page[:9])) and isinstance(text, str)
    }
    short = {page: text for page, text in said.items() if len(text) <= MAX_ANSWER}
    return Progress(at, frozenset(page for page in done if _is_page(page)), short)


def _is_page(value: object) -> bool:
    return is_whole(value, 0, MOST_PAGES - 1)
