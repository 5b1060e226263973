"""The choice as query parameters: what goes in comes out, and what is damaged is one sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.costs import DEVICES, OPTIMIZERS, PRECISIONS, flops
from spafit.export.link import Shared, to_link
from spafit.models.load import load_anatomy
from spafit.stratification import preset
from spafit.training.config import QUICK
from spafit.ui.address import from_parameters, to_parameters
from spafit.ui.choice import Choice
from spafit.ui.explore.assumptions import Assumptions, step_memory
from tests.strategies import stratifications

SETTINGS = st.builds(
    lambda epochs, seed, rate, samples: replace(
        QUICK, epochs=epochs, seed=seed, learning_rate=rate, train_samples=samples
    ),
    st.floats(0.01, 10_000),
    st.integers(0, 2**32 - 1),
    st.none() | st.floats(1e-8, 1),
    st.none() | st.integers(2, 10**9),
)
CHOICES = st.builds(
    Choice,
    model=st.sampled_from(["minilm-l6", "google/electra-small-discriminator", "folder with ü & = ?"]),
    stratification=stratifications(6),
    task=st.sampled_from(["rotten-tomatoes", "qqp", "own-1a2b3c"]),
    settings=SETTINGS,
    other=st.none() | stratifications(6),
    assumptions=st.builds(Assumptions, num_labels=st.integers(1, 9), precision=st.sampled_from(PRECISIONS)),
    runs=st.lists(st.text("23456789abcdef", min_size=8, max_size=8), max_size=3, unique=True).map(tuple),
)


@given(CHOICES)
def test_a_choice_survives_the_address(choice: Choice) -> None:
    changes, problems = from_parameters(to_parameters(choice))
    assert problems == []
    first = Choice(choice.model, choice.stratification)
    assert replace(first, **changes) == choice


@given(st.dictionaries(st.sampled_from(["s", "task", "set", "runs"]), st.text(max_size=60)))
def test_whatever_an_address_says_is_a_choice_or_a_sentence(parameters: dict[str, str]) -> None:
    _changes, problems = from_parameters(parameters)
    assert all(problem.endswith(".") and "\n" not in problem for problem in problems)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("?", "damaged"),
        ("e30", "another version"),
        ("eyJ2IjoxLCJlcG9jaHMiOi0xfQ", "epochs"),  # {"v":1,"epochs":-1}
        ("eyJ2IjoxLCJmb28iOjF9", "foo"),  # {"v":1,"foo":1}
        ("W10", "damaged"),
        ("x" * 5000, "damaged"),
    ],
)
def test_settings_that_cannot_be_are_refused_and_the_rest_is_read(text: str, sentence: str) -> None:
    changes, (problem,) = from_parameters({"set": text, "task": "qqp"})
    assert changes == {"task": "qqp"}
    assert sentence in problem.lower()


FORMER = st.fixed_dictionaries(
    {},
    optional={
        "num_labels": st.integers(1, 10_000),
        "batch_size": st.integers(1, 4096).filter(lambda number: number != 16),
        "length": st.integers(1, 131_072).filter(lambda number: number != 128),
        "checkpointing": st.just(True),
        "precision": st.sampled_from(PRECISIONS),
        "optimizer": st.sampled_from([*OPTIMIZERS]),
        "device": st.sampled_from(DEVICES),
    },
)


@given(FORMER)
def test_a_link_from_when_explore_had_settings_of_its_own_still_brings_them(named: dict[str, int | str | bool]) -> None:
    changes, problems = from_parameters({"s": to_link(Shared("minilm-l6", preset("spafit", 6), None, named))})
    assert problems == []
    choice = replace(Choice("minilm-l6", preset("spafit", 6)), **changes)
    moved = {"batch_size": 16, "length": 128, "checkpointing": False}
    if named.keys() & moved.keys():
        theirs: dict[str, Any] = moved | {name: value for name, value in named.items() if name in moved}
        assert choice.settings == replace(QUICK, max_length=max(theirs.pop("length"), 4), **theirs)
    else:
        assert choice.settings == QUICK
    rest: dict[str, Any] = {name: value for name, value in named.items() if name not in moved}
    assert choice.assumptions == Assumptions(**rest)


@pytest.mark.parametrize(
    ("link", "memory", "work"),
    [
        (  # written by a version before Explore took the training settings, as are the next
            "eyJ2IjoxLCJtb2RlbCI6ImJlcnQtbGFyZ2UtY2FzZWQiLCJsYXllcnMiOjI0LCJhIjoiU1BBRklULTQtOSIsInNldCI6eyJudW1fbGFi"
            "ZWxzIjozLCJiYXRjaF9zaXplIjo4LCJsZW5ndGgiOjI1NiwicHJlY2lzaW9uIjoiYmYxNiIsIm9wdGltaXplciI6InNnZCIsImRldmlj"
            "ZSI6ImN1ZGEiLCJjaGVja3BvaW50aW5nIjp0cnVlfX0",
            ("backward, layer 24", 1_338_261_516, 16_396, 0, 167_772_160, 135_692_288),
            (1_292_533_547_008, 2_189_644_890_112),
        ),
        (
            "eyJ2IjoxLCJtb2RlbCI6ImdwdDIiLCJsYXllcnMiOjEyLCJhIjoiRnVsbCIsInNldCI6eyJsZW5ndGgiOjY0LCJvcHRpbWl6ZXIiOiJy"
            "bXNwcm9wIn19",
            ("backward, layer 12", 497_765_376, 12_288, 497_765_376, 1_249_058_816, 34_606_080),
            (176_365_240_320, 352_730_480_640),
        ),
    ],
)
def test_what_a_former_link_estimates_is_what_it_was(
    link: str, memory: tuple[str | int, ...], work: tuple[int, int]
) -> None:
    changes, _problems = from_parameters({"s": link})
    choice = Choice(**changes)
    anatomy = load_anatomy(choice.model, num_labels=choice.assumptions.num_labels)
    peak = step_memory(anatomy, choice.stratification, **choice.step)
    assert (peak.name, peak.weights, peak.gradients, peak.optimizer, peak.activations, peak.workspace) == memory
    step = {name: choice.step[name] for name in ("batch", "length", "checkpointing")}
    done = flops(anatomy, choice.stratification, **step)
    assert (done.forward, done.backward) == work


def test_what_is_estimated_at_first_is_what_it_was_for_as_many_tokens() -> None:
    choice = Choice("minilm-l6", preset("spafit", 6, 2, 4), settings=replace(QUICK, max_length=128))
    peak = step_memory(load_anatomy("minilm-l6"), choice.stratification, **choice.step)
    assert (peak.name, peak.weights, peak.gradients) == ("forward, layer 6", 91_052_552, 0)
    assert (peak.optimizer, peak.activations, peak.workspace) == (537_616, 223_707_136, 100_958_208)
