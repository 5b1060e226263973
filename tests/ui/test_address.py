"""The choice as query parameters: what goes in comes out, and what is damaged is one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.training.config import QUICK
from spafit.ui.address import from_parameters, to_parameters
from spafit.ui.choice import Choice
from spafit.ui.explore.assumptions import Assumptions
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
    assumptions=st.builds(Assumptions, num_labels=st.integers(1, 9), precision=st.sampled_from(["fp32", "bf16"])),
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
