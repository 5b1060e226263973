"""``spafit data``: how a data file would be read, without keeping anything; and the options on reading one."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from spafit.cli.output import note, print_facts, print_json, print_table
from spafit.errors import SpafitError
from spafit.tasks import CLASSIFICATION, REGRESSION, Task, TaskError, bring, file_at, get_task, helper
from spafit.tasks.upload.records import QUOTES

SCHEMA = 1
HEADED = {"yes": True, "no": False}
SHOWN = 5  # examples
_COLUMNS = ("text", "pair", "label", "kind")
_NAMED = 3  # lines that were left out are named, so many of them


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the file and how it is read."""
    parser.add_argument("file", metavar="FILE", help="a data file: CSV, TSV, JSON, JSON lines, fastText or Parquet")
    add_reading_options(parser)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Add how a data file is read; what is not said is found out."""
    group = parser.add_argument_group("how a data file is read (default: found out)")
    group.add_argument("--test", metavar="FILE", help="a second file, with the same columns, that is the test part")
    group.add_argument("--text", metavar="COLUMN", help="the column with the text")
    group.add_argument("--pair", metavar="COLUMN", help="the column with the second text; '' for none")
    group.add_argument("--label", metavar="COLUMN", help="the column with what is to be learned")
    group.add_argument("--kind", choices=(CLASSIFICATION, REGRESSION), help="whether the label is a class or a number")
    group.add_argument("--encoding", metavar="NAME", help="such as utf-8, cp1251, gb18030, big5, cp932 or cp949")
    group.add_argument("--headed", choices=tuple(HEADED), help="whether the first line names the columns (CSV and TSV)")
    group.add_argument("--quotes", choices=tuple(QUOTES), help="whether quotation marks delimit cells (CSV and TSV)")


def run(chosen: argparse.Namespace) -> int:
    """Print how a file would be read."""
    path = file_at(chosen.file)
    if path is None:
        raise TaskError(f"There is no file {chosen.file}.")
    seen = helper.call("look", path=str(path), name=path.name, **_reading(chosen))
    if seen["problem"]:
        raise TaskError(seen["problem"])
    document = _document(seen)
    if chosen.json:
        print_json(document)
        return 0
    names = ("format", "encoding", "delimiter", "rows", "left_out", *_COLUMNS)
    facts = [(name.replace("_", " "), document[name]) for name in names]
    print_facts([*facts, ("labels", ", ".join(document["labels"]) or None)])
    columns = ["text", *(["pair"] if document["pair"] else []), "label"]
    print_table(columns, [[example[column] for column in columns] for example in document["examples"]])
    for remark in document["remarks"]:
        note(remark)
    return 0


def task_of(chosen: argparse.Namespace) -> Task:
    """Return the task that a command line names: by its key, or by a data file, which is read as the options say.

    Raises:
        SpafitError: there is none, it cannot be used, or the options speak of a file and the task is none.
    """
    how = _reading(chosen)
    path = file_at(chosen.task)
    if path is not None:
        return bring(path, **how)
    options = (*_COLUMNS, "test", "encoding", "headed", "quotes")
    given = [f"--{name}" for name in options if getattr(chosen, name) is not None]
    found = get_task(chosen.task)
    if given:
        raise SpafitError(f"{', '.join(given)} says how a data file is read, but {chosen.task} is a task, not a file.")
    return found


def _reading(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return arguments of `intake.look` and `intake.add`."""
    columns = {name: getattr(chosen, name) for name in _COLUMNS if getattr(chosen, name) is not None}
    how: dict[str, Any] = {"columns": {name: value or None for name, value in columns.items()}}
    how |= {name: getattr(chosen, name) for name in ("encoding", "quotes") if getattr(chosen, name) is not None}
    if chosen.headed is not None:
        how["headed"] = HEADED[chosen.headed]
    if chosen.test is not None:
        second = file_at(chosen.test)
        if second is None:
            raise TaskError(f"There is no file {chosen.test}.")
        how |= {"test_path": str(second), "test_name": Path(chosen.test).name}
    return how


def _document(seen: dict[str, Any]) -> dict[str, Any]:
    remarks = list(seen["remarks"])
    if seen["left_out"]:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in seen["left_out"].items())
        remarks.append(f"Left out: {reasons}; {'; '.join(seen['problems'][:_NAMED])}.")
    return {
        "schema": SCHEMA,
        "format": seen["format"],
        "encoding": seen["encoding"] or None,
        "delimiter": seen["delimiter"] or None,
        "headed": seen["headed"],
        "rows": seen["rows"],
        "left_out": sum(seen["left_out"].values()),
        **{name: seen["guess"][name] for name in _COLUMNS},
        "labels": seen["labels"],
        "examples": seen["examples"][:SHOWN],
        "remarks": remarks,
    }
