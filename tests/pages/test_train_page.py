"""Train: what is chosen, what is started, and what cannot be, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from spafit.export.link import Shared, to_link
from spafit.runs import Run, State, Store
from spafit.stratification import LoraSettings, Method, preset
from spafit.tasks import preparation
from spafit.tasks.upload import intake
from spafit.training.config import QUICK
from spafit.ui.choice import Choice
from tests.glue_layout import write_task
from tests.pages.made_up import words

Maker = Callable[..., Run]
Opener = Callable[..., AppTest]
TRAIN, RUNS, EXPLORE = "pages/train.py", "pages/runs.py", "pages/explore.py"


def start(app: AppTest) -> AppTest:
    return next(button for button in app.button if button.label == "Start training").click().run()


def move(app: AppTest, n1: int, n2: int) -> AppTest:
    """Move the boundaries, as the ribbon's callback does; a browser test drags it."""
    app.session_state["choice"] = Choice("minilm-l6", preset("spafit", 6, n1, n2))
    return app.run()


def can_start(app: AppTest) -> bool:
    return not next(button for button in app.button if button.label == "Start training").disabled


def test_task_metric_and_baseline_are_said(open_page: Opener) -> None:
    said = words(open_page(TRAIN))
    assert "praise the film or pan it" in said
    assert "Measured by accuracy. Baseline: 0.50. The data is on this machine, it came with the" in said


def test_where_the_data_of_a_task_is_found_is_said(open_page: Opener, tmp_path: Path, monkeypatch) -> None:
    write_task(tmp_path, "qqp")
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    app = open_page(TRAIN)
    app.selectbox(key="train_task").select("qqp").run()
    assert "The data is on this machine, in a folder or file of yours." in words(app)
    app.selectbox(key="train_task").select("wnli").run()
    assert "The data is on the Hugging Face Hub, not fetched yet." in words(app)


def test_a_page_does_not_wait_for_a_large_task_to_be_read(
    open_page: Opener, home: Path, tmp_path: Path, monkeypatch
) -> None:
    write_task(tmp_path, "qqp")
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path))
    monkeypatch.setattr("spafit.tasks.glue.tasks.SMALL_BYTES", 100)
    app = open_page(TRAIN)
    app.selectbox(key="train_task").select("qqp").run()
    assert "Measured by accuracy. The data is" in words(app)
    assert not list((home / "cache").glob("tasks/qqp-*"))
    preparation("qqp")  # a look at Data, or the first run
    assert "Measured by accuracy. Baseline: 0.50. The data is" in words(app.run())


def test_moving_a_boundary_changes_the_count(open_page: Opener) -> None:
    app = open_page(TRAIN)
    assert "67,202 of 22,763,138" in words(app)
    move(app, 4, 5)
    assert "**SPAFIT-4-5** trains" in words(app)
    assert "67,202" not in words(app)


def test_presets_are_the_presets(open_page: Opener, store: Store) -> None:
    for method in Method:
        app = open_page(TRAIN)
        app.segmented_control(key="train_method").set_value(method).run()
        start(app)
        assert store.list()[0].spec.stratification == preset(method, 6)


def test_the_choice_is_shared_with_explore_and_survives_other_pages(open_page: Opener) -> None:
    app = open_page(TRAIN)
    move(app, 1, 5)
    app.number_input(key="setting_epochs").set_value(3.0).run()
    app.switch_page(EXPLORE).run()
    app.switch_page(RUNS).run()
    app.switch_page(TRAIN).run()
    assert not app.exception
    assert app.session_state["choice"].stratification == preset("spafit", 6, 1, 5)
    assert app.number_input(key="setting_epochs").value == 3.0


def test_start_queues_exactly_what_is_on_the_page_for_the_name_in_the_sidebar(open_page: Opener, store: Store) -> None:
    app = open_page(TRAIN)
    app.text_input(key="owner").set_value("Ada").run()
    app.number_input(key="setting_train_samples").set_value(200).run()
    app.number_input(key="setting_seed").set_value(7).run()
    start(app)
    (run,) = store.list()
    assert (run.owner, run.model, run.task, run.state) == ("Ada", "minilm-l6", "rotten-tomatoes", State.QUEUED)
    assert (run.spec.settings.train_samples, run.spec.settings.seed) == (200, 7)
    assert app.query_params["run"] == run.id
    assert "this run is next" in words(app)


def test_a_long_name_is_cut_with_a_notice(open_page: Opener) -> None:
    app = open_page("pages/about.py")
    app.text_input(key="owner").set_value("Ada " * 30).run()
    assert app.text_input(key="owner").value == ("Ada " * 10).strip()
    assert "Cut to 40 letters." in words(app)
    assert "Cut to 40 letters." not in words(app.run())


def test_untouched_settings_are_the_quick_ones(open_page: Opener, store: Store) -> None:
    start(open_page(TRAIN))
    (run,) = store.list()
    quick = {**QUICK.to_dict(), "learning_rate": run.spec.learning_rate}
    assert run.spec.settings.to_dict() == quick


