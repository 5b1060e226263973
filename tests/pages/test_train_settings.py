"""Train's settings: what is submitted is what is seen, and one visitor's form is nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import pytest
from streamlit.testing.v1 import AppTest

from spafit.runs import Store
from spafit.stratification import Method, preset
from spafit.training.config import QUICK, SETTINGS
from spafit.training.rates import default_learning_rate
from spafit.training.setting import Kind
from tests.pages.made_up import words

Opener = Callable[..., AppTest]
TRAIN = "pages/train.py"


def start_button(app: AppTest):
    return next(button for button in app.button if button.label == "Start training")


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("epochs", 1e9, "Epochs must be a number above 0 and at most 10000, not 1e+09."),
        ("epochs", float("nan"), "Epochs must be a number above 0 and at most 10000, not empty."),
        ("epochs", None, "Epochs must be a number above 0 and at most 10000, not empty."),
        ("batch_size", 2.5, "Batch size must be a whole number from 1 to 4096, not 2.5."),
        ("train_samples", 1.0, "Training examples must be a whole number from 2 to 1000000000 or empty, not 1."),
        ("learning_rate", -1.0, "Learning rate must be a number above 0"),
        ("seed", 2.0**40, "Seed must be a whole number from 0 to 4294967295"),
        ("warmup", 1.5, "Warm-up must be a number at least 0 and at most 1, not 1.5."),
    ],
)
def test_what_is_not_allowed_is_said_and_starts_nothing(
    open_page: Opener, store: Store, name: str, typed: float | None, said: str
) -> None:
    app = open_page(TRAIN)
    app.number_input(key=f"setting_{name}").set_value(typed)
    start_button(app).click().run()  # the press arrives together with the value
    assert not app.exception
    assert said in words(app).replace("\\", "")
    assert start_button(app).disabled
    assert store.list() == []


def test_all_problems_are_said_at_once(open_page: Opener) -> None:
    app = open_page(TRAIN)
    app.number_input(key="setting_batch_size").set_value(0.0)
    app.number_input(key="setting_epochs").set_value(0.0).run()
    assert "Epochs must be" in words(app) and "Batch size must be" in words(app)


def test_what_is_typed_in_another_notation_is_the_same_value(open_page: Opener, store: Store) -> None:
    app = open_page(TRAIN)
    app.number_input(key="setting_train_samples").set_value(1e3).run()
    app.number_input(key="setting_max_steps").set_value(3.0).run()
    start_button(app).click().run()
    settings = store.list()[0].spec.settings
    assert (settings.train_samples, settings.max_steps) == (1000, 3)
    assert isinstance(settings.train_samples, int) and isinstance(settings.max_steps, int)


def test_an_emptied_field_means_what_its_placeholder_says(open_page: Opener, store: Store) -> None:
    app = open_page(TRAIN)
    assert app.number_input(key="setting_train_samples").placeholder == "all"
    app.number_input(key="setting_train_samples").set_value(None).run()
    start_button(app).click().run()
    assert store.list()[0].spec.settings.train_samples is None


def test_a_rate_that_diverges_is_warned_about(open_page: Opener, store: Store) -> None:
    app = open_page(TRAIN)
    app.number_input(key="setting_learning_rate").set_value(5.0).run()
    assert "Learning rate 5 is far above what is usual" in words(app)
    start_button(app).click().run()
    assert store.list()[0].spec.settings.learning_rate == 5.0


def test_the_form_has_every_setting_under_its_name_with_its_explanation(open_page: Opener) -> None:
    app = open_page(TRAIN)
    widgets = {Kind.CHOICE: app.selectbox, Kind.SWITCH: app.toggle}
    for name, setting in SETTINGS.items():
        widget = widgets.get(setting.kind, app.number_input)(key=f"setting_{name}")
        assert (widget.label, widget.help) == (setting.label, setting.help)


def test_two_visitors_each_see_the_rate_of_their_own_method(open_page: Opener) -> None:
    methods = (Method.FULL, Method.PROBE)
    pages = [open_page(TRAIN) for _ in methods]
    for app, method in zip(pages, methods, strict=True):
        app.segmented_control(key="train_method").set_value(method).run()
    for app, method in zip(pages, methods, strict=True):
        rate = default_learning_rate(preset(method, 6), QUICK.expected_steps())
        assert app.number_input(key="setting_learning_rate").placeholder == f"{rate:g}"
    assert isinstance(SETTINGS, MappingProxyType)  # nothing that one visitor's page could change for another
