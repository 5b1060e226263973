"""GLUE's own files: TSV without quoting, one example a line, in the official folder layout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spafit.tasks.task import Examples, TaskError

PROBLEMS_SHOWN = 20


@dataclass(frozen=True)
class Layout:
    """Where a GLUE task keeps its columns. Names are those of the header line; CoLA has none."""

    folder: str
    text: str
    pair: str | None
    label: str
    labels: tuple[str, ...]  # class names by number; empty for regression
    tests: tuple[tuple[str, str], ...] = (("test", "dev"),)  # part -> file that GLUE publishes with labels
    columns: tuple[str, ...] = ()  # of a file without a header line
    lowest: float = 0.0  # range of a regression target
    highest: float = 5.0

    @property
    def files(self) -> dict[str, str]:
        """part -> file name."""
        return {"train": "train.tsv"} | {part: f"{stem}.tsv" for part, stem in self.tests}


LAYOUTS = {
    "cola": Layout(
        "CoLA",
        "sentence",
        None,
        "label",
        ("unacceptable", "acceptable"),
        columns=("source", "label", "star", "sentence"),
    ),
    "sst2": Layout("SST-2", "sentence", None, "label", ("negative", "positive")),
    "mrpc": Layout("MRPC", "#1 String", "#2 String", "Quality", ("not_equivalent", "equivalent")),
    "stsb": Layout("STS-B", "sentence1", "sentence2", "score", ()),
    "qqp": Layout("QQP", "question1", "question2", "is_duplicate", ("not_duplicate", "duplicate")),
    "mnli": Layout(
        "MNLI",
        "sentence1",
        "sentence2",
        "gold_label",
        ("entailment", "neutral", "contradiction"),
        tests=(("test", "dev_matched"), ("test_mismatched", "dev_mismatched")),
    ),
    "qnli": Layout("QNLI", "question", "sentence", "label", ("entailment", "not_entailment")),
    "rte": Layout("RTE", "sentence1", "sentence2", "label", ("entailment", "not_entailment")),
    "wnli": Layout("WNLI", "sentence1", "sentence2", "label", ("not_entailment", "entailment")),
}


@dataclass
class Read:
    """Rows of one file, and the lines that are none."""

    examples: Examples
    malformed: int
    problems: list[str]  # the first of them: "train.tsv line 17 has 3 columns where 4 are expected"


def read_tsv(path: Path, layout: Layout) -> Read:
    """Read one file of a task. A tab separates columns, a line feed rows, and a quotation mark is a character.

    Lines with another number of columns or an impossible label are left out, counted and named.

    Raises:
        TaskError: the file is missing, is not UTF-8, lacks a column, or has no usable row.
    """
    try:
        data = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TaskError(f"{path.parent.name}/{path.name} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path.parent.name}/{path.name} is not UTF-8 text (byte {error.start + 1}).") from error
    lines = data.split("\n")
    if lines[-1] == "":
        lines.pop()
    first_row = 0 if layout.columns else 1
    columns = list(layout.columns) or (lines[0].rstrip("\r").split("\t") if lines else [])
    wanted = [name for name in (layout.text, layout.pair, layout.label) if name is not None]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise TaskError(
            f"{path.parent.name}/{path.name} has no column {missing[0]!r} in its first line; "
            f"GLUE's official layout is expected."
        )
    text_at, label_at = columns.index(layout.text), columns.index(layout.label)
    pair_at = columns.index(layout.pair) if layout.pair is not None else None
    texts: list[str] = []
    pairs: list[str] = []
    labels: list[float] = []
    malformed = 0
    problems: list[str] = []
    for number, line in enumerate(lines[first_row:], start=first_row + 1):
        cells = line.removesuffix("\r").split("\t")
        problem = None
        if len(cells) != len(columns):
            problem = f"has {len(cells)} columns where {len(columns)} are expected"
        elif (label := _label(cells[label_at], layout)) is None:
            problem = f"has the label {cells[label_at][:40]!r}"
        elif not cells[text_at].strip() or (pair_at is not None and not cells[pair_at].strip()):
            problem = "has an empty text"
        else:
            texts.append(cells[text_at])
            labels.append(label)
            if pair_at is not None:
                pairs.append(cells[pair_at])
        if problem is not None:
            malformed += 1
            if len(problems) < PROBLEMS_SHOWN:
                problems.append(f"{path.name} line {number} {problem}")
    if not texts:
        raise TaskError(f"{path.parent.name}/{path.name} has no usable row.")
    kind = np.int64 if layout.labels else np.float32
    return Read(
        Examples(texts, pairs if pair_at is not None else None, np.array(labels, dtype=kind)), malformed, problems
    )


def _label(cell: str, layout: Layout) -> float | None:
    """Return the class number or the target that a cell stands for; None for anything else."""
    if layout.labels:
        if cell in layout.labels:
            return layout.labels.index(cell)
        return int(cell) if cell.isascii() and cell.isdigit() and int(cell) < len(layout.labels) else None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) and layout.lowest <= value <= layout.highest else None
