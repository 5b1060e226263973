"""Any file that somebody brings, as a table of text: by its name's ending, checked against its content."""

from __future__ import annotations

import os
import re
from pathlib import Path

from spafit.tasks.task import TaskError
from spafit.tasks.upload.encodings import Decoded, decode
from spafit.tasks.upload.fasttext_files import is_fasttext, read_fasttext
from spafit.tasks.upload.json_files import read_json
from spafit.tasks.upload.parquet_files import read_parquet
from spafit.tasks.upload.separated import read_separated
from spafit.tasks.upload.tables import Table

FILE_MB = 200
FIRST_CHARACTERS = 100_000  # by which a text file's kind is known
FORMATS = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".json": "JSON",
    ".parquet": "Parquet",
    ".txt": "fastText, CSV or TSV",
    ".ft": "fastText",
}

# What a file of another kind starts with.
_SIGNATURES = (
    (b"PAR1", "Parquet"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
)


def limit_mb() -> int:
    """Megabytes of the largest file that is taken in: what ``SPAFIT_MAX_FILE_MB`` says, else 200."""
    named = os.environ.get("SPAFIT_MAX_FILE_MB", "")
    return int(named) if named.isdecimal() and int(named) else FILE_MB


def check_size(size: int, name: str) -> None:
    """Raise `TaskError` when a file of so many bytes is too large."""
    if size > limit_mb() * 1000**2:
        raise TaskError(f"{name} has {size / 1e6:,.1f} MB; the limit is {limit_mb():,} MB.")


def read_table(
    path: Path,
    name: str | None = None,
    headed: bool | None = None,
    encoding: str | None = None,
    quotes: str | None = None,
) -> Table:
    """Read a whole file.

    Args:
        path: where the bytes are.
        name: what the person calls the file; its ending says what it should be. The path's own name by default.
        headed: whether the first line of a separated file names the columns; guessed when absent.
        encoding: of a text file; found when absent.
        quotes: what quotation marks are in a separated file; found when absent.

    Raises:
        TaskError: too large, an ending or content that is not supported, or nothing usable in it.
    """
    name = name or path.name
    suffix = Path(name).suffix.lower()
    if suffix not in FORMATS:
        raise TaskError(f"{name} is not a file type that can be read; allowed are {', '.join(FORMATS)}.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise TaskError(f"{name} cannot be read ({error.strerror}).") from error
    check_size(size, name)
    if not size:
        raise TaskError(f"{name} is empty.")
    found = next((what for signature, what in _SIGNATURES if start.startswith(signature)), None)
    if (found == "Parquet") != (suffix == ".parquet") or (found and found != "Parquet"):
        raise _misnamed(name, suffix, found or "not Parquet")
    if suffix == ".parquet":
        table = read_parquet(path, name)
    else:
        decoded = decode(path.read_bytes(), name, encoding)
        table = _read_text(decoded, name, suffix, headed, quotes)
        table.encoding = decoded.label
        if decoded.remark:
            table.remarks.insert(0, decoded.remark)
    if not len(table):
        raise TaskError(f"{name} has no rows that can be used.")
    return table


def _read_text(decoded: Decoded, name: str, suffix: str, headed: bool | None, quotes: str | None) -> Table:
    text = decoded.text
    start = text[:FIRST_CHARACTERS].lstrip()
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        raise _misnamed(name, suffix, "a web page")
    if FORMATS[suffix].startswith("JSON"):
        return read_json(text, name)
    if is_fasttext(text):
        return read_fasttext(text, name)
    if re.match(r"\[\s*\{|\{\s*\"(?:[^\"\\]|\\.)*\"\s*:", start):
        raise _misnamed(name, suffix, "JSON")
    if suffix == ".ft":
        raise _misnamed(name, suffix, "text without fastText's labels")
    return read_separated(text, name, suffix, headed, quotes)


def _misnamed(name: str, suffix: str, content: str) -> TaskError:
    return TaskError(
        f"{name} should be {FORMATS[suffix]} by its name, but its content is {content}; "
        f"give it the right ending, or save it as CSV, TSV, JSON lines or Parquet."
    )
