"""From the cells of a label column to classes or targets: one spelling for each class, and what is no label. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from spafit.tasks.task import REGRESSION, TaskError, on_one_line, shortened
from spafit.tasks.upload.cells import COMMA, DASHES, NO_NUMBER, NO_WORD, POINT, THOUSANDS, number, one_spelling
from spafit.tasks.upload.columns import CLASSES, Columns, listed

TARGETS = (0.0, 5.0)  # where targets beyond ±10 are mapped to, so that one learning rate serves all
LABEL_CHARACTERS = 100
HIDDEN = "-1"  # what many data sets write where a label is kept back, and others for one of two classes
_SHOWN = 5
# Spellings of an answer, when a column holds nothing else than these.
_ANSWERS = (
    {"yes": "yes", "y": "yes", "no": "no", "n": "no"},
    {"true": "true", "t": "true", "1": "true", "false": "false", "f": "false", "0": "false"},
)


@dataclass
class Labels:
    """What is to be learned, row by row."""

    values: np.ndarray  # class numbers, or targets; of the rows that have a label
    kept: np.ndarray  # positions of those rows
    names: tuple[str, ...] = ()  # of the classes
    scaled_from: tuple[float, float] | None = None  # range of the targets, when they were mapped
    missing: list[tuple[int, str]] = field(default_factory=list)  # position of each other row, and why
    untrained: list[str] = field(default_factory=list)  # classes that no training example has
    remarks: list[str] = field(default_factory=list)


def read_labels(
    cells: Sequence[str],
    parts: Sequence[str],
    columns: Columns,
    name: str,
    styles: Sequence[str | None],
    only_numbers: bool,
) -> Labels:
    """Read the labels of all rows, of every file together.

    Args:
        cells: a row's label as it stands there, spaces at the ends cut off.
        parts: which part each row belongs to.
        columns: which column it is, and whether classes or numbers are learned.
        name: what the file is called.
        styles: how the numbers of the row's file are written.
        only_numbers: the column holds numbers, and what stands for one that is missing.

    Raises:
        TaskError: nothing can be learned from them.
    """
    if columns.kind == REGRESSION:
        return _targets(cells, columns, name, styles)
    # of each spelling in each part, how many rows have it; a file has few spellings beside its rows
    spelled = Counter(zip(cells, parts, styles, strict=True))
    remarks: list[str] = []
    why = _without_label(spelled, only_numbers, remarks)
    classes = {
        (cell, style): one_spelling(cell, style) for cell, part, style in spelled if (cell, part, style) not in why
    }
    counts = Counter[str]()
    for (cell, part, style), count in spelled.items():
        if (cell, part, style) not in why:
            counts[classes[cell, style]] += count
    merged = _one_name(counts, {key: cell for (cell, _), key in classes.items()})
    if len(set(merged.values())) < len({cell for cell, _ in classes}):
        remarks.append(_merged(merged, classes))
    names = sorted(set(merged.values()), key=_in_order)
    _check(names, len(cells) - sum(spelled[key] for key in why), columns, name)
    place = {label: i for i, label in enumerate(names)}
    values, kept, missing = [], [], []
    for i, key in enumerate(zip(cells, parts, styles, strict=True)):
        if key in why:
            missing.append((i, why[key]))
        else:
            values.append(place[merged[classes[key[0], key[2]]]])
            kept.append(i)
    labels = Labels(
        np.array(values, dtype=np.int64), np.array(kept, dtype=np.int64), tuple(names), None, missing, remarks=remarks
    )
    _name_untrained(labels, parts, name)
    return labels


def _targets(cells: Sequence[str], columns: Columns, name: str, styles: Sequence[str | None]) -> Labels:
    values, kept, missing = [], [], []
    for i, (cell, style) in enumerate(zip(cells, styles, strict=True)):
        value = None if cell.lower() in NO_NUMBER else number(cell, style or POINT)
        if value is not None:
            values.append(value)
            kept.append(i)
        else:
            missing.append((i, "without a label" if cell.lower() in NO_NUMBER else "whose label is no number"))
    if not values:
        reasons = Counter(reason for _, reason in missing)
        why = ", ".join(f"{count:,} rows {reason}" for reason, count in reasons.items())
        raise TaskError(f"{name} has no row with a text and a label that can be used ({why}).")
    targets = np.array(values)
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
    said = {COMMA: "a comma before the decimals", THOUSANDS: "commas between thousands"}
    remarks = [f"Numbers of “{columns.label}” are read with {said[style]}." for style in said if style in styles]
    return Labels(rounded, np.array(kept, dtype=np.int64), (), scaled_from, missing, remarks=remarks)


Spelled = tuple[str, str, str | None]  # a cell, its part, and how its file writes numbers


def _without_label(spelled: Counter[Spelled], only_numbers: bool, remarks: list[str]) -> dict[Spelled, str]:
    """Return which cells are no label, with the reason, and say of -1 what it is taken for."""
    present = {cell for cell, _, _ in spelled}
    empty = NO_NUMBER if only_numbers else NO_WORD
    rest = {cell for cell in present if cell.lower() not in empty and cell not in DASHES}
    # among signs such as + a dash is a class of its own
    signs = any(not any(char.isalnum() for char in cell) for cell in rest)
    why: dict[Spelled, str] = {}
    for key in spelled:
        if key[0].lower() in (NO_WORD if signs else empty):
            why[key] = "without a label"
        elif key[0] in DASHES and rest and not signs:
            why[key] = f"without a label (“{key[0]}”)"
    hidden = {key for key in spelled if key not in why and one_spelling(key[0], key[2]) == HIDDEN}
    others = {
        part for cell, part, style in spelled if (cell, part, style) not in why and (cell, part, style) not in hidden
    }
    for key in hidden:
        if key[1] not in others and others:
            why[key] = f"without a label (“{key[0]}” throughout the {key[1]} part)"
    if any(key not in why for key in hidden):
        remarks.append(
            "-1 is taken for a class, as it stands beside other labels; leave those rows out if it means none."
        )
    return why


def _one_name(counts: Counter[str], written: dict[str, str]) -> dict[str, str]:
    """Return for each class the name that it shares with its other spellings: that of the most rows."""
    folded = {label: _folded(label) for label in counts}
    for answers in _ANSWERS:
        if set(folded.values()) <= answers.keys() and len(set(folded.values())) > 2:
            folded = {label: answers[key] for label, key in folded.items()}
    best: dict[str, str] = {}
    for label, _ in sorted(counts.most_common(), key=lambda one: folded[one[0]] != _folded(one[0])):  # true before 1
        best.setdefault(folded[label], label)
    return {label: best[key] for label, key in folded.items()}


def _folded(label: str) -> str:
    """Return a label without differences of case, of runs of spaces and of Unicode's ways to write a letter."""
    folded = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
    return folded.replace("i\u0307", "i").replace("ı", "i")  # Turkish: İyi and iyi, SIKICI and sıkıcı


