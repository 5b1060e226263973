"""Advice: every advisor's proposal within a budget, asked outside the app, judged on a measured map if there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from spafit.maps import kept
from spafit.maps.cells import cells
from spafit.runs import State, Store
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec
from spafit.ui.advice import asked
from spafit.ui.advice.strip import strip
from tests.pages.made_up import FINISHED, STARTED, words

Opener = Callable[..., AppTest]
ADVICE = "pages/advice.py"
ANSWERS = {
    "cka": {"scores": [None, 0.1, 0.4, 0.5, 2.0, 2.1], "seconds": 1.5, "remark": "Layer 1 is left out."},
    "gradient": {"scores": [0.9, 0.8, 0.4, 0.3, 0.2, 0.1], "seconds": 2.5, "remark": ""},
}


@pytest.fixture(autouse=True)
def nobody_asked_yet() -> Iterator[None]:
    asked._kept().clear()
    yield
    asked._kept().clear()


@pytest.fixture
def a_map(store: Store) -> None:
    """Every cell of six layers with two seeds; the deeper N2, the better."""
    for n1, n2 in cells("all", 6):
        for seed in (0, 1):
            spec = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, n1, n2), replace(QUICK, seed=seed))
            run = store.claim(store.submit(spec), "a test")
            assert run is not None
            scores = {"accuracy": 0.7 + 0.01 * n2 + 0.001 * seed}
            told = replace(FINISHED, validation_metrics=scores)
            store.record(run, [STARTED.to_dict()])
            store.conclude(run, State.FINISHED, events=[told.to_dict()])


def test_the_free_rules_need_nobody_and_the_measured_ones_are_asked(
    open_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = []

    def call(function: str, arguments: dict[str, Any], **_how: object) -> dict[str, Any]:
        questions.append((function, arguments))
        return ANSWERS

    monkeypatch.setattr(asked, "call_in_turn", call)
    app = open_page(ADVICE)
    said = words(app)
    assert "**Thirds** · costs nothing" in said and "Does not fit this order" not in said
    assert "no measured map of this model and task yet" in said
    app.button(key="advice_ask").click().run()
    assert not app.exception
    assert questions == [("spafit.advice.measured:measure", {"model": "minilm-l6", "task": "rotten-tomatoes"})]
    app.run()
    said = words(app).replace("\\", "")
    assert "**Similarity of input and output** · 1.5 s" in said
    assert "Layer 1 is left out." in said and "arXiv 2602.05988" in said.replace("\u2060", "")
    assert "**Does not fit this order**" in said  # the gradient's means fall from bottom to top
    assert "do not rise from bottom to top" in said


def test_proposals_are_judged_on_a_measured_map(open_page: Opener, a_map: None) -> None:
    asked._kept()["minilm-l6", "rotten-tomatoes"] = ANSWERS
    app = open_page(ADVICE)
    app.segmented_control(key="advice_budget").set_value(0.75).run()
    said = words(app).replace("\\", "").replace("\u2060", "")
    assert "28 cells with 2 seeds each" in said
    assert "No ranking of advisors follows: 1 measured maps are too few" in said
    assert "Regret +0.020 ± 0.000 over 2 seeds, rank 14 of" in said
    assert "Thirds wins here" in said  # the same cell as the similarity's


def test_answers_that_a_map_was_recorded_with_are_there_at_once(
    open_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kept.NO_RECORDED)
    monkeypatch.setattr(asked, "call_in_turn", lambda *_, **_how: ANSWERS)
    app = open_page(ADVICE)
    said = words(app).replace("\\", "").replace("\u2060", "")
    assert "their seconds, are those of the recorded map." in said
    assert "**Similarity of input and output** · 65.7 s" in said and "Layer 1 is left out" in said
    assert "28 cells with 3 seeds each" in said
    app.button(key="advice_ask").click().run()
    app.run()
    assert "**Similarity of input and output** · 1.5 s" in words(app)


def test_a_proposal_is_taken_to_explore(open_page: Opener) -> None:
    app = open_page(ADVICE)
    app.segmented_control(key="advice_budget").set_value(0.25).run()
    app.button(key="advice_take_random").click().run()
    assert not app.exception
    app.switch_page("pages/explore.py").run()
    assert not app.exception


def test_a_strip_draws_a_column_a_layer() -> None:
    drawn = strip([None, 1.0, 3.0], preset("spafit", 3, 1, 2), 3)
    assert drawn.count("<i ") == 3
    assert 'title="layer 1: Frozen"><i style="height:0%' in drawn
    assert 'title="layer 3: LoRA + BitFit, score 3"><i style="height:100%' in drawn
    assert strip(None, None, 3).count("no proposal") == 3
