"""Dividing examples into train, validation and test parts that share no text. Pure functions.

A text's place follows from a hash of the text itself, not from a random generator or from the order of the file, so the
parts are the same on every machine and with every numpy, and adding rows to a file moves few of the others.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from spafit.tasks.task import SPLITS, Examples, TaskError

SALT = b"spafit-split-1"  # part of every hash: changing it changes every split there is
REGRESSION_BINS = 5


@dataclass(frozen=True)
class Preparation:
    """What was done to the rows of the source: shown to people, stored beside the data."""

    rows_read: int  # rows found in the source, before anything was left out
    splits: dict[str, int]  # part -> rows it has now
    duplicates_removed: int = 0  # repeated texts left out, beyond their first occurrence
    contradictions: int = 0  # texts that occurred with more than one label; the first label was kept
    found_in_test: int = 0  # training or validation rows left out because a later part has the same text
    duplicates_in_test: int = 0  # repeats inside a test part that came as given and was left as it is
    left_out: dict[str, int] = field(default_factory=dict)  # reason -> rows that could not be used
    problems: tuple[str, ...] = ()  # the first of those rows, each with its file and line

    @property
    def remark(self) -> str:
        """One sentence on rows of the source that could not be used, with the first of them; empty without any."""
        if not self.left_out:
            return ""
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in self.left_out.items())
        first = f"; the first: {self.problems[0]}" if self.problems else ""
        return f"Left out of the data: {reasons}{first}."

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Preparation:
        """Return the inverse of `to_dict`."""
        values: dict[str, Any] = {**data, "problems": tuple(data.get("problems", ()))}
        return cls(**values)


def normalize(text: str) -> str:
    """Return the form in which two texts count as the same: NFKC, case folded, runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_keys(texts: list[str], pairs: list[str] | None = None) -> list[bytes]:
    """One 16-byte key per example; equal keys mean equal normalized texts (and second texts)."""
    keys = []
    for i, text in enumerate(texts):
        digest = hashlib.blake2b(normalize(text).encode("utf-8", "surrogatepass"), digest_size=16, key=SALT)
        if pairs is not None:
            digest.update(b"\x00" + normalize(pairs[i]).encode("utf-8", "surrogatepass"))
        keys.append(digest.digest())
    return keys


def order_of(keys: list[bytes]) -> np.ndarray:
    """Return the place of each key in a fixed pseudo-random order, as uint64."""
    return np.frombuffer(b"".join(key[:8] for key in keys), dtype="<u8").astype(np.uint64)


def strata(labels: np.ndarray) -> np.ndarray:
    """Group numbers to stratify by: the class itself, or one of five equally full bins of a regression target."""
    if labels.dtype.kind != "f":
        return labels.astype(np.int64)
    if not len(labels):
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(labels, np.linspace(0, 1, REGRESSION_BINS + 1)[1:-1])
    return np.searchsorted(edges, labels, side="right").astype(np.int64)


def quotas(available: np.ndarray, total: int, caps: np.ndarray | None = None) -> np.ndarray:
    """Divide `total` over groups in proportion to `available`, by largest remainder, never above `caps`.

    Returns int64 per group. The sum is `total`, or less where the caps do not allow it.
    """
    available = np.asarray(available, dtype=np.int64)
    caps = available if caps is None else np.minimum(available, np.asarray(caps, dtype=np.int64))
    everything = int(available.sum())
    if everything == 0 or total <= 0:
        return np.zeros_like(available)
    total = min(total, int(caps.sum()))
    share = available * total / everything
    given = np.minimum(np.floor(share).astype(np.int64), caps)
    while (missing := total - int(given.sum())) > 0:
        wanting = np.where(given < caps, share - given, -np.inf)
        best = np.argsort(-wanting, kind="stable")[:missing]
        given[best[wanting[best] > -np.inf]] += 1
    return given


