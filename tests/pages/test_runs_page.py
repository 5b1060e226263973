"""Runs: the table, a run's permanent page in every state, and what can be done there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from spafit.runs import Actor, Run, State, Store, StoreBusyError
from tests.pages.made_up import words

Maker = Callable[..., Run]
Opener = Callable[..., AppTest]
RUNS = "pages/runs.py"


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_without_runs_it_says_so(open_page: Opener) -> None:
    assert "No runs yet." in words(open_page(RUNS))


def test_the_table_lists_all_runs_with_their_test_figure_only_once_finished(open_page: Opener, make_run: Maker) -> None:
    make_run("finished", owner="Ada")
    make_run("running", owner="Bo", method="bitfit", steps=20)
    make_run("queued", method="lora")
    table = open_page(RUNS).dataframe[0].value
    assert list(table["Run"]) == ["LoRA", "BitFit", "SPAFIT-2-4"]
    assert list(table["State"]) == ["queued, place 1", "running", "finished"]
    assert table["Test"].notna().tolist() == [False, False, True]
    assert table["Test baseline"].iloc[2] == 0.5
    assert table["Baseline"].iloc[2] == 0.52  # of the validation data, like the score beside it
    assert table["Validation"].iloc[1] == pytest.approx(0.64)
    assert list(table["Owner"]) == ["", "Bo", "Ada"]


def headings(app: AppTest) -> list[str]:
    return list(app.dataframe[0].proto.column_order)


def test_columns_are_chosen_and_a_test_score_is_shown_only_on_demand(open_page: Opener, make_run: Maker) -> None:
    make_run("finished")
    app = open_page(RUNS)
    assert {"Run", "Seed", "Validation"} <= set(headings(app))
    assert "Test" not in headings(app)
    app.multiselect(key="runs_columns").set_value(["Test", "Rate", "N2", "N1", "Run"]).run()
    assert headings(app) == ["Run", "N1", "N2", "Rate", "Test"]
    assert "ranked by their validation score" in app.multiselect(key="runs_columns").help


def test_the_table_is_sorted_filtered_and_turned_over_in_the_database(
    open_page: Opener, make_run: Maker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spafit.ui.runs.table.PAGE_ROWS", 2)
    runs = [make_run("queued", seed=seed, owner=owner) for seed, owner in ((3, "Ada"), (1, "Bo"), (2, "Ada"))]
    store.tag(runs[1].id, ["course"])
    app = open_page(RUNS)

    def seeds() -> list[int]:
        return list(app.dataframe[0].value["Seed"])

    assert seeds() == [2, 1]
    app.selectbox(key="runs_sort").set_value("Seed").run()
    assert seeds() == [3, 2]
    app.button(key="runs_Next").click().run()
    assert seeds() == [1] and "3–3 of 3" in words(app)
    app.segmented_control(key="runs_order").set_value(False).run()
    assert seeds() == [1, 2]  # another order begins at its first page
    app.selectbox(key="runs_owner").set_value("Ada").run()
    assert seeds() == [2, 3]
    app.selectbox(key="runs_tag").set_value("course").run()
    assert "No runs like that." in words(app)
    app.selectbox(key="runs_owner").set_value(None).run()
    assert seeds() == [1]


def test_repeats_are_one_row_with_their_standard_error(open_page: Opener, make_run: Maker) -> None:
    for seed, score in ((0, 0.70), (1, 0.74), (2, 0.75)):
        make_run("finished", seed=seed, score=score)
    make_run("finished", method="bitfit", score=0.6)
    app = open_page(RUNS)
    app.selectbox(key="runs_group").set_value("Setting").run()
    (repeated, alone) = app.dataframe[0].value.to_dict("records")
    assert (repeated["Setting"], repeated["n"], repeated["Runs"]) == ("SPAFIT-2-4", 3, 3)
    assert repeated["Mean"] == pytest.approx(0.73)
    assert repeated["Standard error"] == pytest.approx(0.0264575 / 3**0.5, rel=1e-4)
    assert (alone["Mean"], alone["n"]) == (0.6, 1)
    assert alone["Standard error"] != alone["Standard error"]  # none of one seed
    app.selectbox(key="runs_group").set_value("Method").run()
    assert dict(zip(*(app.dataframe[0].value[name] for name in ("Method", "Runs")), strict=True)) == {
        "BitFit": 1,
        "SPAFIT": 3,
    }


def test_mine_means_the_name_in_the_sidebar(open_page: Opener, make_run: Maker) -> None:
    make_run("finished", owner="Ada")
    make_run("finished", owner="Bo", method="bitfit")
    app = open_page(RUNS)
    app.segmented_control[0].set_value("Mine").run()
    assert "Type your name" in words(app)
    app.text_input(key="owner").set_value("Bo").run()
    assert list(app.dataframe[0].value["Run"]) == ["BitFit"]


def test_a_finished_run_shows_test_beside_the_baseline_and_validation_as_such(
    open_page: Opener, make_run: Maker
) -> None:
    app = open_page(RUNS, run=make_run("finished").id)
    assert metrics(app)["Test accuracy"] == "0.800"
    assert metrics(app)["Validation accuracy"] == "0.810"
    assert metrics(app)["Trainable parameters"] == "67,202"
    assert app.metric[0].delta == "+0.300"
    (scores,) = [table.value for table in app.table if "test" in table.value.columns]
    assert scores.loc["Accuracy"].to_dict() == {"test": "0.8000", "baseline on test": "0.5000", "validation": "0.8100"}


def test_a_running_run_shows_progress_and_no_test_figure(open_page: Opener, make_run: Maker) -> None:
    app = open_page(RUNS, run=make_run("running", steps=10).id)
    assert "Test accuracy" not in metrics(app)
    assert [button.label for button in app.button if button.label == "Stop it"] == ["Stop it"]


def test_a_running_run_shows_where_its_time_goes_and_what_it_decided(
    open_page: Opener, make_run: Maker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = store.clock()
    monkeypatch.setattr(store, "clock", lambda: now)
    run = make_run("running", steps=10)
    app = open_page(RUNS, run=run.id)
    said = words(app)
    assert "**Where the 3 s go**" in said
    assert "- Frozen layers run once\\." in said
    picture = next(html.body for html in app.get("html") if "spent-bar" in html.body)
    assert "Training<b>1.5 s</b>" in picture and "Starting PyTorch<b>1.4 s</b>" in picture

    now += timedelta(seconds=4)  # the run says nothing, and the page goes on
    app.run()
    assert "**Where the 7 s go**" in words(app)
    assert metrics(app)["Time"] == "7 s"
    assert app.get("progress")[0].proto.text == "Training · step 10 of 40 · almost done"


def test_a_run_that_failed_before_its_first_point_waits_for_nothing(open_page: Opener, make_run: Maker) -> None:
    assert "Loss" not in words(open_page(RUNS, run=make_run("failed", steps=0, reason="It diverged.").id))
    assert "Loss" in words(open_page(RUNS, run=make_run("failed", steps=1, reason="It diverged.").id))


def test_settings_have_the_names_of_the_form(open_page: Opener, make_run: Maker) -> None:
    app = open_page(RUNS, run=make_run("finished").id)
    tables = [table.value for table in app.table if table.value.shape[1] == 2]
    facts = {name: value for table in tables for name, value in table.itertuples(index=False)}
    assert facts["Training examples"] == "500"
    assert facts["Batch size"] == "16" and facts["Gradient accumulation steps"] == "1"
    assert facts["Dropout in frozen layers"] == "no"
    assert facts["Embeddings"] == "Frozen"


def test_stop_is_asked_for_and_cannot_be_asked_twice(open_page: Opener, make_run: Maker, store: Store) -> None:
    run = make_run("running", steps=10)
    app = open_page(RUNS, run=run.id)
    app.button(key=f"stop_{run.id}").click().run()
    assert store.get(run.id).stop_requested
    assert app.button(key=f"stop_{run.id}").disabled


def test_a_queued_run_says_its_place_and_can_be_stopped(open_page: Opener, make_run: Maker, store: Store) -> None:
    make_run("queued")
    run = make_run("queued")
    app = open_page(RUNS, run=run.id)
    assert "waits for 1 other" in words(app)
    app.button(key=f"stop_{run.id}").click().run()
    assert store.get(run.id).state is State.STOPPED


def test_a_failed_run_says_why_and_shows_the_end_of_its_log(open_page: Opener, make_run: Maker, store: Store) -> None:
    run = make_run("failed", steps=10, reason="The loss became NaN at step 10.")
    folder = store.folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.txt").write_text("step 10 loss nan\n")
    app = open_page(RUNS, run=run.id)
    assert "The loss became NaN at step 10" in words(app).replace("\\", "")
    assert any("step 10 loss nan" in code.value for code in app.code)


def test_a_stopped_run_can_be_run_again(open_page: Opener, make_run: Maker, store: Store) -> None:
    run = make_run("stopped", steps=10)
    app = open_page(RUNS, run=run.id)
    app.button(key=f"rerun_{run.id}").click().run()
    again = store.get(run.id)
    assert (again.state, again.attempt) == (State.QUEUED, 2)


def test_archiving_takes_a_run_out_of_the_list_and_keeps_its_page(
    open_page: Opener, make_run: Maker, store: Store
) -> None:
    run = make_run("finished")
    app = open_page(RUNS, run=run.id)
    next(button for button in app.button if button.label == "Archive").click().run()
    assert store.get(run.id).archived
    assert "No runs yet." in words(open_page(RUNS))
    assert metrics(open_page(RUNS, run=run.id))["Test accuracy"] == "0.800"


@pytest.mark.parametrize("unknown", ["zzzzzzzz", "../../etc/passwd", "<script>"])
def test_an_unknown_address_is_one_sentence(open_page: Opener, unknown: str) -> None:
    assert "There is no such run here" in words(open_page(RUNS, run=unknown))


def test_an_owner_is_never_formatted(open_page: Opener, make_run: Maker) -> None:
    owner = "<b>x</b> [y](javascript:1) :red[z]"
    app = open_page(RUNS, run=make_run("finished", owner=owner).id)
    assert [text.value for text in app.text if f"by {owner}" in text.value]
    assert not any("<b>" in markdown.value for markdown in app.markdown)


def test_per_layer_counts_add_up_to_the_figure_shown(open_page: Opener, make_run: Maker) -> None:
    app = open_page(RUNS, run=make_run("finished").id)
    layers = next(frame.value for frame in app.dataframe if "trainable" in frame.value.columns)
    assert layers["trainable"].sum() == 67_202


@pytest.mark.own_process
def test_a_layer_is_knocked_out_on_demand_outside_the_app(
    open_page: Opener, make_run: Maker, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("finished")
    assert not [one for one in open_page(RUNS, run=run.id).button if one.label == "Knock out"]  # it kept no weights
    store.folder(run.id).mkdir(parents=True)
    (store.folder(run.id) / "trained.safetensors").write_bytes(b"x")
    asked = []

    def call(function: str, arguments: dict[str, Any], **_how: object) -> dict[str, Any]:
        asked.append((function, arguments["parts"]))
        return {"metric": "accuracy", "examples": 300, "trained": 0.8, "scores": [0.8, 0.5]}

    monkeypatch.setattr("spafit.ui.runs.inside.call_in_turn", call)
    app = open_page(RUNS, run=run.id)
    (pills,) = app.button_group
    pills.set_value(["layer 3", "layer 6"]).run()
    app.button(key=f"knock_out_{run.id}").click().run()
    assert asked == [("spafit.trained.knockout:knock_out", ((3,), (6,)))]
    table = next(frame.value for frame in app.dataframe if "Drop" in frame.value.columns)
    assert table["Drop"].tolist() == pytest.approx([0.0, 0.3])
    assert "on the 300 examples" in words(app)


def test_a_run_can_be_trained_again_with_a_change(open_page: Opener, make_run: Maker, store: Store) -> None:
    run = make_run("finished", method="bitfit", seed=5)
    app = open_page(RUNS, run=run.id)
    next(button for button in app.button if button.label == "Train with it again").click().run()
    app.switch_page("pages/train.py").run()  # the test runner does not follow st.switch_page by itself
    assert app.segmented_control(key="train_method").value == "bitfit"
    next(button for button in app.button if button.label == "Start training").click().run()
    assert store.list()[0].spec == run.spec


def test_a_database_that_is_locked_when_stop_is_pressed_is_one_sentence(
    open_page: Opener, make_run: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page(RUNS, run=make_run("running", steps=10).id)

    def locked(self: Store, run_id: str, by: Actor) -> None:
        raise StoreBusyError("The database stayed locked; try again in a moment.")

    monkeypatch.setattr(Store, "request_stop", locked)
    next(button for button in app.button if button.label == "Stop it").click().run()
    assert not app.exception
    assert "The database stayed locked" in words(app)
