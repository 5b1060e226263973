"""Try it: what finished runs answer, and what the page says when there is nothing to ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from spafit.runs import Run, State, Store
from spafit.stratification import preset
from spafit.training.predictions import Predictions, save_predictions
from spafit.tryout.predict import Predictor
from tests.pages.made_up import FINISHED, words
from tests.trained.runs import trained_run

Opener = Callable[..., AppTest]
PAGE = "pages/tryout.py"
LABELS = ("negative", "positive")


@pytest.fixture
def finished(store: Store, tmp_path: Path) -> Callable[[str, int], Run]:
    """Return a function that makes a finished run of a tiny model with saved weights, wrong on so many of 20 texts."""

    def make(method: str, wrong: int) -> Run:
        run_id = trained_run(tmp_path / method, "bert", preset(method, 3), LABELS).run.id
        run = store.claim(run_id, "a test")
        assert run is not None
        store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
        labels = np.arange(20) % 2
        answered = np.where(np.arange(20) < wrong, 1 - labels, labels)
        kept = Predictions(np.eye(2, dtype=np.float32)[answered], labels, np.arange(20))
        save_predictions(store.folder(run_id), {"validation": kept, "test": kept})
        return store.get(run_id)

    return make


def test_without_a_run_it_says_how_to_get_one(open_page: Opener, make_run: Callable[..., Run]) -> None:
    make_run("finished")  # one that kept no weights
    assert "No finished run has saved weights yet" in words(open_page(PAGE))


def test_a_text_is_answered_beside_the_untrained_model_and_the_fader_moves_it(
    open_page: Opener, finished: Callable[[str, int], Run], store: Store
) -> None:
    run = finished("spafit", 3)
    app = open_page(PAGE, runs=run.id)
    assert app.multiselect[0].options[0].startswith("SPAFIT-1-2 · ")  # a list shows every character as it is
    app.text_area(key="tryout_text").set_value("a great film")
    app.run(timeout=120)
    assert not app.exception
    from spafit.trained.restore import restore

    expected = Predictor(restore(run, store.folder(run.id))).predict(["a great film"])[0]
    assert app.metric[0].value == expected.label
    table = app.dataframe[0].value
    assert dict(zip(table["class"], table["probability"], strict=True)) == pytest.approx(expected.probabilities)
    assert not np.allclose(table["probability"], table["before training"])
    for slider in app.slider:
        slider.set_value(0.0)
    app.run(timeout=120)
    table = app.dataframe[0].value
    assert table["probability"].to_numpy() == pytest.approx(table["before training"].to_numpy())
    app.toggle(key=f"fader_{run.id}_single").set_value(True).run(timeout=120)
    layers = [slider for slider in app.slider if slider.label.startswith("Layer ")]
    assert [slider.label for slider in layers] == ["Layer 2", "Layer 3"]  # layer 1 is frozen
    layers[1].set_value(0.5)
    app.run(timeout=120)
    assert not np.allclose(app.dataframe[0].value["probability"], table["probability"])
    app.text_area(key="tryout_text").set_value("<b>*bold*</b> [link](http://example.com)").run(timeout=120)
    assert not app.exception
    assert "<b>" not in "".join(str(element.value) for element in app.markdown)


def test_the_address_says_which_runs_each_time_it_changes(
    open_page: Opener, finished: Callable[[str, int], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spafit.ui.tryout.choose.MOST_LISTED", 1)
    older, newer = finished("spafit", 3), finished("lora", 5)
    app = open_page(PAGE, runs=newer.id)
    assert app.multiselect[0].value == [newer.id]
    app.query_params["runs"] = older.id  # as the link on its page does, in the same session; it is not listed any more
    app.run(timeout=120)
    assert app.multiselect[0].value == [older.id]
    app.multiselect[0].set_value([newer.id]).run(timeout=120)
    assert app.query_params["runs"] == newer.id


def test_a_finished_run_leads_to_try_it_while_its_weights_are_kept(
    open_page: Opener, finished: Callable[[str, int], Run], store: Store
) -> None:
    run = finished("spafit", 3)
    assert f"runs={run.id}" in led_to(open_page("pages/runs.py", run=run.id))
    (store.folder(run.id) / "trained.safetensors").unlink()
    assert f"runs={run.id}" not in led_to(open_page("pages/runs.py", run=run.id))


def led_to(app: AppTest) -> list[str]:
    """Return the query strings of the links to Try it."""
    return [link.proto.query_string for link in app.get("page_link") if link.proto.label == "Try it"]


def test_mistakes_and_disagreements_add_up(open_page: Opener, finished: Callable[[str, int], Run]) -> None:
    first, second = finished("spafit", 3), finished("lora", 5)
    app = open_page(PAGE, runs=f"{first.id},{second.id},nobodys")
    app.session_state["tryout_mistakes"] = True
    app.run(timeout=120)
    assert not app.exception
    matrices = [table.value for table in app.dataframe if list(table.value.columns) == list(LABELS)]
    assert [int(m.to_numpy().sum() - np.trace(m.to_numpy())) for m in matrices] == [3, 5]
    assert "2 of 20 test examples" in words(app)


def test_a_run_is_taken_home_as_a_zip_whose_contents_are_listed(
    open_page: Opener, finished: Callable[[str, int], Run]
) -> None:
    run = finished("spafit", 3)
    app = open_page(PAGE, runs=run.id)
    app.session_state["tryout_home"] = True
    app.run(timeout=120)
    app.button(key=f"make_{run.id}").click().run(timeout=120)
    assert not app.exception
    assert not app.error
    assert "model/adapter_model.safetensors" in app.code[0].value
    assert "report.html" in app.code[0].value
