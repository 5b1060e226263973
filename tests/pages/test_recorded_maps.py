"""Explore over a map that came as a file: scores before anything was trained, marked as what they are, and the film."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from spafit.maps import kept
from tests.maps.recorded_map import lay, made_up
from tests.pages.made_up import words
from tests.pages.test_maps import a_map, on_the_ribbon  # noqa: F401 - a fixture

Opener = Callable[..., AppTest]
EXPLORE = "pages/explore.py"


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kept.NO_RECORDED)
    monkeypatch.setattr(kept, "RECORDED", tmp_path / "recorded")
    lay(tmp_path / "recorded", made_up())


def on_the_map(open_page: Opener) -> AppTest:
    app = open_page(EXPLORE)
    app.segmented_control(key="explore_view").set_value("Map").run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("recorded")
def test_a_fresh_installation_shows_scores_and_says_that_they_are_recorded(open_page: Opener) -> None:
    app = on_the_map(open_page)
    told = on_the_ribbon(app)
    assert len(told["cells"]) == 28 and {cell[1] for cell in told["cells"].values()} == {3}
    said = words(app)
    assert "28 of 28 cells are measured, by 96 runs (recorded)" in said
    assert "ran on Some GPU, bf16" in said and "recorded with the project" in said
    assert "other settings than those that are chosen" not in said  # the page begins with the map's series


@pytest.mark.usefixtures("recorded")
def test_the_film_plays_stops_and_rewinds_and_is_marked(open_page: Opener) -> None:
    app = on_the_map(open_page)
    app.toggle(key="map_replay").set_value(True).run()
    assert "The film has not begun." in words(app)
    app.segmented_control(key="map_replay_speed").set_value("20 runs a second").run()
    app.button(key="map_replay_play").click().run()
    app.run()
    assert not app.exception
    shown = int(app.session_state["map_replay_shown"])
    assert shown and shown % 20 == 0
    assert f"Run {shown} of 192" in words(app)
    (triangle,) = [json.loads(one.proto.json) for one in app.get("bidi_component") if '"corners"' in one.proto.json]
    assert 0 < len(triangle["values"]["cells"]) < 28
    app.button(key="map_replay_play").click().run()
    stopped = app.session_state["map_replay_shown"]
    app.run()
    assert app.session_state["map_replay_shown"] == stopped
    app.button(key="map_replay_rewind").click().run()
    assert "The film has not begun." in words(app)
    app.toggle(key="map_replay").set_value(False).run()
    assert "28 of 28 cells are measured" in words(app)


@pytest.mark.usefixtures("a_map")
def test_own_runs_alone_have_no_film(open_page: Opener) -> None:
    assert not [one for one in on_the_map(open_page).toggle if one.key == "map_replay"]


def test_points_of_a_shipped_map_say_how_sure_they_are(open_page: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kept.NO_RECORDED)
    app = on_the_map(open_page)
    assert "Select one point to see its noise" in words(app)
    assert "The best of 28 cells is itself an optimistic choice" in words(app)
    app.session_state["map_selected"] = ("SPAFIT-2-3", "Probe")
    app.run()
    said = words(app).replace("\\", "").replace("\u2060", "")
    assert "SPAFIT-2-3 is better than Linear probe by 0.13" in said and "paired over 3 seeds" in said
    assert "Other examples: the 853 validation examples alone leave open SPAFIT-2-3 0.7" in said
    app.session_state["map_selected"] = ("SPAFIT-2-3",)
    app.session_state["map_real_many"] = True
    app.run()
    said = words(app).replace("\\", "").replace("\u2060", "")
    assert "SPAFIT-2-3: 0.746, standard error 0.011 over 3 seeds; baseline 0.501." in said
    app.selectbox(key="map_real_reference").set_value("Full fine-tuning").run()
    said = words(app).replace("\\", "").replace("\u2060", "")
    assert "compared with Full fine-tuning by Holm (error pooled over the map" in said
