"""Try it: what finished runs answer, and what the page says when there is nothing to ask."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from spafit import tasks
from spafit.runs import Run, State, Store
from spafit.stratification import preset
from spafit.tasks.upload import intake
from spafit.training.predictions import Predictions, save_predictions
from spafit.tryout.client import Client
from spafit.tryout.predict import Predictor
from spafit.tryout.worker import Answers
from spafit.ui.components.text import plain
from spafit.ui.tryout.answers import client
from tests.pages.made_up import FINISHED, words
from tests.trained.runs import LABELS as LABELS_OF_THREE
from tests.trained.runs import trained_run

Opener = Callable[..., AppTest]
PAGE = "pages/tryout.py"
LABELS = ("negative", "positive")


@pytest.fixture
def finished(store: Store, tmp_path: Path) -> Callable[..., Run]:
    """Return a function that makes a finished run of a tiny model with saved weights, wrong on so many of 20 texts."""

    def make(method: str, wrong: int, labels: tuple[str, ...] = LABELS) -> Run:
        run_id = trained_run(tmp_path / method, "bert", preset(method, 3), labels).run.id
        true = tasks.load("rotten-tomatoes", "test").labels[:20]
        answered = np.where(np.arange(20) < wrong, 1 - true, true)
        return concluded(store, run_id, Predictions(np.eye(2, dtype=np.float32)[answered], true, np.arange(20)))

    return make


class InThisProcess(Client):
    """What the process that answers would, without one to start."""

    def __init__(self) -> None:
        super().__init__()
        self._answers = Answers()

    def start(self, runs: Sequence[str] = ()) -> None: ...

    def _ask(self, line: bytes) -> dict[str, Any]:
        return {"predictions": self._answers.answer(json.loads(line))}


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> None:
    made = InThisProcess()
    monkeypatch.setattr("spafit.ui.tryout.answers.client", lambda: made)


@pytest.fixture
def answering_process() -> Iterator[None]:
    """Let the page's own process answer; it knows this test's data folder and ends with it."""
    yield
    client().close()
    client.clear()


def concluded(store: Store, run_id: str, kept: Predictions) -> Run:
    """Let a run be finished with these answers on its test part."""
    run = store.claim(run_id, "a test")
    assert run is not None
    store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
    save_predictions(store.folder(run_id), {"validation": kept, "test": kept})
    return store.get(run_id)


def test_without_a_run_it_says_how_to_get_one(open_page: Opener, make_run: Callable[..., Run]) -> None:
    make_run("finished")  # one that kept no weights
    assert "No finished run has saved weights yet" in words(open_page(PAGE))


@pytest.mark.usefixtures("answering_process")
def test_a_text_is_answered_beside_the_untrained_model_and_the_fader_moves_it(
    open_page: Opener, finished: Callable[..., Run], store: Store
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
    before = app.dataframe[0].value["before training"]
    assert before.tolist() != table["before training"].tolist(), "It is of this text; the new head says little."
    assert "<b>" not in "".join(str(element.value) for element in app.markdown)


@pytest.mark.usefixtures("answering")
def test_the_address_says_which_runs_each_time_it_changes(
    open_page: Opener, finished: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
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
    open_page: Opener, finished: Callable[..., Run], store: Store
) -> None:
    run = finished("spafit", 3)
    assert f"runs={run.id}" in led_to(open_page("pages/runs.py", run=run.id))
    (store.folder(run.id) / "trained.safetensors").unlink()
    assert f"runs={run.id}" not in led_to(open_page("pages/runs.py", run=run.id))


def led_to(app: AppTest) -> list[str]:
    """Return the query strings of the links to Try it."""
    return [link.proto.query_string for link in app.get("page_link") if link.proto.label == "Try it"]


@pytest.mark.usefixtures("answering")
def test_two_texts_and_a_number_are_asked_for_and_answered(open_page: Opener, store: Store, tmp_path: Path) -> None:
    lines = ["first,second,score", *(f"a film {n},the film {n},{n / 10}" for n in range(40))]
    (tmp_path / "likeness.csv").write_text("\n".join(lines))
    columns = {"text": "first", "pair": "second", "label": "score", "kind": "regression"}
    key = intake.add(columns, path=str(tmp_path / "likeness.csv"), name="likeness.csv")
    whole = trained_run(tmp_path, "bert", preset("spafit", 3), (), task=key, pair=True)
    examples = tasks.load(key, "test")
    kept = Predictions(np.full((len(examples), 1), 2.0), examples.labels, np.arange(len(examples)))
    run = concluded(store, whole.run.id, kept)
    app = open_page(PAGE, runs=run.id)
    app.button(key="tryout_example").click().run()
    first, second = (app.text_area(key=f"tryout_{name}").value for name in ("text", "pair"))
    assert (first, second) in zip(examples.text, examples.pair or (), strict=True)
    app.text_area(key="tryout_pair").set_value("").run()
    assert not app.metric  # one text alone is no question yet
    app.text_area(key="tryout_pair").set_value("the film was dull").run(timeout=120)
    expected = Predictor(whole).predict([first], ["the film was dull"])[0]
    assert (app.metric[0].label, app.metric[0].value) == ("Predicted", f"{expected.score:.2f}")
    untrained = Predictor(whole, whole.base()[0]).predict([first], ["the film was dull"])[0]
    assert f"Before training: {untrained.score:.2f}" in words(app)
    app.session_state["tryout_mistakes"] = True
    app.run(timeout=60)
    assert not app.exception and not app.error
    assert len(app.get("plotly_chart")) == 1


@pytest.mark.usefixtures("answering")
def test_a_task_that_is_gone_still_answers_and_offers_no_examples(
    open_page: Opener, store: Store, tmp_path: Path
) -> None:
    whole = trained_run(tmp_path, "bert", preset("lora", 3), task="own-gone", pair=True)
    run = concluded(store, whole.run.id, Predictions(np.eye(3, dtype=np.float32), np.arange(3), np.arange(3)))
    app = open_page(PAGE, runs=run.id)
    app.text_area(key="tryout_text").set_value("a film")
    app.text_area(key="tryout_pair").set_value("a story").run(timeout=120)
    assert not app.exception and not app.error
    assert app.metric[0].value in LABELS_OF_THREE
    assert [box.label for box in app.expander if "wrong" in box.label] == []


@pytest.mark.usefixtures("answering")
def test_labels_and_examples_that_differ_are_one_sentence(
    open_page: Opener, finished: Callable[..., Run], store: Store
) -> None:
    run, other = finished("spafit", 3), finished("lora", 2, ("pan", "praise"))
    app = open_page(PAGE, runs=f"{run.id},{other.id}")
    assert "trained with different labels" in words(app)
    app.session_state["tryout_mistakes"] = True
    app.run(timeout=120)
    assert not app.exception
    assert [error.value for error in app.error] == [
        plain(
            f"Run {other.id} was trained with other labels (pan, praise) than Rotten Tomatoes has now (negative, "
            "positive), so its answers cannot be shown beside the examples."
        )
    ]
    true = tasks.load("rotten-tomatoes", "test").labels[:20]
    moved = Predictions(np.eye(2, dtype=np.float32)[true], 1 - true, np.arange(20))
    save_predictions(store.folder(run.id), {"test": moved})
    app.multiselect[0].set_value([run.id]).run(timeout=120)
    assert [error.value for error in app.error] == [
        plain(
            f"The examples of Rotten Tomatoes have changed since run {run.id} answered them, so its answers cannot be "
            "shown beside them."
        )
    ]


@pytest.mark.usefixtures("answering")
def test_a_link_to_a_run_that_cannot_be_tried_says_so(
    open_page: Opener, finished: Callable[..., Run], make_run: Callable[..., Run]
) -> None:
    first, bare = finished("spafit", 3), make_run("finished")
    app = open_page(PAGE, runs=f"{bare.id},{first.id}")
    assert f"Run {bare.id} cannot be tried" in words(app)
    assert app.multiselect[0].value == [first.id]


@pytest.mark.usefixtures("answering")
def test_whoever_watched_a_run_end_finds_its_model_ready(
    open_page: Opener, finished: Callable[[str, int], Run], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Sequence[str]] = []
    made = InThisProcess()
    monkeypatch.setattr(made, "start", started.append)
    monkeypatch.setattr("spafit.ui.tryout.answers.client", lambda: made)
    run = finished("spafit", 3)
    app = open_page("pages/train.py", run=run.id)
    app.run()
    assert started == [[run.id]], "Once: it leaves when nobody has asked for a while, and need not come back."
    (store.folder(run.id) / "trained.safetensors").unlink()
    open_page("pages/train.py", run=run.id)
    assert started == [[run.id]]


def test_mistakes_and_disagreements_add_up(open_page: Opener, finished: Callable[..., Run]) -> None:
    first, second = finished("spafit", 3), finished("lora", 5)
    app = open_page(PAGE, runs=f"{first.id},{second.id},nobodys")
    app.session_state["tryout_mistakes"] = True
    app.run(timeout=120)
    assert not app.exception
    matrices = [table.value for table in app.dataframe if list(table.value.columns) == list(LABELS)]
    assert [int(m.to_numpy().sum() - np.trace(m.to_numpy())) for m in matrices] == [3, 5]
    assert "2 of 20 test examples" in words(app)


def test_a_run_is_taken_home_from_its_page_as_a_zip_whose_contents_are_listed(
    open_page: Opener, finished: Callable[..., Run]
) -> None:
    run = finished("spafit", 3)
    app = open_page("pages/runs.py", run=run.id)
    app.session_state["take_home"] = True
    app.run(timeout=120)
    app.button(key=f"make_{run.id}").click().run(timeout=120)
    assert not app.exception
    assert not app.error
    assert "model/adapter_model.safetensors" in app.code[0].value
    assert "report.html" in app.code[0].value
