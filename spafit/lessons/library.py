"""Where lessons come from: the one that ships, and those that somebody gave to this server, each by its key.

A lesson belongs to whoever gave it first; they, or an administrator, delete it.
"""

from __future__ import annotations

import contextlib
import functools
import re
from pathlib import Path

from spafit.errors import SpafitError
from spafit.files import write_whole
from spafit.home import spafit_home
from spafit.lessons.read import read
from spafit.lessons.values import Lesson
from spafit.runs import Actor, Store, uploads
from spafit.runs.rights import require_change, require_submit

SHIPPED = Path(__file__).with_name("layers.md")
MOST_KEPT = 100
_KEY = re.compile(r"[0-9a-f]{12}")


@functools.cache
def shipped() -> Lesson:
    """Return the lesson that comes with the project."""
    return read(SHIPPED.read_bytes())


def keep(content: bytes, by: Actor | None = None) -> Lesson:
    """Check a lesson and keep it, so that its link works for everybody who reaches this server; return it.

    Raises:
        SpafitError: it has errors, whoever gives it has no owner's id, or this server keeps as many as it can.
    """
    actor = require_submit(by)
    lesson = read(content)
    path = _folder() / f"{lesson.key}.md"
    if lesson.key != shipped().key and not path.exists():
        if len(list(_folder().glob("*.md"))) >= MOST_KEPT:
            raise SpafitError(
                f"This server keeps {MOST_KEPT} lessons already; their owners or an administrator can delete some."
            )
        write_whole(path, lesson.source.encode("utf-8"))
        uploads.claim(Store.open(), _subject(lesson.key), actor)
    return lesson


def deletable(actor: Actor) -> list[Lesson]:
    """Return the kept lessons that somebody may delete, those that cannot be read any more left out."""
    store = Store.open()
    keys = sorted(path.stem for path in _folder().glob("*.md"))
    found = []
    for key in keys:
        if uploads.may_delete(store, _subject(key), actor):
            with contextlib.suppress(SpafitError):
                found.append(find(key))
    return found


def delete(lesson: Lesson, by: Actor | None) -> None:
    """Delete a kept lesson for everybody.

    Raises:
        SpafitError: it is somebody else's, or its file cannot be removed.
    """
    store, subject = Store.open(), _subject(lesson.key)
    actor = require_change(by, uploads.owner_of(store, subject), f"The lesson {lesson.title}")
    path = _folder() / f"{lesson.key}.md"
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise SpafitError(f"The lesson {lesson.title} cannot be deleted ({error.strerror}).") from error
    uploads.forget(store, subject, actor)


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


def _subject(key: str) -> str:
    """Return what a lesson is called where it is written down whose it is."""
    return f"lesson-{key}"


def _folder() -> Path:
    return spafit_home() / "lessons"
