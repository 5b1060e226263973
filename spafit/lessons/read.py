"""Reading a lesson: its whole file is checked, and everything that is wrong with it is told at once, by line. Pure."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from typing import TypeVar

from spafit.errors import SpafitError
from spafit.lessons.conditions import parse_condition
from spafit.lessons.facts import parse_expression
from spafit.lessons.fields import Field, read_fields
from spafit.lessons.layout import Section, Text, cut
from spafit.lessons.problems import LessonError, Problem
from spafit.lessons.prose import Prose, read_prose
from spafit.lessons.values import LARGEST, PARTS, SMALLEST, Choice, Lesson, Page, Question
from spafit.models.load import load_anatomy
from spafit.models.registry import BUNDLED, catalogue
from spafit.stratification import parse_name
from spafit.tasks import get_task

MAX_BYTES = 64_000
MAX_PAGES = 40
MAX_TITLE = 80
MAX_QUESTION = 300
MAX_CHOICES = 8
VERSION = "1"
FRONT = ("lesson", "title", "minutes", "model", "task")
FIELDS = ("show", "start", "done", "ask", "choices", "right", "number", "within")
FIRST_TASK = "rotten-tomatoes"
MAX_LAYERS = 1000
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")
_Found = TypeVar("_Found")


def read(content: bytes) -> Lesson:
    """Return the lesson in a file.

    Raises:
        LessonError: the file cannot be used; it has every reason with its line.
    """
    if len(content) > MAX_BYTES:
        raise LessonError([Problem(1, f"The file has {len(content):,} bytes and may have {MAX_BYTES:,}.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LessonError([Problem(line, "The file is not UTF-8 text; save it as UTF-8.")]) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reading = _Reading()
    lesson = reading.lesson(text)
    if reading.problems:
        raise LessonError(reading.problems)
    return lesson


class _Reading:
    """A file on its way to a lesson; goes on after a problem, so that all of them are found."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.num_layers = 0

    def refuse(self, line: int, text: str) -> None:
        self.problems.append(Problem(line, text))

    def trying(self, line: int, read: Callable[[], _Found]) -> _Found | None:
        """Return what is read, or None where it cannot be, which is then a problem of this line."""
        try:
            return read()
        except SpafitError as error:
            self.refuse(line, str(error))
            return None

    def lesson(self, text: str) -> Lesson:
        for found in _UNPRINTABLE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            self.refuse(line, f"There is a letter that cannot be shown (U+{ord(found[0]):04X}).")
        layout = cut(text, self.problems)
        front = read_fields(layout.front.text, layout.front.line, FRONT, self.problems)
        model, task = self.model(front.get("model")), self.task(front.get("task"))
        pages = tuple(self.page(page) for page in layout.pages[:MAX_PAGES])
        if not pages:
            self.refuse(1, "There is no page; a page begins with '## ' and its title.")
        if len(layout.pages) > MAX_PAGES:
            more = layout.pages[MAX_PAGES].line
            self.refuse(more, f"A lesson has at most {MAX_PAGES} pages, and this one has {len(layout.pages)}.")
        self.version(front.get("lesson"))
        key = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
        title, minutes = self.title(front.get("title")), self.minutes(front.get("minutes"))
        return Lesson(key, title, minutes, model, task, self.prose(layout.intro), pages, text)

    def version(self, field: Field | None) -> None:
        if field is None:
            self.refuse(1, f"The front matter has no field 'lesson: {VERSION}', which says how the file is written.")
        elif field.text != VERSION:
            self.refuse(field.line, f"This version of spafit reads lessons of version {VERSION}.")

    def title(self, field: Field | None) -> str:
        if field is None or not field.text:
            self.refuse(1 if field is None else field.line, "The front matter has no title.")
            return ""
        if len(field.text) > MAX_TITLE:
            self.refuse(field.line, f"The title has {len(field.text)} letters and may have {MAX_TITLE}.")
        return field.text

    def minutes(self, field: Field | None) -> int:
        if field is None:
            return 0
        if not re.fullmatch(r"[1-9]\d{0,2}", field.text, re.ASCII):
            self.refuse(field.line, "The minutes are a whole number from 1 to 999.")
            return 0
        return int(field.text)

    def model(self, field: Field | None) -> str:
        """Read the model, which must be in the catalogue: a file from elsewhere names no folders and no downloads."""
        key, line = (BUNDLED, 1) if field is None else (field.text, field.line)
        if key not in catalogue():
            self.refuse(line, f"{key[:60]!r} is no model of the catalogue; 'spafit models' lists their keys.")
            key = BUNDLED
        anatomy = self.trying(line, lambda: load_anatomy(key))
        self.num_layers = anatomy.num_layers if anatomy else MAX_LAYERS
        return key

    def task(self, field: Field | None) -> str:
        if field is None:
            return FIRST_TASK
        task = self.trying(field.line, lambda: get_task(field.text))
        return FIRST_TASK if task is None else task.key

    def prose(self, text: Text | None) -> Prose | None:
        if text is None or text.empty:
            return None
        return read_prose(text.text, text.line, self.num_layers, self.problems)

    def page(self, page: Section) -> Page:
        if not page.title or len(page.title) > MAX_TITLE:
            self.refuse(page.line, f"The title of a page has 1 to {MAX_TITLE} letters.")
        if page.text.empty:
            self.refuse(page.line, "This page has no text.")
        settings = page.settings or Text(page.line)
        fields = read_fields(settings.text, settings.line, FIELDS, self.problems)
        start, done = fields.get("start"), fields.get("done")
        for name in ("start", "done", "ask", "right", "number", "within"):
            if (field := fields.get(name)) and not field.text:
                self.refuse(field.line, f"The field {name!r} is a text.")
        question = self.question(fields)
        if (done or question) and page.sections.get("Do", Text(0)).empty:
            self.refuse(page.line, "This page has something to do, so it needs a section '### Do' that says what.")
        return Page(
            page.title,
            page.line,
            self.prose(page.text) or (),
            self.parts(fields.get("show")),
            self.trying(start.line, lambda: parse_name(start.text, self.num_layers)) if start and start.text else None,
            self.trying(done.line, lambda: parse_condition(done.text, self.num_layers)) if done and done.text else None,
            question,
            *(self.prose(page.sections.get(name)) for name in ("Do", "Hint", "Then")),
        )

    def parts(self, field: Field | None) -> tuple[str, ...]:
        if field is None:
            return ()
        if isinstance(field.value, tuple):
            words = [(one.line, one.text) for one in field.value]
        elif isinstance(field.value, str):
            words = [(field.line, word.strip()) for word in field.value.split(",") if word.strip()]
        else:
            words = [(field.line, "")]
        for line, word in words:
            if word not in PARTS:
                self.refuse(line, f"{word[:40]!r} is no part of the app; the parts are {', '.join(PARTS)}.")
        chosen = {word for _line, word in words}
        if "scores" in chosen and "ribbon" not in chosen:
            self.refuse(field.line, "The scores stand on the ribbon: show the ribbon too.")
        return tuple(part for part in PARTS if part in chosen)

    def question(self, fields: dict[str, Field]) -> Question | None:
        ask = fields.get("ask")
        if ask is None:
            for name in ("choices", "right", "number", "within"):
                if field := fields.get(name):
                    self.refuse(field.line, f"The field {name!r} belongs to a question, which 'ask' asks.")
            return None
        if len(ask.text) > MAX_QUESTION:
            self.refuse(ask.line, f"The question has {len(ask.text)} letters and may have {MAX_QUESTION}.")
        choices, number = fields.get("choices"), fields.get("number")
        if (choices is None) == (number is None):
            self.refuse(ask.line, "A question has either 'choices' or a 'number'.")
            return None
        if number:
            return self.number_question(ask, number, fields)
        if within := fields.get("within"):
            self.refuse(within.line, "Only a question for a number has 'within'.")
        return self.choice_question(ask, choices, fields.get("right")) if choices else None

    def number_question(self, ask: Field, number: Field, fields: dict[str, Field]) -> Question | None:
        if right := fields.get("right"):
            self.refuse(right.line, "The right answer to a question for a number is the 'number' itself.")
        found = self.trying(number.line, lambda: parse_expression(number.text, self.num_layers))
        if found is not None and found.is_name:
            self.refuse(number.line, f"{number.text[:40]!r} is no number.")
        within = fields.get("within")
        text = within.text if within else ""
        if within is None:
            self.refuse(ask.line, "A question for a number needs 'within': how far an answer may be from it.")
        elif not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text, re.ASCII) or not math.isfinite(float(text)):
            self.refuse(within.line, "The field 'within' is a number of at least 0.")
            text = ""
        return Question(ask.text, number=found, within=float(text or 0))

    def choice_question(self, ask: Field, field: Field, right: Field | None) -> Question:
        choices: list[Choice] = []
        if isinstance(field.value, dict):
            for text, value in field.value.items():
                found = self.trying(value.line, lambda value=value: parse_expression(value.text, self.num_layers))
                if found is not None and found.is_name:
                    self.refuse(value.line, f"{value.text[:40]!r} is no number, which a choice is judged by.")
                choices.append(Choice(text, found))
        elif isinstance(field.value, tuple):
            choices = [Choice(one.text) for one in field.value]
        texts = [choice.text for choice in choices]
        if not 2 <= len(texts) <= MAX_CHOICES or len(set(texts)) < len(texts):
            self.refuse(field.line, f"A question has 2 to {MAX_CHOICES} choices, each another.")
        if any(not text or len(text) > MAX_TITLE for text in texts):
            self.refuse(field.line, f"A choice has 1 to {MAX_TITLE} letters.")
        computed = isinstance(field.value, dict)
        allowed = [LARGEST, SMALLEST] if computed else texts
        if right is not None and right.text not in allowed:
            self.refuse(right.line, f"The right answer is one of: {', '.join(allowed)[:300]}.")
        if computed and right is None:
            self.refuse(field.line, f"These choices have values, so 'right' says which is: {LARGEST} or {SMALLEST}.")
        return Question(ask.text, tuple(choices), right.text if right else "")
