"""A lesson's file cut into its pieces, each with its line: front matter, pages, and the sections of each. Pure.

The grammar: front matter between two lines ``---``; a text; then pages. A page is ``## Title``, a block of YAML fenced
as ```` ```yaml ````, a text, and sections ``### Do``, ``### Hint``, ``### Then``, each at most once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from spafit.lessons.problems import Problem

FENCE, OPEN = "---", "```yaml"
CLOSE = "```"
SECTIONS = ("Do", "Hint", "Then")


@dataclass
class Text:
    """Lines of the file in a row; ``line`` is the first one's number."""

    line: int
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The lines, joined."""
        return "\n".join(self.lines)

    @property
    def empty(self) -> bool:
        """Whether nothing but space is in it."""
        return not self.text.strip()


@dataclass
class Section:
    """A page before its parts are read."""

    title: str
    line: int
    text: Text
    settings: Text | None = None
    sections: dict[str, Text] = field(default_factory=dict)


@dataclass
class Layout:
    """A whole file before its parts are read."""

    front: Text
    intro: Text
    pages: list[Section]


def cut(text: str, problems: list[Problem]) -> Layout:
    """Return a file's pieces; what does not follow the grammar is added to the problems."""
    lines = text.split("\n")
    front, at = _front(lines, problems)
    layout = Layout(front, Text(at + 1), [])
    place: Text | None = layout.intro
    while at < len(lines):
        line, number = lines[at], at + 1
        at += 1
        if line.startswith("## "):
            page = Section(line[3:].strip(), number, Text(number + 1))
            layout.pages.append(page)
            page.settings, at = _settings(lines, at, problems)
            if page.settings is None:
                problems.append(Problem(number, f"Under the title of a page comes a block that begins with {OPEN}."))
            page.text = place = Text(at + 1)
        elif line.startswith("### "):
            place = _section(layout, line[4:].strip(), number, problems)
        elif line.startswith("# "):
            problems.append(Problem(number, "A page begins with '## '; the lesson's title stands in the front matter."))
        elif place is not None:
            place.lines.append(line)
    return layout


def _front(lines: list[str], problems: list[Problem]) -> tuple[Text, int]:
    """Return the front matter and where the rest begins, counted from 0."""
    if not lines or lines[0].strip() != FENCE:
        problems.append(Problem(1, f"A lesson begins with a line {FENCE}, and its front matter ends with another."))
        return Text(1), 0
    for at in range(1, len(lines)):
        if lines[at].strip() == FENCE:
            return Text(2, lines[1:at]), at + 1
    problems.append(Problem(1, f"The front matter that begins here has no line {FENCE} at its end."))
    return Text(2), len(lines)


def _settings(lines: list[str], at: int, problems: list[Problem]) -> tuple[Text | None, int]:
    """Return the YAML under a title, and where what follows begins; None where there is none."""
    start = at
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start == len(lines) or lines[start].strip() != OPEN:
        return None, at
    for end in range(start + 1, len(lines)):
        if lines[end].strip() == CLOSE:
            return Text(start + 2, lines[start + 1 : end]), end + 1
        if lines[end].startswith("## "):
            break
    problems.append(Problem(start + 1, f"The block that begins here has no line {CLOSE} at its end."))
    return Text(start + 2), start + 1


def _section(layout: Layout, name: str, number: int, problems: list[Problem]) -> Text:
    """Begin a section of the last page; its text belongs to nobody where it cannot be."""
    text = Text(number + 1)
    if not layout.pages:
        problems.append(Problem(number, "This section stands before the first page; a page begins with '## '."))
    elif name not in SECTIONS:
        problems.append(Problem(number, f"{name[:40]!r} is no section; the sections are {', '.join(SECTIONS)}."))
    elif name in layout.pages[-1].sections:
        problems.append(Problem(number, f"This page has a section {name!r} already."))
    else:
        layout.pages[-1].sections[name] = text
    return text