def pick(order: np.ndarray, groups: np.ndarray, total: int, keep: int = 0) -> np.ndarray:
    """Positions of a stratified choice of `total` rows: in each group those that come first in `order`.

    Args:
        order: uint64 per row, e.g. from `order_of` or `shuffled`.
        groups: stratum per row.
        total: rows wanted; fewer come back where there are fewer.
        keep: rows of every group that must not be chosen.

    Returns:
        Positions, ascending. A smaller choice with the same order is a subset of a larger one, up to rounding.
    """
    names, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    quota = quotas(counts, total, np.maximum(counts - keep, 0))
    by_group = np.lexsort((order, inverse))
    starts = np.concatenate(([0], np.cumsum(counts)))
    chosen = [by_group[starts[g] : starts[g] + quota[g]] for g in range(len(names))]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)


def shuffled(order: np.ndarray, seed: int) -> np.ndarray:
    """Another fixed pseudo-random order for each seed (the finalizer of SplitMix64 over order and seed)."""
    with np.errstate(over="ignore"):
        x = order.astype(np.uint64) + np.uint64(seed % 2**64) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def arrange(
    parts: Mapping[str, Examples],
    *,
    validation: int,
    test: int,
    left_out: Mapping[str, int] | None = None,
    problems: tuple[str, ...] = (),
) -> tuple[dict[str, tuple[Examples, np.ndarray]], Preparation]:
    """Make train, validation and test parts with no text in two of them.

    Test parts that are given (their names start with "test") stay exactly as they are, so that figures on them compare
    with those of others; what repeats one of their texts leaves the other parts. What is missing is taken out of
    "train", stratified, leaving every class at least one training example. Repeated texts are left out of the rest.

    Args:
        parts: "train", and whichever of "validation", "test" and further test parts exist already.
        validation, test: rows to take for a part that is not given.
        left_out, problems: what reading the source already left out; goes into the `Preparation`.

    Returns:
        part -> (examples, uint64 order per row), and the account of what was done.

    Raises:
        TaskError: a part is left without rows.
    """
    taken: set[bytes] = set()
    result: dict[str, tuple[Examples, np.ndarray]] = {}
    duplicates_in_test = duplicates = contradictions = found_in_test = 0
    for name in [name for name in parts if name.startswith("test")]:
        keys = text_keys(parts[name].text, parts[name].pair)
        duplicates_in_test += len(keys) - len(set(keys))
        taken.update(keys)
        result[name] = (parts[name], order_of(keys))
    for name in [name for name in ("validation", "train") if name in parts]:
        part = parts[name]
        first: dict[bytes, int] = {}
        contradicted: set[bytes] = set()
        for i, key in enumerate(text_keys(part.text, part.pair)):
            if key in taken:
                found_in_test += 1
            elif key in first:
                duplicates += 1
                if part.labels[first[key]] != part.labels[i]:
                    contradicted.add(key)
            else:
                first[key] = i
        contradictions += len(contradicted)
        taken.update(first)
        order = order_of(list(first))
        rows = np.fromiter(first.values(), dtype=np.int64, count=len(first))
        by_order = np.argsort(order, kind="stable")
        result[name] = (part.take(rows[by_order]), order[by_order])
    for name, wanted in (("test", test), ("validation", validation)):
        if name not in result:
            part, order = result["train"]
            rows = pick(order, strata(part.labels), wanted, keep=1)
            rest = np.setdiff1d(np.arange(len(part)), rows)
            result[name] = (part.take(rows), order[rows])
            result["train"] = (part.take(rest), order[rest])
    for name in SPLITS:
        if not len(result[name][0]):
            raise TaskError(
                f"There are too few different texts: none is left for the {name} part"
                + (" when every class keeps one to train on." if name != "train" else ".")
            )
    names = [*SPLITS, *sorted(name for name in result if name not in SPLITS)]
    ordered = {name: result[name] for name in names}
    return ordered, Preparation(
        rows_read=sum(len(part) for part in parts.values()) + sum((left_out or {}).values()),
        splits={name: len(part) for name, (part, _) in ordered.items()},
        duplicates_removed=duplicates,
        contradictions=contradictions,
        found_in_test=found_in_test,
        duplicates_in_test=duplicates_in_test,
        left_out=dict(left_out or {}),
        problems=problems,
    )
