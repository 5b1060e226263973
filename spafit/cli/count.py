"""``spafit count``."""

from __future__ import annotations

import argparse
from itertools import groupby

from spafit.cli import stratification as shape
from spafit.cli.output import note, print_json, print_table, share
from spafit.cli.parser import MODEL_HELP
from spafit.counting import Counts, Row, count, notices
from spafit.models.load import load_anatomy
from spafit.stratification import title


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add a model and a stratification."""
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    shape.add_options(parser)
    parser.add_argument("--num-labels", type=int, default=2, metavar="N", help="outputs of the head (default: 2)")


def run(chosen: argparse.Namespace) -> int:
    """Print what trains."""
    anatomy = load_anatomy(chosen.model, num_labels=chosen.num_labels)
    strat = shape.stratification(chosen, anatomy.num_layers)
    counts = count(anatomy, strat)
    if chosen.json:
        print_json(counts.to_dict())
        return 0
    heading, differences = title(strat)
    what = ", ".join((heading, *differences))
    print_table(
        ("", "stratum", "recipe", "biases", "LoRA", "weights", "trainable", "of"),
        _rows(counts),
        title=f"{what} on {counts.model}: {share(counts.trainable, counts.total)} of {counts.total:,} train",
    )
    for sentence in notices(anatomy, strat):
        note(sentence)
    return 0


def _rows(counts: Counts) -> list[list[object]]:
    """Return the table's rows, embeddings first; neighbouring layers with the same numbers share one."""
    rows = [_cells("embeddings", counts.embeddings)]
    for _key, group in groupby(counts.layers, lambda row: _cells("", row)):
        layers = list(group)
        first, last = layers[0].layer, layers[-1].layer
        rows.append(_cells(f"layer {first}" if first == last else f"layers {first}–{last}, each", layers[0]))
    return [*rows, _cells("head", counts.head)]


def _cells(label: str, row: Row) -> list[object]:
    return [
        label,
        row.stratum,
        row.recipe and row.recipe.value,
        row.bias,
        row.lora,
        row.weight,
        row.trainable,
        row.total,
    ]
