"""Settings refuse what makes no sense, in one sentence, and specifications survive a trip through JSON."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.errors import SpafitError
from spafit.stratification import Method, Recipe, Stratification, preset
from spafit.training import rates
from spafit.training.config import (
    QUICK,
    SETTINGS,
    RunSpec,
    SettingsError,
    TrainSettings,
)
from spafit.training.rates import HEAD_ONLY, default_learning_rate, nearest_row, rate_key, rate_reason
from spafit.training.setting import Kind
from tests.strategies import train_settings


@given(train_settings())
def test_settings_round_trip(value: TrainSettings):
    assert TrainSettings.from_dict(json.loads(json.dumps(value.to_dict()))) == value


@given(train_settings(), st.sampled_from(list(Method)), st.integers(1, 30))
def test_spec_round_trip(value: TrainSettings, method: Method, layers: int):
    spec = RunSpec("minilm-l6", "rotten-tomatoes", preset(method, layers), value)
    assert RunSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize(
    "field, value",
    [
        ("batch_size", 0),
        ("batch_size", 2.5),
        ("batch_size", True),
        ("batch_size", None),
        ("train_samples", 1),
        ("train_samples", "many"),
        ("epochs", 0),
        ("epochs", float("nan")),
        ("epochs", float("inf")),
        ("max_steps", 0),
        ("learning_rate", 0.0),
        ("learning_rate", -1e-3),
        ("learning_rate", float("nan")),
        ("max_length", 3),
        ("seed", -1),
        ("eval_every", 0),
        ("early_stopping", 0),
        ("warmup", 1.5),
        ("weight_decay", -0.1),
        ("max_grad_norm", 0),
        ("accumulation", 0),
        ("precision", "fp8"),
        ("device", "tpu"),
        ("prefix_cache", "maybe"),
        ("checkpointing", "yes"),
    ],
)
def test_bad_settings_are_one_sentence_that_names_the_setting(field: str, value: object):
    with pytest.raises(SettingsError) as caught:
        TrainSettings(**{field: value})
    message = str(caught.value)
    assert field in message and "\n" not in message and message.endswith(".")


def test_the_bounds_of_every_setting_hold_at_both_ends():
    for name, setting in SETTINGS.items():
        if setting.kind in (Kind.WHOLE, Kind.NUMBER):
            kind = int if setting.kind is Kind.WHOLE else float
            inside = [kind(setting.high)] + ([] if setting.above else [kind(setting.low)])
            outside = [kind(setting.high * 2 + 1), kind(setting.low - 1)] + ([setting.low] if setting.above else [])
            assert [setting.problem(value) for value in inside] == [""] * len(inside), name
            assert all(setting.problem(value) for value in outside), name
        for nothing in (None, "", float("nan"), [], "many"):
            allowed = nothing is None and bool(setting.empty)
            assert bool(setting.problem(nothing)) != allowed, (name, nothing)


def test_every_setting_has_a_name_an_explanation_and_a_flag_of_its_own():
    flags = [flag for setting in SETTINGS.values() for flag in (setting.flag, *setting.former_flags)]
    assert len(flags) == len(set(flags)) and all(flag.startswith("--") for flag in flags)
    for name, setting in SETTINGS.items():
        assert setting.name == name and setting.label and setting.help
        assert setting.default == getattr(TrainSettings(), name)


def test_a_rate_that_diverges_is_remarked_upon_and_may_still_be_tried():
    assert TrainSettings(learning_rate=5).remarks() == ["Learning rate 5 is far above what is usual (1e-07 to 0.1)."]
    assert TrainSettings().remarks() == TrainSettings(learning_rate=0.05).remarks() == []


def test_what_is_stored_has_the_keys_and_the_defaults_of_before():
    """Runs, links and files of earlier versions are read by these."""
    assert TrainSettings().to_dict() == {
        "train_samples": 2000,
        "epochs": 2.0,
        "max_steps": None,
        "batch_size": 16,
        "learning_rate": None,
        "max_length": 128,
        "seed": 0,
        "eval_every": None,
        "eval_samples": 500,
        "early_stopping": None,
        "warmup": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "accumulation": 1,
        "group_by_length": False,
        "checkpointing": False,
        "precision": "auto",
        "device": "auto",
        "prefix_cache": "auto",
        "frozen_dropout": False,
        "head_weights": "new",
    }


def test_dropout_in_frozen_layers_contradicts_a_forced_cache():
    with pytest.raises(SettingsError, match="frozen_dropout"):
        TrainSettings(frozen_dropout=True, prefix_cache="on")


def test_unknown_setting_and_schema_are_refused():
    with pytest.raises(SettingsError, match="batchsize"):
        TrainSettings.from_dict({"batchsize": 4})
    spec = RunSpec("m", "t", preset(Method.LORA, 4)).to_dict()
    with pytest.raises(SettingsError, match="schema"):
        RunSpec.from_dict({**spec, "schema": 99})
    with pytest.raises(SettingsError, match="task"):
        RunSpec.from_dict({key: value for key, value in spec.items() if key != "task"})
    with pytest.raises(SpafitError):
        RunSpec("", "t", preset(Method.LORA, 4))


def test_learning_rate_defaults_follow_the_method():
    table = nearest_row(None)["defaults"]
    for method in Method:
        assert default_learning_rate(preset(method, 6)) == table[method.value]
    mixed = Stratification(
        num_layers=6, n1=2, n2=4, recipes=(Recipe.FROZEN, Recipe.BIAS, Recipe.FULL)
    )  # one full stratum is enough to want the small rate
    assert default_learning_rate(mixed) == table["full"]
    given = RunSpec("m", "t", mixed, TrainSettings(learning_rate=0.5))
    assert given.learning_rate == 0.5 == given.resolved().settings.learning_rate
    of_its_steps = nearest_row(QUICK.expected_steps())["defaults"]["full"]
    assert RunSpec("m", "t", mixed, QUICK).resolved().settings.learning_rate == of_its_steps


def test_the_rate_of_the_search_with_the_nearest_number_of_steps_applies(monkeypatch):
    rows = [{"steps": steps, "defaults": {"spafit": rate}} for steps, rate in ((64, 3e-3), (256, 1e-3))]
    monkeypatch.setattr(rates, "learning_rates", lambda: {"rows": rows})
    strat = preset(Method.SPAFIT, 6)
    found = {steps: default_learning_rate(strat, steps) for steps in (1, 64, 127, 129, 10**6, None)}
    assert found == {1: 3e-3, 64: 3e-3, 127: 3e-3, 129: 1e-3, 10**6: 1e-3, None: 1e-3}  # 128 is the middle by logarithm
    few = TrainSettings(train_samples=512, epochs=2.0)
    assert few.expected_steps() == 64 and RunSpec("m", "t", strat, few).learning_rate == 3e-3
    assert replace(few, max_steps=300).expected_steps() == 300
    assert replace(few, train_samples=None).expected_steps() is None
    assert "SPAFIT" in rate_reason(strat, 64) and "64 steps" in rate_reason(strat, 64)


def test_training_pooler_biases_alone_is_no_linear_probe():
    assert rate_key(preset(Method.SPAFIT, 6, 6, 6)) == HEAD_ONLY
    assert rate_key(preset(Method.PROBE, 6)) == "probe"
    assert rate_key(preset(Method.SPAFIT, 6, 5, 6)) == "bitfit"
    assert default_learning_rate(preset(Method.SPAFIT, 6, 6, 6)) > 0
