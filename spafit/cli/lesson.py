"""``spafit lesson``."""

from __future__ import annotations

import argparse
from pathlib import Path

from spafit.cli.output import note, print_json
from spafit.errors import SpafitError
from spafit.files import read_at_most, write_whole
from spafit.lessons.library import SHIPPED
from spafit.lessons.read import MAX_BYTES, read


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what to do and the file."""
    parser.add_argument("action", choices=("check", "copy"), help="check a lesson, or copy the one that ships")
    parser.add_argument("file", metavar="FILE", help="the lesson to check, or the new file to copy to")


def run(chosen: argparse.Namespace) -> int:
    """Check a lesson's file, or write the shipped one into a new file."""
    path = Path(chosen.file)
    return _copy(path, chosen.json) if chosen.action == "copy" else _check(path, chosen.json)


def _copy(path: Path, as_json: bool) -> int:
    if path.exists():
        raise SpafitError(f"{path} is there already; name a new file.")
    write_whole(path, SHIPPED.read_bytes())
    if as_json:
        print_json({"schema": 1, "file": str(path)})
    else:
        note(f"Copied to {path}. Change it, then: spafit lesson check {path}")
    return 0


def _check(path: Path, as_json: bool) -> int:
    lesson = read(read_at_most(path, MAX_BYTES + 1))
    if as_json:
        pages = [{"title": page.title, "line": page.line, "parts": list(page.parts)} for page in lesson.pages]
        print_json({"schema": 1, "key": lesson.key, "title": lesson.title, "minutes": lesson.minutes, "pages": pages})
    else:
        print(f"{lesson.title}: {len(lesson.pages)} pages, {lesson.model} on {lesson.task}. No errors.")
    return 0
