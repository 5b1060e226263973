"""Explore over a measured map: the score of exactly this setting, what is not measured, and both pictures of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from spafit.figures.maps import FRONT, METHODS, pareto, score_against_parameters
from spafit.maps import sweep as sweeping
from spafit.maps.measured import _best_rate
from spafit.runs import State, Store
from spafit.stratification import Method, Stratification, preset
from spafit.training.config import QUICK, RunSpec
from spafit.ui.choice import first_choice
from spafit.ui.maps import launch
from tests.pages.made_up import FINISHED, STARTED, events_until, words

Opener = Callable[..., AppTest]
EXPLORE = "pages/explore.py"


def finish(store: Store, point: Stratification, seed: int, score: float, trainable: int = 1000) -> None:
    spec = RunSpec("minilm-l6", "rotten-tomatoes", point, replace(QUICK, seed=seed, learning_rate=1e-3))
    run = store.claim(store.submit(spec), "a test")
    assert run is not None
    store.record(run, [replace(STARTED, trainable=trainable).to_dict()])
    told = replace(FINISHED, validation_metrics={"accuracy": score}, validation_baseline={"accuracy": 0.5})
    store.conclude(run, State.FINISHED, events=[told.to_dict()])


@pytest.fixture
def a_map(store: Store) -> None:
    for seed, noise in enumerate((0.0, 0.01, 0.02)):
        finish(store, preset(Method.SPAFIT, 6, 2, 4), seed, 0.70 + noise)
        finish(store, preset(Method.SPAFIT, 6, 0, 0), seed, 0.74 + noise, 9000)
        finish(store, preset(Method.FULL, 6), seed, 0.78 + noise, 90000)


def curves_of(app: AppTest) -> list[list[dict]]:
    """Return the lines of each chart on the page."""
    found = [json.loads(one.proto.json) for one in app.get("bidi_component") if '"xLabel"' in one.proto.json]
    return [one["lines"] for one in found]


def on_the_ribbon(app: AppTest) -> dict:
    found = [json.loads(one.proto.json) for one in app.get("bidi_component") if '"recipes"' in one.proto.json]
    return found[0]["measured"]


@pytest.mark.usefixtures("a_map")
def test_the_ribbon_has_every_measured_score_for_the_drag(open_page: Opener) -> None:
    told = on_the_ribbon(open_page(EXPLORE))
    mean, seeds, error = told["cells"]["2-4"]
    assert (round(mean, 6), seeds, round(error, 6)) == (0.71, 3, round(0.01 / 3**0.5, 6))
    assert set(told["cells"]) == {"2-4", "0-0"}  # nothing is made up for the other 26
    assert (told["baseline"], told["best"]) == (0.5, "0-0")
    assert round(told["full"], 6) == 0.79


@pytest.mark.usefixtures("a_map")
def test_a_run_that_came_for_one_that_went_is_seen(open_page: Opener, store: Store) -> None:
    assert set(on_the_ribbon(open_page(EXPLORE))["cells"]) == {"2-4", "0-0"}
    for run in store.list(limit=None):
        if run.stratification == "SPAFIT-0-0":
            store.delete(run.id)
            finish(store, preset(Method.SPAFIT, 6, 0, 6), run.seed, 0.6)
    assert set(on_the_ribbon(open_page(EXPLORE))["cells"]) == {"2-4", "0-6"}


@pytest.mark.usefixtures("a_map")
def test_a_setting_that_is_not_measured_says_so_and_names_its_neighbour(open_page: Opener) -> None:
    app = open_page(EXPLORE)
    app.button_group(key="explore_view").set_value("Map").run()
    assert "This setting is not measured" not in words(app)
    assert "2 of 28 cells are measured, by 9 runs (local)." in words(app)
    app.session_state["choice"] = replace(first_choice(), stratification=preset(Method.SPAFIT, 6, 1, 4))
    app.run()
    assert "This setting is not measured. The nearest measured one is SPAFIT-2-4." in words(app)


def test_without_a_map_there_is_no_score(open_page: Opener) -> None:
    app = open_page(EXPLORE)
    assert on_the_ribbon(app) is None
    app.button_group(key="explore_view").set_value("Map").run()
    assert "No finished run" in words(app)


def test_the_front_has_what_nothing_smaller_reaches() -> None:
    def point(name: str, trainable: int, mean: float) -> dict:
        return {"name": name, "trainable": trainable, "mean": mean, "standard_error": None, "n": 1, "lr": 1e-3}

    points = [point("a", 10, 0.5), point("b", 20, 0.7), point("c", 20, 0.6), point("d", 30, 0.7), point("e", 99, 0.8)]
    assert [one["name"] for one in pareto(points)] == ["a", "b", "e"]
    figure = score_against_parameters(points[:4], points[4:], metric="accuracy", baseline=0.5)
    assert [trace.name for trace in figure.data] == [FRONT, "Cells", METHODS]
    assert figure.layout.xaxis.type == "log"


def test_what_is_trained_here_is_queued_once_and_lands_on_the_map(
    open_page: Opener, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "ensure_supervisor", lambda: None)
    monkeypatch.setattr(launch, "attend", lambda: None)
    app = open_page(EXPLORE)
    app.button_group(key="explore_view").set_value("Map").run()
    app.button_group(key="explore_map_seeds").set_value("3 seeds").run()
    app.button(key="explore_map_train").click().run()
    assert [run.seed for run in store.list()] == [2, 1, 0]
    assert {run.stratification for run in store.list()} == {"SPAFIT-2-4"}
    for run in store.waiting():
        claimed = store.claim(run.id, "a test")
        assert claimed is not None
        store.record(claimed, [event.to_dict() for event in events_until(20)])
        app.run()
        assert f"seed {claimed.seed}" in words(app)
        measured, losses = curves_of(app)  # of the run that goes, without leaving the map
        assert measured[0]["x"] == [10, 20] and losses[-1]["x"][-1] == 20
        store.conclude(claimed, State.FINISHED, events=[FINISHED.to_dict()])
    app.run()
    app.run()
    assert on_the_ribbon(app)["cells"]["2-4"][1] == 3


def test_a_rate_with_one_lucky_seed_does_not_stand_for_a_cell() -> None:
    lucky, repeated, worse = (
        {"lr": rate, "mean": m, "n": n} for rate, m, n in ((3e-3, 0.9, 1), (1e-3, 0.8, 4), (3e-4, 0.7, 3))
    )
    assert _best_rate([lucky, repeated, worse]) is repeated
    assert _best_rate([lucky, {"lr": 1e-3, "mean": 0.8, "n": 1}]) is lucky


@pytest.mark.usefixtures("a_map")
def test_what_is_selected_anywhere_is_selected_in_all_three(open_page: Opener) -> None:
    app = open_page(EXPLORE)
    app.button_group(key="explore_view").set_value("Map").run()
    app.session_state["map_selected"] = ("SPAFIT-2-4",)
    app.session_state["map_selected_elsewhere"] = (1, ("SPAFIT-2-4",))
    app.run()
    assert app.dataframe[0].value["Setting"][0] == "SPAFIT-2-4"  # 0.71, which is not the best
    assert "Go to SPAFIT-2-4" in [button.label for button in app.button]
    (triangle,) = [json.loads(one.proto.json) for one in app.get("bidi_component") if '"corners"' in one.proto.json]
    assert triangle["selected"] == ["2-4"]
    picture = next(json.loads(one.proto.spec) for one in app.get("plotly_chart"))
    assert [trace.get("selectedpoints") for trace in picture["data"]] == [None, [1], []]


@pytest.mark.usefixtures("a_map")
def test_memory_colours_every_cell_measured_or_not(open_page: Opener) -> None:
    app = open_page(EXPLORE)
    app.button_group(key="explore_view").set_value("Map").run()
    app.button_group(key="explore_map_measure").set_value("Memory of a step (estimate)").run()
    (triangle,) = [json.loads(one.proto.json) for one in app.get("bidi_component") if '"corners"' in one.proto.json]
    told = triangle["values"]["cells"]
    assert len(told) == 28 and told["6-6"][0] < told["0-0"][0] and told["0-0"][1].endswith("MB")
