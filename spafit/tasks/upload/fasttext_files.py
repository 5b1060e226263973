"""fastText's files: a line is a text with its label before or after it, `__label__good a fine film`."""

from __future__ import annotations

from itertools import islice

from spafit.tasks.task import TaskError
from spafit.tasks.upload.tables import Builder, Table

MARK = "__label__"
SEVERAL_SHARE = 0.02  # of the lines may have more than one label before the file counts as one of several labels
_LOOKED_AT = 50  # lines by which such a file is known


def is_fasttext(text: str) -> bool:
    """Whether the first lines have fastText's labels."""
    lines = [line for line in islice(text[:100_000].splitlines(), _LOOKED_AT) if line.strip()]
    return bool(lines) and sum(_has_label(line) for line in lines) >= 0.8 * len(lines)


def _has_label(line: str) -> bool:
    words = line.split()
    return MARK in words[0] or words[-1].startswith(MARK)


def read_fasttext(text: str, name: str) -> Table:
    """Read labels and texts. Lines without a label, or with several, are left out and counted.

    Raises:
        TaskError: more than a few lines have several labels.
    """
    builder = Builder(name, "line")
    builder.start(["text", "label"])
    several: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        parts = line.split()
        if not parts:
            continue
        labels = [part for part in parts if part.startswith(MARK)]
        rest = line.strip()
        for label in labels:
            rest = rest.replace(label, "", 1)
        if len(labels) == 1:
            builder.add([rest.strip(), labels[0].removeprefix(MARK).rstrip(",")], number)
        else:
            builder.skip(f"line {number} has {len(labels) or 'no'} labels")
            several += [number] if labels else []
    if len(several) > SEVERAL_SHARE * (len(builder.numbers) + len(several)):
        raise TaskError(
            f"{name} has {len(several):,} lines with several labels, the first being line {several[0]}: several labels "
            f"a text (multi-label) cannot be learned."
        )
    return builder.finish("fastText")
