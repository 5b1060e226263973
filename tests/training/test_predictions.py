"""A run's predictions come back as they were written, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spafit.errors import SpafitError
from spafit.models.weights import weights_digest
from spafit.stratification import preset
from spafit.tasks import baseline, content_digest, get_task, load
from spafit.tasks.metrics import compute
from spafit.training.config import ENGINE_GENERATION, RunSpec, TrainSettings
from spafit.training.events import Finished, Started
from spafit.training.loop import train
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


def test_a_finished_run_keeps_what_it_answered_and_what_it_was_made_of(tiny_bert: Path, tmp_path: Path) -> None:
    spec = RunSpec(
        str(tiny_bert), "rotten-tomatoes", preset("spafit", 3, 1, 2), TrainSettings(train_samples=32, max_steps=2)
    )
    events = list(train(spec, folder=tmp_path))
    started = next(event for event in events if isinstance(event, Started))
    finished = events[-1]
    assert isinstance(finished, Finished)
    kept = load_predictions(tmp_path)
    assert list(kept) == ["validation", "test"]
    for part, metrics in (("validation", finished.validation_metrics), ("test", finished.metrics)):
        examples = load("rotten-tomatoes", part)
        np.testing.assert_array_equal(kept[part].labels, examples.labels)  # in the order of the part's own rows
        np.testing.assert_array_equal(kept[part].rows, np.arange(len(examples)))
        assert compute(tuple(metrics), kept[part].outputs, kept[part].labels) == metrics
    assert finished.validation_baseline == baseline(get_task("rotten-tomatoes"), kept["validation"].labels)
    assert started.data_hash == content_digest("rotten-tomatoes")
    assert started.weights_hash == weights_digest([tiny_bert / "model.safetensors"], tmp_path)
    assert started.engine_generation == ENGINE_GENERATION
