"""A run that is repeated from its own record learns the same, step by step."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest

from spafit.cli.spec import read_spec
from spafit.runs import Store
from spafit.stratification import preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.events import Step
from spafit.training.loop import train
from tests.glue_layout import write_task
from tests.tiny import WORDS, save_tiny_model

STEPS = 4


def test_the_record_of_a_run_gives_its_curve_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_task(tmp_path, "sst2", train=60, words=lambda _part, i: " ".join(WORDS[i % 7 : i % 7 + 1 + i % 11]))
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))
    settings = TrainSettings(train_samples=40, batch_size=8, max_length=16, eval_samples=10, seed=3)
    asked = RunSpec(str(save_tiny_model(tmp_path / "model")), "sst2", preset("spafit", 3), settings)
    store = Store.open()
    run = store.get(store.submit(asked))
    record = tmp_path / "record.json"
    record.write_text(json.dumps(run.to_dict()))

    def curve(spec: RunSpec) -> list[float]:
        seconds = iter(range(10**6))
        steps = (event for event in train(spec, clock=lambda: float(next(seconds))) if isinstance(event, Step))
        return [event.loss for event in islice(steps, STEPS)]

    first = curve(asked)
    assert len(first) == STEPS and first == curve(read_spec(str(record)))