def test_the_number_of_examples_adapts_to_a_small_task_and_comes_back(
    open_page: Opener, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "small.csv"
    path.write_text("text,label\n" + "".join(f"a text of number {i},{'ab'[i % 2]}\n" for i in range(240)))
    small = intake.add(path=str(path), name=path.name)
    rows = preparation(small).splits
    app = open_page(TRAIN)
    app.selectbox(key="train_task").select(small).run()
    assert app.number_input(key="setting_train_samples").value == rows["train"] < QUICK.train_samples
    assert f"This task has {rows['train']:,} training examples; all of them are used." in words(app)
    app.number_input(key="setting_seed").set_value(3.0).run()
    start(app)
    settings = store.list()[0].spec.settings
    assert (settings.train_samples, settings.eval_samples, settings.seed) == (rows["train"], rows["validation"], 3)
    app.selectbox(key="train_task").select("rotten-tomatoes").run()
    assert app.number_input(key="setting_train_samples").value == QUICK.train_samples
    app.selectbox(key="train_task").select(small).run()
    app.number_input(key="setting_train_samples").set_value(20.0).run()
    app.selectbox(key="train_task").select("rotten-tomatoes").run()
    assert app.number_input(key="setting_train_samples").value == 20


def test_a_run_started_here_is_still_shown_after_a_visit_elsewhere(open_page: Opener, store: Store) -> None:
    app = start(open_page(TRAIN))
    run = app.query_params["run"]
    app.switch_page("app.py").run()
    links = [link.proto for link in app.get("page_link") if link.proto.label == "Train"]
    assert links and all(link.query_string == f"run={run}" for link in links)
    app.query_params["run"] = run
    app.switch_page(TRAIN).run()
    assert "In the queue" in words(app)
    next(button for button in app.button if button.label == "Close").click().run()
    assert "In the queue" not in words(app)
    assert store.list()[0].state is State.QUEUED


def test_a_reload_attaches_to_the_run_in_the_address_and_refills_the_form(open_page: Opener, make_run: Maker) -> None:
    app = open_page(TRAIN, run=make_run("running", steps=20, method="bitfit", seed=5).id)
    assert {metric.label: metric.value for metric in app.metric}["Validation accuracy"] == "0.640"
    assert app.segmented_control(key="train_method").value == "bitfit"
    assert app.number_input(key="setting_seed").value == 5
    assert app.number_input(key="setting_learning_rate").value is None


def test_an_address_of_a_run_that_is_not_here_leaves_the_form(open_page: Opener) -> None:
    app = open_page(TRAIN, run="zzzzzzzz")
    assert "There is no such run here" in words(app)
    assert can_start(app)
    assert "Close" not in [button.label for button in app.button]
    assert "run" not in app.query_params


def test_contradicting_settings_are_said_and_nothing_typed_is_lost(open_page: Opener) -> None:
    app = open_page(TRAIN)
    app.number_input(key="setting_epochs").set_value(5.0).run()
    app.toggle(key="setting_frozen_dropout").set_value(True).run()
    app.selectbox(key="setting_prefix_cache").set_value("on").run()
    assert "contradicts" in words(app)
    assert not can_start(app)
    app.selectbox(key="setting_prefix_cache").set_value("off").run()
    assert can_start(app)
    assert app.number_input(key="setting_epochs").value == 5.0


def test_a_lora_rank_that_does_not_fit_is_said_and_not_taken_over(open_page: Opener, store: Store) -> None:
    app = open_page(TRAIN, s=to_link(Shared("minilm-l6", preset(Method.LORA, 6, lora=LoraSettings(rank=4096)))))
    assert "4096" in words(app)
    start(app)
    assert store.list()[0].spec.stratification == preset(Method.SPAFIT, 6)


def test_a_model_that_can_only_be_counted_says_why_it_cannot_be_trained(open_page: Opener) -> None:
    app = open_page(TRAIN)
    app.selectbox(key="train_model").set_value("llama-3.2-1b").run()
    assert not app.exception
    assert "its weights are not available" in words(app)
    assert not can_start(app)
    app.button(key="train_bundled").click().run()
    assert can_start(app) and app.session_state["choice"].model == "minilm-l6"


def test_a_model_that_is_not_here_says_so_offline(open_page: Opener) -> None:
    app = open_page(TRAIN)
    app.selectbox(key="train_model").set_value("bert-tiny").run()
    assert "the Hub is out of reach" in words(app)
    assert not can_start(app)
    app.selectbox(key="train_model").set_value("minilm-l6").run()
    assert can_start(app)


def test_the_time_is_estimated_from_earlier_runs_and_not_without_any(open_page: Opener, make_run: Maker) -> None:
    assert "How long it takes is not known yet" in words(open_page(TRAIN))
    make_run("finished")
    app = open_page(TRAIN)
    app.number_input(key="setting_train_samples").set_value(320).run()
    app.number_input(key="setting_eval_samples").set_value(100).run()
    # The made-up run: 6 s of training on 320 texts, 2 s for everything else.
    assert "About 8 s once it starts, judged by earlier runs of this model here." in words(app)


def test_a_run_of_hours_is_asked_about_once(open_page: Opener, make_run: Maker, store: Store) -> None:
    make_run("finished")  # 6 s of training on 320 texts
    app = open_page(TRAIN)
    press = next(button for button in app.button if button.label == "Start training").click()
    app.number_input(key="setting_epochs").set_value(5000.0)
    press.run()
    assert len(store.list()) == 1, "a press together with the value that makes it long is no answer"
    assert re.search(r"This run takes about [\d.]+ hours", words(app).replace("\\", ""))
    assert "Start training" not in [button.label for button in app.button]
    app.button(key="train_start_anyway").click().run()
    assert store.list()[0].spec.settings.epochs == 5000.0


def test_quick_defaults_come_back(open_page: Opener) -> None:
    app = open_page(TRAIN)
    app.number_input(key="setting_batch_size").set_value(64).run()
    next(button for button in app.button if button.label == "Back to the quick defaults").click().run()
    assert app.number_input(key="setting_batch_size").value == QUICK.batch_size