def _merged(merged: dict[str, str], classes: dict[tuple[str, str | None], str]) -> str:
    spellings: dict[str, set[str]] = {}
    for (cell, _), key in classes.items():
        spellings.setdefault(merged[key], set()).add(cell)
    several = {label: sorted(cells - {label}) for label, cells in spellings.items() if len(cells) > 1}
    said = [f"{_quoted(label)} (also {', '.join(map(_quoted, cells[:3]))})" for label, cells in several.items()]
    more = f" and {len(said) - _SHOWN:,} more" if len(said) > _SHOWN else ""
    return f"Labels in several spellings are one class: {'; '.join(said[:_SHOWN])}{more}."


def _quoted(label: str) -> str:
    return f"“{shortened(on_one_line(label), 40)}”"


def _in_order(label: str) -> tuple[float, str]:
    value = number(label)
    return (float("inf") if value is None else value, label)


def _check(names: list[str], rows: int, columns: Columns, name: str) -> None:
    if not names:
        raise TaskError(f"{name} has no row with a text and a label that can be used.")
    if len(names) == 1:
        raise TaskError(f"Every row of {name} has the label {_quoted(names[0])}; two classes are needed at least.")
    if len(names) > CLASSES:
        raise TaskError(
            f"The column “{columns.label}” of {name} has {len(names):,} different values; at most {CLASSES:,} classes "
            f"can be learned, so choose another label column, or regression if they are amounts."
        )
    if len(names) == rows:
        raise TaskError(
            f"Every row of {name} has another label in the column “{columns.label}”; "
            f"choose another label column, or regression if they are amounts."
        )
    longest = max(names, key=len)
    if len(longest) > LABEL_CHARACTERS:
        raise TaskError(
            f"The column “{columns.label}” of {name} has labels of up to {len(longest):,} characters; is it the text?"
        )


def _name_untrained(labels: Labels, parts: Sequence[str], name: str) -> None:
    """Say which classes no row of the training part has.

    Raises:
        TaskError: another part has nothing but such classes: its labels are written in some other way.
    """
    where = np.array(parts)[labels.kept]
    trained = set(labels.values[where == "train"].tolist())
    if not trained:
        return
    labels.untrained = [label for i, label in enumerate(labels.names) if i not in trained]
    if labels.untrained:
        labels.remarks.append(cannot_be_learned(labels.untrained))
    for part in sorted(set(where.tolist()) - {"train"}):
        values = set(labels.values[where == part].tolist())
        if values.isdisjoint(trained):
            theirs, ours = (listed((_quoted(labels.names[i]) for i in sorted(some)), 2) for some in (values, trained))
            raise TaskError(f"The {part} part of {name} has none of the training part's labels: {theirs}, not {ours}.")


def cannot_be_learned(names: Iterable[str]) -> str:
    """Return the sentence on classes that do not occur in training."""
    return f"No training example has the label {listed(map(_quoted, names), _SHOWN)}, so it cannot be learned."


def several_in_one(names: Iterable[str]) -> str | None:
    """Return the mark that parts several labels in a cell, when classes are put together from others; else None."""
    labels = set(names)
    lists = [label for label in labels if label[:1] + label[-1:] in ("[]", "{}", "()")]
    if len(lists) == len(labels) and any("," in label for label in lists):
        return ","
    for mark in ("|", ";", ","):
        together = {label for label in labels if mark in label}
        if not together:
            continue
        atoms = Counter(atom.strip() for label in labels for atom in set(label.split(mark)) if atom.strip())
        within = {atom.strip() for label in together for atom in label.split(mark) if atom.strip()}
        if sum(atoms[atom] > 1 for atom in within) >= 0.5 * len(within) > 0:
            return mark
    return None
