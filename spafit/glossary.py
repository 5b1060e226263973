"""The vocabulary of the field as it is used here: what tooltips and docs/glossary.md say, from one file."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("glossary.toml")


@dataclass(frozen=True, slots=True)
class Term:
    """A term with its definition in one or two plain sentences; ``source`` is empty where it has no one author."""

    key: str
    name: str
    tip: str
    source: str = ""


@cache
def sections() -> dict[str, tuple[Term, ...]]:
    """Return the terms by the heading they stand under, in the file's order."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        section["title"]: tuple(Term(key, **entry) for key, entry in section["term"].items())
        for section in document["section"]
    }


@cache
def terms() -> dict[str, Term]:
    """Return every term by its key."""
    return {term.key: term for group in sections().values() for term in group}


def term(key: str) -> Term:
    """Return a term. A test holds every key in the code to the file."""
    return terms()[key]


def tip(key: str) -> str:
    """Return a term's definition, as a tooltip shows it."""
    return terms()[key].tip


def markdown() -> str:
    """Return docs/glossary.md."""
    lines = ["# Glossary", "", "What the words mean here. Tooltips in the app say the same (`spafit/glossary.toml`)."]
    for title, group in sections().items():
        lines += ["", f"## {title}", "", "| term | meaning | source |", "|---|---|---|"]
        lines += [f"| **{term.name}** | {term.tip} | {term.source} |" for term in group]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())
