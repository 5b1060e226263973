"""Taking in a file: which rows can be used, what their labels are, and how they are divided.

Both functions read the whole file, so pages and commands call them in the helper process.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spafit.tasks import prepared
from spafit.tasks.files import read_table
from spafit.tasks.splits import arrange, normalize
from spafit.tasks.task import Examples, TaskError, on_one_line, shortened
from spafit.tasks.upload.columns import Columns, Profile, profile
from spafit.tasks.upload.guess import SPLIT_VALUES, guess
from spafit.tasks.upload.labels import Labels, cannot_be_learned, read_labels
from spafit.tasks.upload.stored import ABOUT, KEY, SCHEMA, Stored, folder
from spafit.tasks.upload.tables import PROBLEMS_SHOWN, Table

READING = 2  # part of every key: raise it when the same bytes are read as something else
FEWEST_TEXTS = 10
SHOWN_ROWS = 10
SHOWN_CHARACTERS = 300
TEST_SHARE, TEST_AT_MOST = 0.2, 2000
VALIDATION_SHARE, VALIDATION_AT_MOST = 0.1, 1000


@dataclass(frozen=True)
class Source:
    """A file with the test part that a second one may hold, and how a person wants them read."""

    path: str
    name: str  # what the person calls the file; its ending counts
    test_path: str | None = None
    test_name: str | None = None
    headed: bool | None = None  # whether the first line names the columns
    encoding: str | None = None
    quotes: str | None = None  # what quotation marks are, out of `records.QUOTES`

    def table(self) -> Table:
        """Read the file."""
        return read_table(Path(self.path), on_one_line(self.name), self.headed, self.encoding, self.quotes)

    def test_table(self, like: Table) -> Table:
        """Read the second file, with or without a header as the first one has it or not."""
        assert self.test_path is not None
        return read_table(Path(self.test_path), self.second_name, like.headed, self.encoding, self.quotes)

    @property
    def second_name(self) -> str:
        """What the second file is called."""
        return on_one_line(self.test_name or Path(self.test_path or "").name)


def look(columns: dict[str, Any] | None = None, **source: Any) -> dict[str, Any]:
    """Read a file and say what is in it and how it would be used, without keeping anything; as JSON values.

    Args:
        columns: fields of `Columns` that a person has decided; the others are guessed.
        source: fields of `Source`.

    Raises:
        TaskError: the file cannot be read as a table. What else stands in the way is the answer's "problem".
    """
    where = Source(**source)
    name = on_one_line(where.name)
    table = where.table()
    guessed = guess(table, name, columns)
    head = [
        [shortened(cell or "", SHOWN_CHARACTERS) for cell in table.columns[column].slice(0, SHOWN_ROWS).to_pylist()]
        for column in table.columns
    ]
    seen = {
        "format": table.format,
        "encoding": table.encoding,
        "delimiter": table.delimiter,
        "headed": table.headed,
        "table_rows": len(table),
        "columns": [asdict(column) for column in guessed.profiles.values()],
        "head": dict(zip(table.columns, head, strict=True)),
        "guess": guessed.columns,
        "problem": guessed.problem,
        "rows": 0,
        "left_out": {"malformed lines": table.malformed} if table.malformed else {},
        "problems": table.problems,
        "labels": [],
        "examples": [],
        "remarks": [*table.remarks, *guessed.remarks],
    }
    if guessed.problem:
        return seen
    try:
        rows = _read(where, table, guessed.certain(), guessed.profiles)
    except TaskError as error:
        return seen | {"problem": str(error)}
    remarks = [*seen["remarks"], *rows.remarks]
    trained = (rows.texts[i] for i in rows.labels.kept.tolist() if rows.parts[i] == "train")
    if too_few := _too_few(trained, name):
        remarks.append(too_few)
    return seen | {
        "rows": len(rows.labels.kept),
        "left_out": rows.left_out,
        "problems": rows.problems,
        "labels": list(rows.labels.names),
        "examples": rows.shown(),
        "remarks": remarks,
    }


def add(columns: dict[str, Any] | None = None, title: str | None = None, **source: Any) -> str:
    """Read, divide and store a data set; returns the key of its task. The same content and columns are stored once.

    Args:
        columns: fields of `Columns` that a person has decided; the others are guessed.
        title: what the data set is called afterwards; the file's name by default.
        source: fields of `Source`.

    Raises:
        TaskError: the file cannot be used; one sentence says why.
    """
    where = Source(**source)
    name = on_one_line(where.name)
    table = where.table()
    guessed = guess(table, name, columns)
    chosen = guessed.certain()
    key = _key(chosen, where)
    if (folder(key) / ABOUT).is_file():
        return key
    rows = _read(where, table, chosen, guessed.profiles)
    labels = rows.labels
    parts = _parts(rows.examples(), rows.parts_kept(), name)
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
        labels=labels.names,
        example=_example(made["train"][0], labels.names),
        scaled_from=labels.scaled_from,
        remarks=(*table.remarks, *guessed.remarks, *rows.remarks, *_gone(labels, made["train"][0])),
    )
    prepared.write(folder(key), made, preparation, {ABOUT: about.to_dict()})
    return key


def _key(columns: Columns, source: Source) -> str:
    """Return the same for the same bytes read in the same way, whatever the files are called."""
    suffix = Path(source.name).suffix.lower()
    how = [source.headed, source.encoding, source.quotes]
    facts = [SCHEMA, READING, prepared.FORMAT, suffix, columns.to_dict(), how]
    total = hashlib.blake2b(json.dumps(facts).encode(), digest_size=8)
    for path in filter(None, (source.path, source.test_path)):
        with Path(path).open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return KEY + total.hexdigest()


def _example(examples: Examples, names: tuple[str, ...]) -> str:
    second = f" / “{shortened(examples.pair[0], 80)}”" if examples.pair else ""
    answer = names[examples.labels[0]] if names else f"{examples.labels[0]:g}"
    return f"“{shortened(examples.text[0], 80)}”{second} → {answer}"


def _gone(labels: Labels, train: Examples) -> list[str]:
    """Return a sentence on classes whose training examples all have the text of a later part; none where none has."""
    there = set(train.labels.tolist())
    gone = [name for i, name in enumerate(labels.names) if i not in there and name not in labels.untrained]
    return [cannot_be_learned(gone)] if gone else []


@dataclass
class _Rows:
    """The rows that have a text and a label, and the account of those that have not."""

    texts: list[str] = field(default_factory=list)
    pairs: list[str] | None = None
    cells: list[str] = field(default_factory=list)  # the label column's, as they stand there
    parts: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # lines
    files: list[tuple[int, str]] = field(default_factory=list)  # the first row of each file, and what a line is there
    styles: list[str | None] = field(default_factory=list)  # how numbers are written there
    left_out: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    labels: Labels = field(default_factory=lambda: Labels(np.zeros(0), np.zeros(0, np.int64)))

    def read(self, table: Table, columns: Columns, name: str, column: Profile, part: str | None = None) -> None:
        """Add a file's rows, all of them to `part` if it is given."""
        if table.malformed:
            self._leave_out("malformed lines", table.malformed)
            self._tell(*(f"{name} {problem}" for problem in table.problems))
        nothing: Sequence[str | None] = [""] * len(table)
        pairs = table.cells(columns.pair) if columns.pair else nothing
        splits = table.cells(columns.split) if columns.split and part is None else nothing
        self.files.append((len(self.cells), f"{name} {table.unit}"))
        cells = zip(table.numbers, table.cells(columns.text), pairs, table.cells(columns.label), splits, strict=True)
        for number, text, pair, answer, split in cells:
            label, said = (answer or "").strip(), (split or "").strip()
            where = part or ("train" if columns.split is None else SPLIT_VALUES.get(said.lower()))
            if where is None and said:
                raise TaskError(
                    f"{name}, {table.unit} {number}: “{shortened(on_one_line(said), 40)}” names no part; "
                    f"the column “{columns.split}” may hold train, validation and test."
                )
            if not (text or "").strip() or (columns.pair and not (pair or "").strip()):
                self._refuse("without a text", number)
            elif not label:
                self._refuse("without a label", number)
            elif where is None:
                self._refuse("without a part", number)
            else:
                self.texts.append(text or "")
                if self.pairs is not None:
                    self.pairs.append(pair or "")
                self.cells.append(label)
                self.parts.append(where)
                self.numbers.append(number)
                self.styles.append(column.style)

    def learn(self, columns: Columns, name: str, only_numbers: bool) -> None:
        """Read the labels of all rows together, so that files spell them alike."""
        if not self.cells:
            why = ", ".join(f"{count:,} {reason}" for reason, count in self.left_out.items())
            raise TaskError(f"{name} has no row with a text and a label that can be used ({why}).")
        self.labels = read_labels(self.cells, self.parts, columns, name, self.styles, only_numbers)
        for i, reason in self.labels.missing:
            self._refuse(reason, self.numbers[i], next(where for start, where in reversed(self.files) if start <= i))
        self.remarks += self.labels.remarks

    def examples(self) -> Examples:
        """Return the rows that have a label."""
        kept = self.labels.kept.tolist()
        pairs = None if self.pairs is None else [self.pairs[i] for i in kept]
        return Examples([self.texts[i] for i in kept], pairs, self.labels.values)

    def parts_kept(self) -> list[str]:
        """Return the part of each row that has a label."""
        return [self.parts[i] for i in self.labels.kept.tolist()]

    def shown(self) -> list[dict[str, Any]]:
        """Return the first rows, cut to what one reads at a glance."""
        some = []
        for i, value in zip(self.labels.kept.tolist()[:SHOWN_ROWS], self.labels.values.tolist(), strict=False):
            pair = None if self.pairs is None else shortened(self.pairs[i], SHOWN_CHARACTERS)
            label = self.labels.names[value] if self.labels.names else float(f"{value:.6g}")
            some.append({"text": shortened(self.texts[i], SHOWN_CHARACTERS), "pair": pair, "label": label})
        return some

    def _refuse(self, reason: str, number: int, where: str | None = None) -> None:
        self._leave_out(f"rows {reason}", 1)
        if len(self.problems) < PROBLEMS_SHOWN:
            self._tell(f"{where or self.files[-1][1]} {number} is a row {reason}")

    def _leave_out(self, reason: str, count: int) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + count

    def _tell(self, *problems: str) -> None:
        self.problems = (self.problems + list(problems))[:PROBLEMS_SHOWN]


