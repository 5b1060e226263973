"""A run's predictions come back as they were written, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spafit.errors import SpafitError
from spafit.training.predictions import FILE, Predictions, load_predictions, save_predictions


def some(examples: int, outputs: int) -> Predictions:
    random = np.random.default_rng(examples)
    logits = random.standard_normal((examples, outputs)).astype(np.float32)
    return Predictions(logits, random.integers(0, 2, examples), np.arange(examples))


def test_every_part_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    parts = {"validation": some(7, 2), "test": some(5, 2), "test_mismatched": some(3, 1)}
    save_predictions(tmp_path, parts)
    found = load_predictions(tmp_path)
    assert list(found) == list(parts)
    for part, kept in parts.items():
        for name in ("outputs", "labels", "rows"):
            np.testing.assert_array_equal(getattr(found[part], name), getattr(kept, name))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_no_predictions_and_damaged_ones_are_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpafitError, match="kept no predictions"):
        load_predictions(tmp_path)
    save_predictions(tmp_path, {"test": some(50, 2)})
    whole = (tmp_path / FILE).read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole[:200] + b"\0" * 50 + whole[250:]):
        (tmp_path / FILE).write_bytes(content)
        with pytest.raises(SpafitError, match="damaged"):
            load_predictions(tmp_path)


def test_nothing_pickled_is_read(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}, None], dtype=object)
    np.savez_compressed(tmp_path / FILE, **{f"test/{name}": objects for name in ("outputs", "labels", "rows")})
    with pytest.raises(SpafitError, match="damaged"):
        load_predictions(tmp_path)
