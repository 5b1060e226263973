"""A look at a task's data before training: how much, how balanced, how long, and what it reads like.

Made once per task and model, in the helper process, which may read and tokenise; kept as JSON beside the data, where
pages find it without either.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spafit.errors import SpafitError
from spafit.files import write_whole
from spafit.tasks.splits import Preparation
from spafit.tasks.task import REGRESSION, Examples, Task, shortened
from spafit.tasks.tokens import TOKENIZER_FILES

FORMAT = 1
MEASURED = 2000  # training examples whose tokens are counted
LONGEST = 4096  # tokens; longer texts count as this long
SHOWN = 10
SHOWN_CHARACTERS = 280
TARGET_BINS = 20


@dataclass(frozen=True)
class Preview:
    """What there is to see of a task's data."""

    preparation: Preparation
    counts: dict[str, list[int]]  # part -> rows per class, or per bin of a regression target
    bins: list[float]  # edges of those bins; empty for classification
    baseline: dict[str, float]  # the metrics on the test part without learning: most frequent class, or mean
    examples: list[dict[str, str]]  # "text", perhaps "pair", "label"; long texts cut
    lengths: list[int]  # number of measured examples with 0, 1, 2 … tokens, special tokens included; empty: unknown
    no_lengths: str  # why they are unknown

    @property
    def measured(self) -> int:
        """Training examples whose tokens were counted."""
        return sum(self.lengths)

    @property
    def mean_length(self) -> float:
        """Tokens per measured example, before anything is cut."""
        return float(np.dot(self.lengths, np.arange(len(self.lengths))) / max(self.measured, 1))

    def truncated(self, max_length: int) -> float:
        """Return the share of the measured examples that are longer than `max_length` tokens and would be cut."""
        return sum(self.lengths[max_length + 1 :]) / max(self.measured, 1)

    def tokens(self, max_length: int) -> float:
        """Tokens per example after cutting at `max_length`."""
        kept = np.minimum(np.arange(len(self.lengths)), max_length)
        return float(np.dot(self.lengths, kept) / max(self.measured, 1))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Preview:
        """Return the inverse of `to_dict`; raises KeyError, TypeError or ValueError for anything else."""
        if data["format"] != FORMAT:
            raise ValueError("another format")
        values: dict[str, Any] = {name: value for name, value in data.items() if name != "format"}
        values["preparation"] = Preparation.from_dict(values["preparation"])
        return cls(**values)


def read(task: Task, tokenizer_folder: Path | None) -> Preview | None:
    """Return the preview made earlier, or None. Reads one small file."""
    try:
        return Preview.from_dict(json.loads(_path(task, tokenizer_folder).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make(task: str, tokenizer_folder: str | None) -> dict[str, Any]:
    """Make and keep the preview of a task, as a dictionary. Reads and tokenises: for the helper process.

    Args:
        task: a task's key.
        tokenizer_folder: a model folder; without one (or without a tokenizer in it) lengths stay unknown.
    """
    from spafit import tasks

    found = tasks.get_task(task)
    place = Path(tokenizer_folder) if tokenizer_folder else None
    parts = {split: tasks.load(found, split) for split in found.splits}
    counts, bins = _counts(found, {split: part.labels for split, part in parts.items()})
    lengths, no_lengths = _lengths(tasks.load(found, "train", limit=MEASURED), place)
    made = Preview(
        preparation=tasks.preparation(found),
        counts=counts,
        bins=bins,
        baseline=tasks.baseline(found, parts["test"].labels),
        examples=_examples(found, tasks.load(found, "train", limit=SHOWN)),
        lengths=lengths,
        no_lengths=no_lengths,
    ).to_dict()
    with contextlib.suppress(SpafitError):  # then it is made again next time
        write_whole(_path(found, place), json.dumps(made).encode())
    return made


def _path(task: Task, tokenizer_folder: Path | None) -> Path:
    from spafit import tasks

    facts = []
    for name in TOKENIZER_FILES:
        path = tokenizer_folder / name if tokenizer_folder else None
        if path and path.is_file():
            facts.append([str(path), path.stat().st_size, path.stat().st_mtime_ns])
    digest = hashlib.blake2b(json.dumps([FORMAT, facts]).encode(), digest_size=8).hexdigest()
    return tasks.folder(task) / "previews" / f"{digest}.json"


def _counts(task: Task, labels: dict[str, np.ndarray]) -> tuple[dict[str, list[int]], list[float]]:
    if task.kind != REGRESSION:
        return {split: np.bincount(y, minlength=task.num_labels).tolist() for split, y in labels.items()}, []
    everything = np.concatenate(list(labels.values()))
    edges = np.linspace(everything.min(), everything.max(), TARGET_BINS + 1)
    return {split: np.histogram(y, edges)[0].tolist() for split, y in labels.items()}, edges.tolist()


def _lengths(examples: Examples, tokenizer_folder: Path | None) -> tuple[list[int], str]:
    if tokenizer_folder is None:
        return [], "The chosen model's tokenizer is not on this machine."
    try:
        if (tokenizer_folder / "tokenizer.json").is_file():
            lengths = _count_tokens(examples, tokenizer_folder / "tokenizer.json")
        else:
            from spafit.tasks.tokens import tokenize

            lengths = tokenize(examples, tokenizer_folder, LONGEST, None).lengths
    except SpafitError as error:
        return [], str(error)
    return np.bincount(np.minimum(lengths, LONGEST)).tolist(), ""


def _count_tokens(examples: Examples, path: Path) -> np.ndarray:
    """Tokens per example by the Rust tokenizer alone: importing transformers would take longer than counting."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the binding raises bare Exceptions
        raise SpafitError(f"The tokenizer in {path.parent} cannot be loaded.") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    texts = examples.text if examples.pair is None else list(zip(examples.text, examples.pair, strict=True))
    return np.array([len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts)])


def _examples(task: Task, examples: Examples) -> list[dict[str, str]]:
    shown = []
    for i, text in enumerate(examples.text):
        row = {"text": shortened(text, SHOWN_CHARACTERS)}
        if examples.pair is not None:
            row["pair"] = shortened(examples.pair[i], SHOWN_CHARACTERS)
        shown.append(row | {"label": task.answer(examples.labels[i])})
    return shown
