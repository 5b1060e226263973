"""The text of a lesson: paragraphs and lists with emphasis, code and links; nothing that a browser would run or fetch.

A text is kept as what it means, not as Markdown, so that whoever shows it writes every letter of it anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from markdown_it import MarkdownIt
from markdown_it.token import Token

from spafit.errors import SpafitError
from spafit.lessons.facts import Expression, parse_expression
from spafit.lessons.problems import Problem

MAX_CHARS = 1500
"""Of one text: a page is read in a minute, and the rest of it is done."""
_FACT = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LINK = re.compile(r"https://[A-Za-z0-9][\w.-]*(?::\d+)?(?:/[\w./~%+,=&?#@-]*)?", re.ASCII)
_PARSER = MarkdownIt("commonmark")
_PARSER.validateLink = lambda url: True  # a link that is not allowed is told, not left as text
_REFUSED = {
    "html_block": "HTML",
    "html_inline": "HTML",
    "image": "an image",
    "fence": "a block of code",
    "code_block": "a block of code (a line that begins with four spaces)",
    "heading_open": "a heading of another level; pages begin with '## ', their parts with '### '",
    "hr": "a line across the page",
    "blockquote_open": "a quotation",
}
ALLOWED = "Texts are paragraphs and lists with *emphasis*, **strong**, `code`, links to https:// and {{facts}}."


class Mark(StrEnum):
    """How a piece of text is set off."""

    EMPHASIS = "em"
    STRONG = "strong"
    CODE = "code"


@dataclass(frozen=True)
class Piece:
    """Letters in a row that look alike, or a fact in their place; ``link`` is empty or an https address."""

    text: str
    fact: Expression | None = None
    marks: tuple[Mark, ...] = ()
    link: str = ""


@dataclass(frozen=True)
class Block:
    """A paragraph, or an item of a list at a depth of 1 or more; ``number`` is 0 where a list has none."""

    pieces: tuple[Piece, ...]
    depth: int = 0
    number: int = 0
    goes_on: bool = False
    """Whether it is a further paragraph of the item before."""


Prose = tuple[Block, ...]


def read_prose(text: str, line: int, num_layers: int, problems: list[Problem]) -> Prose:
    """Return what a text means; what is not allowed in it is added to the problems.

    Args:
        text: Markdown.
        line: of the file, where it begins.
        num_layers: of the model that facts are about.
        problems: to add to.
    """
    if len(text) > MAX_CHARS:
        problems.append(
            Problem(line, f"This text has {len(text):,} letters and may have {MAX_CHARS:,}: keep it short.")
        )
        return ()
    return tuple(_Reading(line, num_layers, problems).blocks(_PARSER.parse(text)))


class _Reading:
    """One text on its way through the parser's tokens."""

    def __init__(self, line: int, num_layers: int, problems: list[Problem]) -> None:
        self.first, self.num_layers, self.problems = line, num_layers, problems
        self.line = line

    def refuse(self, what: str) -> None:
        self.problems.append(Problem(self.line, what))

    def blocks(self, tokens: Sequence[Token]) -> Iterator[Block]:
        lists: list[int] = []  # the number of the next item, 0 for a list without numbers
        fresh = False
        for token in tokens:
            if token.map:
                self.line = self.first + token.map[0]
            if what := _REFUSED.get(token.type):
                self.refuse(f"There is {what}. {ALLOWED}")
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                lists.append(int(token.attrs.get("start", 1)) if token.type[0] == "o" else 0)
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                lists.pop()
            elif token.type == "list_item_open":
                fresh = True
            elif token.type == "inline" and not token.hidden:
                number = lists[-1] if lists else 0
                yield Block(tuple(self.pieces(token.children or ())), len(lists), number, bool(lists) and not fresh)
                if lists and lists[-1] and fresh:
                    lists[-1] += 1
                fresh = False

    def pieces(self, tokens: Sequence[Token]) -> Iterator[Piece]:
        marks: list[Mark] = []
        link = ""
        for token in tokens:
            match token.type:
                case "text":
                    yield from self.with_facts(token.content, tuple(marks), link)
                case "softbreak" | "hardbreak":
                    self.line += 1
                    yield Piece(" ", marks=tuple(marks), link=link)
                case "code_inline":
                    yield Piece(token.content, marks=(*marks, Mark.CODE), link=link)
                case "em_open" | "strong_open":
                    marks.append(Mark(token.tag))
                case "em_close" | "strong_close":
                    marks.pop()
                case "link_open":
                    link = self.checked(str(token.attrs.get("href", "")))
                case "link_close":
                    link = ""
                case other:
                    self.refuse(f"There is {_REFUSED.get(other, other)}. {ALLOWED}")

    def checked(self, address: str) -> str:
        if _LINK.fullmatch(address):
            return address
        self.refuse(f"The link to {address[:80]!r} is not allowed; links begin with https:// and have plain letters.")
        return ""

    def with_facts(self, text: str, marks: tuple[Mark, ...], link: str) -> Iterator[Piece]:
        at = 0
        for found in _FACT.finditer(text):
            if found.start() > at:
                yield Piece(text[at : found.start()], marks=marks, link=link)
            try:
                yield Piece("", parse_expression(found[1], self.num_layers), marks, link)
            except SpafitError as error:
                self.refuse(str(error))
            at = found.end()
        rest = text[at:]
        if "{{" in rest or "}}" in rest:
            self.refuse("Two braces stand alone; a fact is written {{trainable}}, on one line.")
        if rest:
            yield Piece(rest, marks=marks, link=link)
