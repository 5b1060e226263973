"""A task's data as CSV for a spreadsheet, where no cell can act as a formula."""

from __future__ import annotations

import csv
import io

from spafit.tasks import Task, load

# What makes a spreadsheet compute a cell instead of showing it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def neutral(cell: str) -> str:
    """Return the cell as a spreadsheet shows it as text: an apostrophe goes before whatever could start a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def to_csv(task: Task) -> bytes:
    """Every part of the task's data as one CSV file (UTF-8 with byte order mark): part, text, second text, label."""
    output = io.StringIO(newline="")
    writer = csv.writer(output)
    writer.writerow(["part", "text", *(["second text"] if task.pair else []), "label"])
    for split in task.splits:
        examples = load(task, split)
        for i, text in enumerate(examples.text):
            second = [] if examples.pair is None else [neutral(examples.pair[i])]
            answer = task.answer(examples.labels[i])
            writer.writerow([split, neutral(text), *second, neutral(answer) if task.labels else answer])
    return output.getvalue().encode("utf-8-sig")
