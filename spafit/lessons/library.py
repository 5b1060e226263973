"""Where lessons come from: the one that ships, and those that somebody gave to this server, each by its key."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from spafit.errors import SpafitError
from spafit.files import write_whole
from spafit.home import spafit_home
from spafit.lessons.read import read
from spafit.lessons.values import Lesson

SHIPPED = Path(__file__).with_name("layers.md")
MOST_KEPT = 100
_KEY = re.compile(r"[0-9a-f]{12}")


@functools.cache
def shipped() -> Lesson:
    """Return the lesson that comes with the project."""
    return read(SHIPPED.read_bytes())


def keep(content: bytes) -> Lesson:
    """Check a lesson and keep it, so that its link works for everybody who reaches this server; return it.

    Raises:
        SpafitError: it has errors, or this server keeps as many lessons as it can.
    """
    lesson = read(content)
    path = _folder() / f"{lesson.key}.md"
    if lesson.key != shipped().key and not path.exists():
        if len(list(_folder().glob("*.md"))) >= MOST_KEPT:
            raise SpafitError(
                f"This server keeps {MOST_KEPT} lessons already; whoever runs it can remove some from its folder "
                "'lessons'."
            )
        write_whole(path, lesson.source.encode("utf-8"))
    return lesson


def find(key: str) -> Lesson:
    """Return the lesson with a key; the shipped one for an empty key.

    Raises:
        SpafitError: there is none with this key here, or what it needs is gone.
    """
    if not key or key == shipped().key:
        return shipped()
    path = _folder() / f"{key}.md"
    if not _KEY.fullmatch(key) or not path.is_file():
        raise SpafitError("There is no such lesson here: lessons are kept on the server to which they were given.")
    return read(path.read_bytes())


def _folder() -> Path:
    return spafit_home() / "lessons"