def _read(source: Source, table: Table, columns: Columns, profiles: Mapping[str, Profile]) -> _Rows:
    """Read the rows of the file, and of the second one that holds the test part."""
    name = on_one_line(source.name)
    columns.check(table, name)
    rows = _Rows(pairs=[] if columns.pair else None)
    labels = [profiles[columns.label]]
    rows.read(table, columns, name, labels[0])
    if source.test_path:
        second = source.test_table(table)
        columns.check(second, source.second_name)
        labels.append(profile(second, columns.label))
        rows.parts = ["train" if part == "test" else part for part in rows.parts]
        before = len(rows.cells)
        rows.read(second, columns, source.second_name, labels[1], part="test")
        rows.remarks += [f"{source.second_name}: {remark}" for remark in second.remarks]
    rows.learn(columns, name, all(column.numeric for column in labels))
    parts = Counter(rows.parts_kept())
    if source.test_path and not parts["test"]:
        raise TaskError(
            f"{source.second_name} has no row with a text and a label that can be used "
            f"({len(rows.cells) - before:,} rows have a text, none a label)."
        )
    for part in sorted(set(rows.parts) - set(parts)):
        rows.remarks.append(f"No row of the {part} part has a label, so that part is taken out of the training rows.")
    return rows


def _parts(everything: Examples, named: list[str], name: str) -> dict[str, Examples]:
    where = np.array(named)
    parts = {part: everything.take(np.flatnonzero(where == part)) for part in dict.fromkeys(named)}
    if "train" not in parts:
        raise TaskError(f"{name} has no rows for the train part.")
    if too_few := _too_few(parts["train"].text, name):
        raise TaskError(too_few)
    return parts


def _too_few(texts: Iterable[str], name: str) -> str:
    """Return the sentence that there are too few different texts to train on; empty when there are enough."""
    different: set[str] = set()
    for text in texts:
        different.add(normalize(text))
        if len(different) == FEWEST_TEXTS:
            return ""
    return f"{name} has {len(different)} different texts to train on; at least {FEWEST_TEXTS} are needed."
