"""Facts, conditions, answers and progress as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.counting import count
from spafit.errors import SpafitError
from spafit.lessons.answers import is_complete, judge
from spafit.lessons.conditions import parse_condition
from spafit.lessons.facts import FACTS, NOT_MEASURED, Situation, cheapest, parse_expression
from spafit.lessons.library import shipped
from spafit.lessons.progress import MAX_CHARS, Progress, from_text, to_text
from spafit.lessons.values import LARGEST, Choice, Question
from spafit.models.load import load_anatomy
from spafit.stratification import Method, preset

ANATOMY = load_anatomy("minilm-l6")


def cell(n1: int, n2: int, scores: tuple[float, ...], error: float | None) -> dict:
    mean = sum(scores) / len(scores)
    kept = {str(seed): score for seed, score in enumerate(scores)}
    return {
        "name": f"SPAFIT-{n1}-{n2}",
        "n1": n1,
        "n2": n2,
        "mean": mean,
        "n": len(scores),
        "standard_error": error,
        "scores": kept,
    }


MAP = {
    "cells": [cell(0, 0, (0.80, 0.82), 0.02), cell(4, 5, (0.79, 0.80), 0.01), cell(6, 6, (0.6, 0.6), 0.0)],
    "methods": [],
    "baseline": 0.5,
}


def at(n1: int, n2: int, measured: dict | None = None) -> Situation:
    return Situation(ANATOMY, preset(Method.SPAFIT, 6, n1, n2), measured)


@pytest.mark.parametrize(
    ("text", "n1", "n2", "holds"),
    [
        ("n1 < 4", 3, 4, True),
        ("n1 < 4", 4, 4, False),
        ("n1 = 0 and n2 = layers", 0, 6, True),
        ("n1 = 0 and n2 = layers", 0, 5, False),
        ("trainable < trainable BitFit", 4, 6, True),
        ("trainable < trainable BitFit", 0, 0, False),
        ("setting = SPAFIT-2-4", 2, 4, True),
        ("setting != SPAFIT-2-4", 2, 4, False),
        ("percent < 0.5", 6, 6, True),
    ],
)
def test_a_condition_holds_where_it_should(text: str, n1: int, n2: int, holds: bool) -> None:
    assert parse_condition(text, 6).holds(at(n1, n2)) is holds


def test_the_cheapest_cell_within_one_standard_error_is_the_goal() -> None:
    goal = parse_condition("setting = cheapest", 6)
    assert goal.holds(at(4, 5)) is None  # nothing measured: nobody can be right or wrong
    found = cheapest(at(0, 0, MAP))
    assert found is not None and found["name"] == "SPAFIT-4-5"
    assert [goal.holds(at(*bounds, MAP)) for bounds in ((4, 5), (0, 0), (6, 6))] == [True, False, False]
    tight = MAP | {"cells": [cell(0, 0, (0.81, 0.81), 0.001), *MAP["cells"][1:]]}
    assert goal.holds(at(0, 0, tight)) is True


def test_false_wins_over_what_is_not_known() -> None:
    condition = parse_condition("n1 = 3 and score > 0.5", 6)
    assert condition.holds(at(2, 4)) is False
    assert condition.holds(at(3, 4)) is None


@given(st.sampled_from(sorted(FACTS)), st.tuples(st.integers(0, 6), st.integers(0, 6)).map(sorted), st.booleans())
def test_every_fact_can_be_shown_of_every_setting(name: str, bounds: list[int], measured: bool) -> None:
    situation = at(bounds[0], bounds[1], MAP if measured else None)
    shown = parse_expression(name, 6).shown(situation)
    assert shown and "None" not in shown
    if FACTS[name].measured and not measured and name not in ("seeds", "measured"):
        assert shown == NOT_MEASURED
    assert parse_expression("trainable", 6).value(situation) == count(ANATOMY, situation.now).trainable


@pytest.mark.parametrize("text", ["", "n1", "n1 <", "n1 << 2", "n1 < 2 or n2 < 3", "score SPAFIT-9-9 > 1", "1e9 < n1"])
def test_what_is_no_condition_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(SpafitError):
        parse_condition(text, 6)


def test_an_answer_is_judged_by_what_the_app_computes() -> None:
    values = [Choice(name, parse_expression(f"score {name}", 6)) for name in ("SPAFIT-0-0", "SPAFIT-6-6")]
    question = Question("Which?", tuple(values), LARGEST)
    assert [judge(question, answer, at(2, 4, MAP)).right for answer in ("0", "1", "7", "x")] == [
        True,
        False,
        None,
        None,
    ]
    assert judge(question, "0", at(2, 4)).right is None
    number = Question("How far?", number=parse_expression("spread SPAFIT-0-0", 6), within=0.005)
    assert [judge(number, answer, at(2, 4, MAP)).right for answer in ("0.02", "0.025", "0.03", "a")] == [
        True,
        True,
        False,
        None,
    ]


def test_a_page_is_complete_once_and_for_all() -> None:
    first, second = shipped().pages[:2]
    assert not is_complete(first, 0, Progress(), at(2, 4))
    assert is_complete(first, 0, Progress(), at(2, 3))
    assert is_complete(first, 0, Progress().complete(0), at(2, 4))
    assert not is_complete(second, 1, Progress(), at(2, 4))
    assert is_complete(second, 1, Progress().answered(1, "0"), at(2, 4))
    assert Progress().answered(1, "0").answered(1, "1").answers == {1: "0"}


PROGRESS = st.builds(
    Progress,
    st.integers(0, 39),
    st.frozensets(st.integers(0, 39)),
    st.dictionaries(st.integers(0, 39), st.text("0123456789.", max_size=8)),
)


@given(st.dictionaries(st.text("0123456789abcdef", min_size=12, max_size=12), PROGRESS, max_size=4))
def test_progress_survives_as_a_text(lessons: dict[str, Progress]) -> None:
    text = to_text(lessons)
    assert len(text) <= MAX_CHARS
    back = from_text(text)
    assert all(back[key] == lessons[key] for key in back)
    assert len(back) == len(lessons) or len(text) > MAX_CHARS // 3


@given(
    st.text(max_size=200)
    | st.sampled_from(['{"v":1,"a":[0,[1],{"x":"y","1":2}]}', '{"v":1,"a":[0,[[]],{}]}', "[" * 5000])
)
def test_any_text_is_some_progress_or_none(text: str) -> None:
    assert all(isinstance(one, Progress) for one in from_text(text).values())
