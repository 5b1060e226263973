"""A lesson's file: what is right is read, and every error is told with the line that it stands on, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.lessons.facts import FACTS
from spafit.lessons.library import SHIPPED, shipped
from spafit.lessons.problems import LessonError
from spafit.lessons.read import FIELDS, MAX_BYTES, MAX_PAGES, read
from spafit.lessons.values import PARTS

LESSON = """\
---
lesson: 1
title: A short one
minutes: 5
model: minilm-l6
task: rotten-tomatoes
---

Hello.

## First

```yaml
show: ribbon
start: SPAFIT-2-4
done: n1 < 2
```

The model has {{layers}} layers.

### Do

Move it.

## Second

```yaml
show: [ribbon, scores]
ask: Which?
choices:
  BitFit: trainable BitFit
  LoRA: trainable LoRA
right: largest
```

A text.

### Do

Say which.
"""
LINES = LESSON.split("\n")
IN_TEXT = (8, 19, 23, 37, 41)
"""Lines of the file, from 1, after which a paragraph may stand."""


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(LessonError) as caught:
        read(text.encode())
    return [(problem.line, problem.text) for problem in caught.value.problems]


def with_line(after: int, line: str) -> str:
    """Return the lesson with a paragraph after a line; it stands two lines further down."""
    return "\n".join([*LINES[:after], "", line, "", *LINES[after:]])


def test_the_shipped_lesson_is_right_and_has_what_it_promises() -> None:
    lesson = shipped()
    assert 15 <= lesson.minutes <= 25 and len(lesson.pages) >= 10
    assert {part for page in lesson.pages for part in page.parts} >= {
        "ribbon",
        "counts",
        "map",
        "run",
        "advice",
        "cost",
    }
    assert all(page.task and page.then for page in lesson.pages[:-1])
    assert read(SHIPPED.read_bytes()) == lesson


def test_a_lesson_is_read_as_it_is_written() -> None:
    lesson = read(LESSON.encode())
    first, second = lesson.pages
    assert (lesson.title, lesson.minutes, first.line, second.line) == ("A short one", 5, 11, 25)
    assert first.start and (first.start.name, first.parts) == ("SPAFIT-2-4", ("ribbon",))
    assert second.question and [choice.text for choice in second.question.choices] == ["BitFit", "LoRA"]
    assert read(LESSON.replace("\n", "\r\n").encode("utf-8-sig")).pages == lesson.pages


BAD_TEXTS = (
    "{{nothing}}",
    "{{trainable",
    "{{score SPAFIT-2-9}}",
    "{{layers SPAFIT-2-4}}",
    "<script>alert(1)</script>",
    "a <img src=x onerror=alert(1)> b",
    "![x](https://example.org/x.png)",
    "[x](javascript:alert(1))",
    "[x](http://example.org)",
    '[x](https://example.org/(a)"b)',
    "    indented as code",
    "> said",
    "#### deeper",
    "# Another title",
    "a\u202eb",
    "a\x00b",
)


@given(st.sampled_from(IN_TEXT), st.sampled_from(BAD_TEXTS))
def test_what_is_wrong_in_a_text_is_told_with_its_line(after: int, line: str) -> None:
    found = problems(with_line(after, line))
    assert [number for number, _ in found] == [after + 2], found


@given(st.sets(st.sampled_from(IN_TEXT), min_size=1), st.data())
def test_all_errors_are_told_at_once(places: set[int], data: st.DataObject) -> None:
    text, expected = list(LINES), []
    for place in sorted(places, reverse=True):
        text[place:place] = ["", data.draw(st.sampled_from(BAD_TEXTS)), ""]
    for added, place in enumerate(sorted(places)):
        expected.append(place + 2 + 3 * added)
    assert [number for number, _ in problems("\n".join(text))] == expected


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("lesson: 1", "lesson: 2", 2, "version 1"),
        ("title: A short one", "", 1, "no title"),
        ("minutes: 5", "minutes: five", 4, "whole number"),
        ("minutes: 5", "minuts: 5", 4, "'minuts' is no field here"),
        ("model: minilm-l6", "model: /etc", 5, "no model of the catalogue"),
        ("model: minilm-l6", "model: someone/else", 5, "no model of the catalogue"),
        ("task: rotten-tomatoes", "task: tomatoes", 6, "tomatoes"),
        ("show: ribbon\n", "show: ribbons\n", 14, "'ribbons' is no part"),
        ("show: ribbon\n", "show: {a: {b: {c: d}}}\n", 14, "nested too deep"),
        ("show: ribbon\n", "show: !!python/object:os.system ribbon\n", 14, "The tag"),
        ("show: ribbon\n", "show: ribbon\nshow: counts\n", 15, "a second time"),
        ("show: [ribbon, scores]", "show: [scores]", 28, "show the ribbon too"),
        ("start: SPAFIT-2-4", "start: SPAFIT-2-9", 15, "9"),
        ("start: SPAFIT-2-4", "start: [a, b]", 15, "is a text"),
        ("start: SPAFIT-2-4", "start: [a, b", 16, "not YAML"),
        ("done: n1 < 2", "done: n1 <2", 16, "no comparison"),
        ("done: n1 < 2", "done: n9 < 2", 16, "no fact"),
        ("done: n1 < 2", "done: setting < SPAFIT-2-4", 16, "compares names"),
        ("done: n1 < 2", "done: n1 = SPAFIT-2-4", 16, "a name with a number"),
        ("right: largest", "right: biggest", 33, "one of: largest, smallest"),
        ("right: largest", "", 30, "'right' says which"),
        ("ask: Which?\n", "", 29, "belongs to a question"),
        ("ask: Which?", "ask: Which?\nnumber: trainable", 29, "either"),
        ("  LoRA: trainable LoRA\n", "", 30, "2 to"),
        ("  LoRA: trainable LoRA", "  LoRA: setting", 32, "no number"),
        ("### Do\n\nMove", "### Doing\n\nMove", 21, "'Doing' is no section"),
        ("### Do\n\nMove", "### Hint\n\nMove", 11, "needs a section '### Do'"),
        ("Move it.", "Move it.\n\n### Do\n\nAgain", 25, "already"),
        ("## First\n\n```yaml", "## First\n\n```json", 11, "```yaml"),
        ("done: n1 < 2\n```", "done: n1 < 2", 13, "no line ```"),
        ("task: rotten-tomatoes\n---", "task: rotten-tomatoes", 1, "no line ---"),
        ("The model has", "x" * 2000, 18, "keep it short"),
    ],
)
def test_what_is_wrong_in_a_field_or_a_heading_is_told_with_its_line(old: str, new: str, line: int, said: str) -> None:
    assert old in LESSON
    found = problems(LESSON.replace(old, new, 1))
    assert any(number == line and said in text for number, text in found), found


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_file_is_a_lesson_or_a_list_of_errors(content: bytes) -> None:
    with pytest.raises(LessonError) as caught:
        read(content)
    lines = content.count(b"\n") + content.count(b"\r") + 1
    assert caught.value.problems and all(1 <= problem.line <= lines for problem in caught.value.problems)


@given(st.integers(0, len(LESSON) - 1), st.text(alphabet="#-`{}[]:&*!|>\n\t \"'@x1", min_size=1, max_size=6))
def test_a_slip_anywhere_never_raises_anything_else(at: int, slip: str) -> None:
    text = LESSON[:at] + slip + LESSON[at:]
    try:
        read(text.encode())
    except LessonError as error:
        assert all(1 <= problem.line <= text.count("\n") + 1 for problem in error.problems)


def test_the_guide_for_teachers_has_every_fact_field_and_part() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "teaching.md").read_text(encoding="utf-8")
    for name in (*FACTS, *PARTS, *FIELDS):
        assert f"`{name}`" in guide, name
    example = guide.partition("````markdown\n")[2].partition("````")[0]
    assert read(f"---\nlesson: 1\ntitle: X\n---\n\n{example}".encode()).pages[0].then


def test_a_file_has_bounds() -> None:
    assert problems("x" * (MAX_BYTES + 1))[0][0] == 1
    page = "\n## P\n\n```yaml\n```\n\nText.\n"
    assert "at most" in str(problems(LESSON + page * MAX_PAGES))
    bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n" + "".join(f"d{i}: &d{i} [*c,*c]\n" for i in range(50))
    assert problems(LESSON.replace("show: ribbon\n", bomb, 1))
    assert problems(LESSON.replace("show: ribbon\n", "show: " + "[" * 20_000 + "\n", 1))
