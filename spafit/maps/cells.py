"""Which points of the map to measure: cells (N1, N2) of the triangle by name or by list, and the methods beside it."""

from __future__ import annotations

import re

from spafit.errors import SpafitError
from spafit.stratification import LoraSettings, Method, Stratification, preset

Cell = tuple[int, int]
CHOICES = ("all", "corners", "diagonal", "coarse")
METHODS = (Method.FULL, Method.BITFIT, Method.LORA, Method.PROBE)
MAX_TEXT = 100_000


class ChoiceError(SpafitError):
    """A choice of cells or methods cannot be understood, or does not fit the model."""


def cells(choice: str, num_layers: int) -> tuple[Cell, ...]:
    """Return the cells that a choice means, each once, by N1 and then N2.

    Args:
        choice: "all", "corners" (0-0, 0-L, L-L), "diagonal" (N1 = N2), "coarse" (N1 and N2 in 0, ceil(L/3),
            ceil(2L/3), L), or a list of cells: "2-4,0-6".
        num_layers: the model's depth L.

    Raises:
        ChoiceError: neither a name nor a list, or a cell that a model of this depth has not.
    """
    every = range(num_layers + 1)
    match choice.strip().lower():
        case "all":
            return _triangle(every)
        case "corners":
            return (0, 0), (0, num_layers), (num_layers, num_layers)
        case "diagonal":
            return tuple((n, n) for n in every)
        case "coarse":
            return _triangle(sorted({0, -(-num_layers // 3), -(-2 * num_layers // 3), num_layers}))
        case listed:
            return tuple(sorted({_cell(word, num_layers) for word in _words(listed, "cells")}))


def methods(choice: str) -> tuple[Method, ...]:
    """Return the methods in a list such as "full,bitfit,lora,probe", each once, in the order of `METHODS`.

    Raises:
        ChoiceError: a word that is none of them.
    """
    if not choice.strip():
        return ()
    chosen = _words(choice.strip().lower(), "methods")
    for word in chosen:
        if word not in METHODS:
            raise ChoiceError(f"{word[:40]!r} is no method of a map; it takes a list out of {', '.join(METHODS)}.")
    return tuple(method for method in METHODS if method in chosen)


def stratifications(
    chosen: tuple[Cell, ...], beside: tuple[Method, ...], num_layers: int, lora: LoraSettings | None = None
) -> tuple[Stratification, ...]:
    """Return the stratifications of cells and then of methods, all with the same LoRA settings."""
    inside = (preset(Method.SPAFIT, num_layers, n1, n2, lora) for n1, n2 in chosen)
    return (*inside, *(preset(method, num_layers, lora=lora) for method in beside))


def _triangle(values: range | list[int]) -> tuple[Cell, ...]:
    return tuple((n1, n2) for n1 in values for n2 in values if n1 <= n2)


def _words(text: str, what: str) -> list[str]:
    words = [word.strip() for word in text[:MAX_TEXT].split(",")]
    if not all(words):
        raise ChoiceError(f"The list of {what} has nothing before, after or between its commas.")
    return words


def _cell(word: str, num_layers: int) -> Cell:
    match = re.fullmatch(r"(\d{1,4})-(\d{1,4})", word, re.ASCII)
    if match is None:
        raise ChoiceError(
            f"{word[:40]!r} is no choice of cells; choose {', '.join(CHOICES)}, or list boundaries as in 2-4,0-6."
        )
    n1, n2 = int(match[1]), int(match[2])
    if not n1 <= n2 <= num_layers:
        raise ChoiceError(
            f"{word} is no cell of {num_layers} layers: boundary 1 must not be after boundary 2, nor boundary 2 after "
            f"layer {num_layers}."
        )
    return n1, n2
