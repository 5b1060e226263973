"""Taking in a file: which rows can be used, what their labels are, and how they are divided.

Both functions read the whole file, so pages call them in the helper process.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spafit.tasks import prepared
from spafit.tasks.files import read_table
from spafit.tasks.splits import arrange, normalize
from spafit.tasks.task import REGRESSION, Examples, TaskError, on_one_line, shortened
from spafit.tasks.upload.columns import CLASSES, NO_NUMBER, SPLIT_VALUES, Columns, guess, profile
from spafit.tasks.upload.stored import ABOUT, KEY, SCHEMA, TARGETS, Stored, folder
from spafit.tasks.upload.tables import PROBLEMS_SHOWN, Table

FEWEST_TEXTS = 10
SHOWN_ROWS = 10
SHOWN_CHARACTERS = 300
LABEL_CHARACTERS = 100
TEST_SHARE, TEST_AT_MOST = 0.2, 2000
VALIDATION_SHARE, VALIDATION_AT_MOST = 0.1, 1000


def inspect(path: str, name: str, headed: bool | None = None) -> dict[str, Any]:
    """Read a file and say what is in it, for a person to correct: columns, first rows and a guess, as JSON values.

    Raises:
        TaskError: the file cannot be used; one sentence says why.
    """
    table = read_table(Path(path), on_one_line(name), headed)
    head = [
        [shortened(cell or "", SHOWN_CHARACTERS) for cell in table.columns[column].slice(0, SHOWN_ROWS).to_pylist()]
        for column in table.columns
    ]
    return {
        "rows": len(table),
        "format": table.format,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "headed": table.headed,
        "malformed": table.malformed,
        "problems": table.problems,
        "columns": [asdict(profile(table, column)) for column in table.columns],
        "head": dict(zip(table.columns, head, strict=True)),
        "guess": guess(table).to_dict(),
    }


def add(
    path: str,
    name: str,
    columns: dict[str, Any] | None = None,
    test_path: str | None = None,
    test_name: str | None = None,
    title: str | None = None,
    headed: bool | None = None,
) -> str:
    """Read, divide and store a data set; returns the key of its task. The same content and columns are stored once.

    Args:
        path, name: the file, and what the person calls it.
        columns: a `Columns` as a dictionary; guessed when absent.
        test_path, test_name: a second file, with the same columns, that becomes the test part.
        title: what the data set is called afterwards; the file's name by default.
        headed: whether the first line of a CSV or TSV names the columns; guessed when absent.

    Raises:
        TaskError: the file cannot be used; one sentence says why.
    """
    name = on_one_line(name)
    table = read_table(Path(path), name, headed)
    chosen = Columns(**columns) if columns else guess(table)
    chosen.check(table, name)
    key = _key(chosen, Path(name).suffix.lower(), [path, test_path] if test_path else [path], headed)
    if (folder(key) / ABOUT).is_file():
        return key
    rows = _Rows()
    rows.read(table, chosen, name)
    if test_path:
        test_name = on_one_line(test_name or Path(test_path).name)
        test_table = read_table(Path(test_path), test_name, table.headed)
        chosen.check(test_table, test_name)
        rows.parts = ["train" if part == "test" else part for part in rows.parts]
        rows.read(test_table, chosen, test_name, part="test")
    labels, names, scaled_from = _labels(rows.labels, chosen, name)
    parts = _parts(Examples(rows.texts, rows.pairs if chosen.pair else None, labels), rows.parts, name)
    count = len(parts["train"])
    made, preparation = arrange(
        parts,
        validation=min(max(round(count * VALIDATION_SHARE), 1), VALIDATION_AT_MOST),
        test=min(max(round(count * TEST_SHARE), 1), TEST_AT_MOST),
        left_out=rows.left_out,
        problems=tuple(rows.problems),
    )
    about = Stored(
        key=key,
        name=" ".join((title or name).split())[:80],
        created=time.time(),
        columns=chosen,
        labels=names,
        example=_example(made["train"][0], names),
        scaled_from=scaled_from,
    )
    prepared.write(folder(key), made, preparation, {ABOUT: about.to_dict()})
    return key


def _key(columns: Columns, suffix: str, files: list[str], headed: bool | None) -> str:
    """The same for the same bytes read in the same way, whatever the files are called."""
    facts = [SCHEMA, prepared.FORMAT, suffix, columns.to_dict(), *([] if headed is None else [headed])]
    total = hashlib.blake2b(json.dumps(facts).encode(), digest_size=8)
    for path in files:
        with Path(path).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return KEY + total.hexdigest()


def _example(examples: Examples, names: tuple[str, ...]) -> str:
    second = f" / “{shortened(examples.pair[0], 80)}”" if examples.pair else ""
    answer = names[examples.labels[0]] if names else f"{examples.labels[0]:g}"
    return f"“{shortened(examples.text[0], 80)}”{second} → {answer}"


@dataclass
class _Rows:
    """The rows that have a text and a label, and the account of those that have not."""

    texts: list[str] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def read(self, table: Table, columns: Columns, name: str, part: str | None = None) -> None:
        """Add a file's rows, all of them to `part` if it is given."""
        before = len(self.texts)
        if table.malformed:
            self.left_out["malformed lines"] = self.left_out.get("malformed lines", 0) + table.malformed
            self._tell(*(f"{name} {problem}" for problem in table.problems))
        nothing: Sequence[str | None] = [""] * len(table)
        pairs = table.cells(columns.pair) if columns.pair else nothing
        splits = table.cells(columns.split) if columns.split and part is None else nothing
        cells = zip(table.numbers, table.cells(columns.text), pairs, table.cells(columns.label), splits, strict=True)
        numbers = columns.kind == REGRESSION or profile(table, columns.label).numeric
        missing = NO_NUMBER if numbers else ("",)  # among words “none” may be a class, among numbers it is a gap
        for number, text, pair, answer, split in cells:
            label, said = (answer or "").strip(), (split or "").strip()
            where = part or ("train" if columns.split is None else SPLIT_VALUES.get(said.lower()))
            if where is None and said:
                raise TaskError(
                    f"{name}, {table.unit} {number}: “{shortened(on_one_line(said), 40)}” names no part; "
                    f"the column “{columns.split}” may hold train, validation and test."
                )
            if not (text or "").strip() or (columns.pair and not (pair or "").strip()):
                reason = "without a text"
            elif label.lower() in missing:
                reason = "without a label"
            elif where is None:
                reason = "without a part"
            elif columns.kind == REGRESSION and not _is_number(label):
                reason = "whose label is no number"
            else:
                self.texts.append(text or "")
                self.pairs.append(pair or "")
                self.labels.append(label)
                self.parts.append(where)
                continue
            self.left_out[f"rows {reason}"] = self.left_out.get(f"rows {reason}", 0) + 1
            self._tell(f"{name} {table.unit} {number} is a row {reason}")
        if len(self.texts) == before:
            why = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
            raise TaskError(f"{name} has no row with a text and a label that can be used ({why}).")

    def _tell(self, *problems: str) -> None:
        self.problems = (self.problems + list(problems))[:PROBLEMS_SHOWN]


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _labels(
    cells: list[str], columns: Columns, name: str
) -> tuple[np.ndarray, tuple[str, ...], tuple[float, float] | None]:
    """Labels as numbers, the class names, and the range that targets were mapped from."""
    if columns.kind == REGRESSION:
        targets = np.array([float(cell) for cell in cells])
        low, high = float(targets.min()), float(targets.max())
        if low == high:
            raise TaskError(f"Every row of {name} has the target {low:g}; there is nothing to learn.")
        scaled_from = None
        if max(abs(low), abs(high)) > 10:
            scaled_from = (low, high)
            share = (targets / 2 - low / 2) / (high / 2 - low / 2)  # halved, as the range itself may be infinite
            targets = TARGETS[0] + share * (TARGETS[1] - TARGETS[0])
        rounded = targets.astype(np.float32)
        if rounded.min() == rounded.max():
            raise TaskError(f"The targets of {name} hardly differ, from {low!r} to {high!r}; stretch them to 0 to 5.")
        return rounded, (), scaled_from
    if all(cell.endswith(".0") and cell[:-2].lstrip("-").isdigit() for cell in set(cells)):
        cells = [cell[:-2] for cell in cells]  # whole numbers that a table kept as fractions
    names = sorted(set(cells), key=lambda label: (float(label) if _is_number(label) else math.inf, label))
    if len(names) == 1:
        only = shortened(on_one_line(names[0]), 40)
        raise TaskError(f"Every row of {name} has the label “{only}”; two classes are needed at least.")
    if len(names) > CLASSES:
        raise TaskError(
            f"The column “{columns.label}” of {name} has {len(names):,} different values; at most {CLASSES:,} classes "
            f"can be learned, so choose another label column, or regression if they are amounts."
        )
    if len(names) == len(cells):
        raise TaskError(
            f"Every row of {name} has another label in the column “{columns.label}”; "
            f"choose another label column, or regression if they are amounts."
        )
    longest = max(names, key=len)
    if len(longest) > LABEL_CHARACTERS:
        raise TaskError(
            f"The column “{columns.label}” of {name} has labels of up to {len(longest):,} characters; is it the text?"
        )
    number = {label: i for i, label in enumerate(names)}
    return np.array([number[cell] for cell in cells], dtype=np.int64), tuple(names), None


def _parts(everything: Examples, named: list[str], name: str) -> dict[str, Examples]:
    where = np.array(named)
    parts = {part: everything.take(np.flatnonzero(where == part)) for part in dict.fromkeys(named)}
    if "train" not in parts:
        raise TaskError(f"{name} has no rows for the train part.")
    different = len({normalize(text) for text in parts["train"].text})
    if different < FEWEST_TEXTS:
        raise TaskError(f"{name} has {different} different texts to train on; at least {FEWEST_TEXTS} are needed.")
    return parts
