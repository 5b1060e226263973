"""Runs are compared when nothing but setting, seed and what does not matter differs, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spafit.maps.series import Contents, Setting, series_key, setting_of
from spafit.stratification import LoraSettings, preset
from spafit.training.config import RunSpec, TrainSettings

CONTENTS = Contents("weights", "data", 1)
SPEC = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, 2, 4))
OTHER = {
    "train_samples": 100,
    "epochs": 3.0,
    "max_steps": 7,
    "batch_size": 8,
    "max_length": 64,
    "early_stopping": 3,
    "warmup": 0.2,
    "weight_decay": 0.1,
    "max_grad_norm": 2.0,
    "accumulation": 2,
    "group_by_length": True,
    "frozen_dropout": True,
    "head_weights": "kept",
}
SAME = {
    "learning_rate": 0.01,
    "seed": 5,
    "device": "cpu",
    "precision": "fp32",
    "prefix_cache": "off",
    "checkpointing": True,
    "eval_every": 9,
    "eval_samples": 50,
}


def with_settings(**changes: object) -> RunSpec:
    return replace(SPEC, settings=replace(SPEC.settings, **changes))


def test_every_training_setting_is_either_part_of_a_series_or_not() -> None:
    assert OTHER.keys() | SAME.keys() == TrainSettings().to_dict().keys()


@pytest.mark.parametrize("name", SAME)
def test_what_does_not_make_another_series(name: str) -> None:
    assert series_key(with_settings(**{name: SAME[name]}), CONTENTS) == series_key(SPEC, CONTENTS)


@pytest.mark.parametrize("name", OTHER)
def test_what_makes_another_series(name: str) -> None:
    assert series_key(with_settings(**{name: OTHER[name]}), CONTENTS) != series_key(SPEC, CONTENTS)


def test_model_task_weights_data_and_engine_make_another_series_and_the_stratification_does_not() -> None:
    key = series_key(SPEC, CONTENTS)
    assert series_key(replace(SPEC, stratification=preset("full", 6)), CONTENTS) == key
    others = {
        series_key(replace(SPEC, model="bert-tiny"), CONTENTS),
        series_key(replace(SPEC, task="imdb"), CONTENTS),
        series_key(SPEC, replace(CONTENTS, weights="others")),
        series_key(SPEC, replace(CONTENTS, data="others")),
        series_key(SPEC, replace(CONTENTS, engine=2)),
    }
    assert len(others | {key}) == 6


def test_a_folder_is_known_by_its_last_name_and_its_contents() -> None:
    """The same weights in another place, or shown without the place by a shared server, are the same."""
    keys = {series_key(replace(SPEC, model=m), CONTENTS) for m in ("/home/ada/model", "…/model", "elsewhere/model")}
    assert len(keys) == 1


def test_with_early_stopping_the_live_evaluations_decide_when_training_ends() -> None:
    patient = with_settings(early_stopping=3)
    assert series_key(replace(patient, settings=replace(patient.settings, eval_every=5)), CONTENTS) != series_key(
        patient, CONTENTS
    )


def test_epochs_that_a_number_of_steps_overrides_do_not_matter() -> None:
    keys = {series_key(with_settings(max_steps=9, epochs=epochs), CONTENTS) for epochs in (1.0, 2.0)}
    assert len(keys) == 1


def test_a_setting_is_a_stratification_with_the_rate_that_it_trains_with() -> None:
    default, written = setting_of(SPEC), setting_of(SPEC.resolved())
    assert default == written
    assert default.key == f"SPAFIT-2-4@{SPEC.learning_rate!r}"


def test_how_pairs_would_be_made_is_no_part_of_a_setting_without_any() -> None:
    wide, usual = LoraSettings(rank=4), LoraSettings()
    assert Setting(preset("spafit", 6, 0, 6, wide), 1e-3) == Setting(preset("spafit", 6, 0, 6, usual), 1e-3)
    assert Setting(preset("spafit", 6, 0, 5, wide), 1e-3) != Setting(preset("spafit", 6, 0, 5, usual), 1e-3)
