"""Settings refuse what makes no sense, in one sentence, and specifications survive a trip through JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.errors import SpafitError
from spafit.stratification import Method, Recipe, Stratification, preset
from spafit.training.config import (
    QUICK,
    RunSpec,
    SettingsError,
    TrainSettings,
    default_learning_rate,
    learning_rates,
)

settings = st.builds(
    TrainSettings,
    train_samples=st.none() | st.integers(2, 10**6),
    epochs=st.floats(0.01, 100),
    max_steps=st.none() | st.integers(1, 10**6),
    batch_size=st.integers(1, 4096),
    learning_rate=st.none() | st.floats(1e-8, 10),
    max_length=st.integers(4, 4096),
    seed=st.integers(0, 2**32 - 1),
    eval_every=st.none() | st.integers(1, 1000),
    early_stopping=st.none() | st.integers(1, 100),
    warmup=st.floats(0, 1),
    weight_decay=st.floats(0, 1),
    accumulation=st.integers(1, 64),
    precision=st.sampled_from(["auto", "fp32", "bf16"]),
    prefix_cache=st.sampled_from(["auto", "off"]),
    frozen_dropout=st.booleans(),
)


@given(settings)
def test_settings_round_trip(value: TrainSettings):
    assert TrainSettings.from_dict(json.loads(json.dumps(value.to_dict()))) == value


@given(settings, st.sampled_from(list(Method)), st.integers(1, 30))
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
    table = learning_rates()["defaults"]
    for method in Method:
        assert default_learning_rate(preset(method, 6)) == table[method.value]
    mixed = Stratification(
        num_layers=6, n1=2, n2=4, recipes=(Recipe.FROZEN, Recipe.BIAS, Recipe.FULL)
    )  # one full stratum is enough to want the small rate
    assert default_learning_rate(mixed) == table["full"]
    given = RunSpec("m", "t", mixed, TrainSettings(learning_rate=0.5))
    assert given.learning_rate == 0.5 == given.resolved().settings.learning_rate
    assert RunSpec("m", "t", mixed, QUICK).resolved().settings.learning_rate == table["full"]
