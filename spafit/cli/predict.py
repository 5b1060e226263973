"""``spafit predict``: what a run's model says about texts."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path

from spafit.cli.output import print_json, print_table
from spafit.cli.parser import CommandError
from spafit.errors import SpafitError
from spafit.files import read_at_most
from spafit.runs import Store

MAX_FILE_BYTES = 100_000_000
COLUMNS = ("text", "pair")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add which run and which texts."""
    parser.add_argument("id", metavar="RUN", help="the run's id")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="what to read")
    parser.add_argument("--pair", action="append", metavar="TEXT", help="the second text, once for each first one")
    parser.add_argument(
        "--file", metavar="FILE", help="a CSV or TSV file with a column text (and pair), or a text file, a text a line"
    )
    parser.add_argument("--csv", action="store_true", help="print CSV instead of a table")


def run(chosen: argparse.Namespace) -> int:
    """Predict for texts that were typed, or for a file of them."""
    texts, pairs = _texts(chosen)
    from spafit.trained.restore import restore
    from spafit.tryout.predict import Predictor

    store = Store.open()
    found = store.get(chosen.id)
    predictions = Predictor(restore(found, store.folder(found.id))).predict(texts, pairs)
    if chosen.json:
        print_json({"schema": 1, "run": found.id, "predictions": [each.to_dict() for each in predictions]})
    elif chosen.csv:
        labels = list(predictions[0].probabilities)
        writer = csv.writer(sys.stdout)
        writer.writerow(("text", "pair", "label", "score", *(f"p_{label}" for label in labels)))
        for each in predictions:
            writer.writerow(
                (each.text, each.pair or "", each.label or "", each.score, *map(each.probabilities.get, labels))
            )
    else:
        rows = [(each.text, each.pair, each.label, round(each.score, 4)) for each in predictions]
        print_table(("text", "second text", "label", "score"), rows)
    return 0


def _texts(chosen: argparse.Namespace) -> tuple[list[str], list[str] | None]:
    """Return the texts, and second ones where they come in pairs."""
    if bool(chosen.file) == bool(chosen.texts):
        raise CommandError("Give texts, or a file of them with --file; one of the two.")
    if chosen.json and chosen.csv:
        raise CommandError("--json and --csv contradict each other; choose one.")
    if chosen.texts:
        if chosen.pair is not None and len(chosen.pair) != len(chosen.texts):
            raise CommandError(
                f"There are {len(chosen.texts)} texts but {len(chosen.pair)} second ones; give one each."
            )
        return chosen.texts, chosen.pair
    return _from_file(Path(chosen.file))


def _from_file(path: Path) -> tuple[list[str], list[str] | None]:
    start = read_at_most(path, MAX_FILE_BYTES + 1)
    if len(start) > MAX_FILE_BYTES:
        raise SpafitError(f"{path} is larger than {MAX_FILE_BYTES:,} bytes; divide it.")
    try:
        content = start.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpafitError(f"{path} cannot be read (it is not UTF-8).") from error
    if path.suffix.lower() not in (".csv", ".tsv"):
        lines = [line for line in content.splitlines() if line.strip()]
        if not lines:
            raise SpafitError(f"{path} holds no text.")
        return lines, None
    reader = csv.DictReader(io.StringIO(content, newline=""), delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    if "text" not in (reader.fieldnames or ()):
        raise SpafitError(f"{path} has no column named text; its first line names the columns: text, and pair if any.")
    rows = list(reader)
    if not rows:
        raise SpafitError(f"{path} has a header and no rows.")
    texts = [row["text"] or "" for row in rows]
    return texts, [row["pair"] or "" for row in rows] if "pair" in (reader.fieldnames or ()) else None
