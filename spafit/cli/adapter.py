"""``spafit adapter``: a LoRA adapter, exported here or made elsewhere, as the stratification that it is."""

from __future__ import annotations

import argparse
from pathlib import Path

from spafit.cli.output import note, print_json, print_table
from spafit.cli.parser import MODEL_HELP
from spafit.export.adapter_source import Files, from_folder, from_hub, from_zip
from spafit.export.bring_back import Part, bring_back
from spafit.stratification import title


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the adapter, and its base model where it does not say it."""
    parser.add_argument("place", metavar="ADAPTER", help="a folder, a zip, or a Hub id")
    parser.add_argument("--base", metavar="MODEL", help=f"its base model, if it does not say it: {MODEL_HELP}")


def run(chosen: argparse.Namespace) -> int:
    """Print boundaries, ranks, targets and counts, and what the boundaries do not express."""
    brought = bring_back(_files(chosen.place), chosen.base)
    if chosen.json:
        print_json(brought.to_dict())
        return 0
    heading, differences = title(brought.stratification)
    what = ", ".join((heading, *differences))
    print_table(
        ("", "ranks", "biases", "LoRA", "weights", "trainable", "as strata"),
        [_cells(part) for part in brought.parts],
        title=f"{brought.name}: {what} on {brought.model}, {brought.trainable:,} parameters train",
    )
    for part in brought.parts:
        for difference in part.differences:
            note(f"{part.label}: {difference}")
    for what, values in brought.beyond.items():
        note(f"No stratum has {what} ({values:,} values).")
    for remark in brought.remarks:
        note(remark)
    return 0


def _files(place: str) -> Files:
    path = Path(place).expanduser()
    if path.is_dir():
        return from_folder(path)
    if path.is_file():
        with path.open("rb") as stream:
            return from_zip(stream, path.name)
    return from_hub(place)


def _cells(part: Part) -> list[object]:
    ranks = ", ".join(f"{role} {rank}" for role, rank in part.ranks.items())
    return [part.label, ranks, part.bias, part.lora, part.weight, part.trainable, part.as_strata]
