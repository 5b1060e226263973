"""A sweep is every combination once, and the same sweep has the same key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.errors import SpafitError
from spafit.maps.cells import cells, methods, stratifications
from spafit.maps.definition import Definition, define, definition_key
from spafit.maps.series import Setting, setting_of
from spafit.training.config import TrainSettings
from spafit.training.rates import default_learning_rate

HERE = {"engine": 1}


def a_sweep(choice: str = "corners", beside: str = "", seeds: tuple[int, ...] = (0, 1), **more) -> Definition:
    wanted = stratifications(cells(choice, 6), methods(beside), 6)
    return define("minilm-l6", "rotten-tomatoes", more.pop("settings", TrainSettings(epochs=1)), wanted, seeds, **more)


def test_every_combination_once_seed_by_seed() -> None:
    sweep = a_sweep("corners,"[:-1], "full", seeds=(3, 1, 3), rates=(1e-3, 3e-4, 1e-3))
    specs = sweep.specs()
    assert len(specs) == len({(setting_of(spec).key, spec.settings.seed) for spec in specs}) == 4 * 2 * 2
    assert [spec.settings.seed for spec in specs] == [3] * 8 + [1] * 8
    assert [spec.stratification.name for spec in specs[:8:2]] == ["SPAFIT-0-0", "SPAFIT-0-6", "SPAFIT-6-6", "Full"]
    assert all(spec == spec.resolved() for spec in specs)
    assert {spec.settings.epochs for spec in specs} == {1.0}


def test_without_rates_each_setting_has_its_recorded_one() -> None:
    for spec in a_sweep(beside="full,probe").specs():
        assert spec.settings.learning_rate == default_learning_rate(spec.stratification, spec.settings.expected_steps())


def test_it_survives_json() -> None:
    sweep = a_sweep(beside="lora", rates=(1e-3, 2e-3))
    assert Definition.from_dict(json.loads(json.dumps(sweep.to_dict()))) == sweep
    with pytest.raises(SpafitError, match="schema 9"):
        Definition.from_dict(sweep.to_dict() | {"schema": 9})


@given(st.permutations(cells("coarse", 6)), st.permutations([0, 1, 2]))
def test_the_order_of_naming_does_not_change_a_sweep(order: list, seeds: list[int]) -> None:
    named = stratifications(tuple(order), (), 6)
    sweep = define("minilm-l6", "rotten-tomatoes", TrainSettings(seed=9, learning_rate=7.0), named, seeds)
    usual = define(
        "minilm-l6", "rotten-tomatoes", TrainSettings(), stratifications(cells("coarse", 6), (), 6), [0, 1, 2]
    )
    assert definition_key(sweep, HERE) == definition_key(usual, HERE)


def test_anything_else_does() -> None:
    settings = TrainSettings(epochs=3)
    sweeps = [a_sweep(), a_sweep("all"), a_sweep(seeds=(0,)), a_sweep(settings=settings), a_sweep(rates=(1e-3,))]
    keys = {definition_key(sweep, HERE) for sweep in sweeps} | {definition_key(sweeps[0], {"engine": 2})}
    assert len(keys) == len(sweeps) + 1


def test_what_cannot_be_run_is_refused_in_a_sentence() -> None:
    for arguments, sentence in [
        ({"seeds": ()}, "at least one"),
        ({"seeds": (-1,)}, "seed must be"),
        ({"rates": (0.0,)}, "learning_rate must be"),
        ({"choice": "all", "seeds": tuple(range(200))}, "5,600 runs"),
    ]:
        with pytest.raises(SpafitError, match=sentence):
            a_sweep(**arguments)


def test_a_setting_keeps_every_digit_of_its_rate() -> None:
    point = a_sweep().points[0].stratification
    assert Setting(point, 1e-3).key != Setting(point, 1.0000001e-3).key
