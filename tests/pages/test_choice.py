"""The visitor's choice across pages: one value, in the address, undoable, checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from spafit.runs import Store
from spafit.stratification import Method, Recipe, preset
from spafit.training.config import QUICK
from spafit.ui.address import to_parameters
from spafit.ui.choice import Choice
from tests.pages.made_up import words

Opener = Callable[..., AppTest]
TRAIN, EXPLORE = "pages/train.py", "pages/explore.py"


def address(app: AppTest) -> dict[str, str]:
    """Return what the page has the browser's address say."""
    return json.loads(next(node.proto for node in app.get("bidi_component") if node.proto.id.endswith("address")).json)[
        "values"
    ]


PREPARED = Choice(
    "minilm-l6", preset("spafit", 6, 1, 3), "qqp", replace(QUICK, epochs=3.0, seed=7), preset("bitfit", 6)
)


@pytest.mark.parametrize("page", [TRAIN, EXPLORE])
def test_an_address_brings_the_whole_choice_and_keeps_it(open_page: Opener, page: str) -> None:
    app = open_page(page, **to_parameters(PREPARED))
    assert app.session_state["choice"] == PREPARED
    assert address(app) == to_parameters(PREPARED)
    app.switch_page(TRAIN).run()
    assert app.number_input(key="setting_epochs").value == 3.0
    assert app.number_input(key="setting_seed").value == 7
    assert app.selectbox(key="train_task").value == "qqp"


def test_the_address_follows_every_change_on_train(open_page: Opener) -> None:
    app = open_page(TRAIN)
    assert set(address(app)) == {"s"}
    app.number_input(key="setting_epochs").set_value(4.0).run()
    app.segmented_control(key="train_method").set_value(Method.BITFIT).run()
    choice = Choice("minilm-l6", preset("bitfit", 6), settings=replace(QUICK, epochs=4.0))
    assert address(app) == to_parameters(choice)
    app.selectbox(key="train_task").select("qqp").run()
    assert address(app) == to_parameters(replace(choice, task="qqp"))


def test_a_part_that_cannot_be_is_said_and_the_rest_is_taken(open_page: Opener, store: Store) -> None:
    app = open_page(TRAIN, **{**to_parameters(PREPARED), "task": "no such <b>task</b>", "set": "damaged!"})
    assert "<b>" not in words(app)
    assert "What could not be read from the address stays as it was" in words(app)
    choice = app.session_state["choice"]
    assert (choice.stratification, choice.task, choice.settings) == (PREPARED.stratification, "rotten-tomatoes", QUICK)


def test_a_link_to_a_run_alone_fills_the_form_with_what_it_was_made_with(open_page: Opener, make_run) -> None:
    run = make_run("finished", method="lora", seed=3)
    app = open_page(TRAIN, run=run.id)
    assert app.session_state["choice"].stratification == preset("lora", 6)
    assert app.session_state["choice"].settings.seed == 3


def test_drawing_any_page_chooses_nothing(open_page: Opener) -> None:
    for page in ("app.py", EXPLORE, TRAIN, "pages/runs.py", "pages/data.py"):
        assert "choice" not in open_page(page).session_state


def test_runs_in_the_address_are_ticked_and_compared(open_page: Opener, make_run) -> None:
    chosen = [make_run("finished", seed=seed).id for seed in (0, 1, 2)][:2]
    app = open_page("pages/runs.py", runs=".".join(chosen))
    assert app.session_state["choice"].runs == tuple(chosen)
    assert "Training loss, smoothed" in words(app)
    assert address(app) == {"runs": ".".join(chosen)}


@pytest.mark.parametrize(("page", "box"), [(TRAIN, "train_method"), (EXPLORE, "explore_method")])
def test_a_stratification_that_is_no_preset_marks_none_until_one_is_picked(
    open_page: Opener, page: str, box: str
) -> None:
    own = replace(preset("spafit", 6, 1, 3), recipes=(Recipe.FROZEN, Recipe.LORA, Recipe.FULL))
    app = open_page(page, **to_parameters(Choice("minilm-l6", own)))
    methods = app.segmented_control(key=box)
    assert methods.value is None
    assert methods.options == [method.label for method in Method], "One more would move what lies below."
    methods.set_value(Method.LORA).run()
    assert app.session_state["choice"].stratification == preset("lora", 6, lora=own.lora)
    assert app.segmented_control(key=box).value == Method.LORA
