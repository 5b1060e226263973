"""Compared runs: repeats taken together, curves over any axis, what differs, whether it is more than noise, one CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from spafit.export.runs_report import report_on
from spafit.maps.repeats import Repeats, repeats
from spafit.runs import Run, Store
from spafit.ui.runs.csv import comparison_csv
from spafit.ui.runs.data import points
from spafit.ui.runs.differences import differing, facts_table
from spafit.ui.runs.lines import AXES, best_and_last, lines
from tests.pages.made_up import words

Maker = Callable[..., Run]
Opener = Callable[..., AppTest]
RUNS = "pages/runs.py"
GOOD, BAD = (0.80, 0.81, 0.83), (0.70, 0.72, 0.725)


@pytest.fixture
def two_settings(make_run: Maker) -> list[Run]:
    """Three seeds of each of two settings."""
    good = [make_run("finished", seed=seed, score=score) for seed, score in enumerate(GOOD)]
    return good + [make_run("finished", method="bitfit", seed=seed, score=score) for seed, score in enumerate(BAD)]


def test_a_comparison_can_be_taken_as_a_page_to_print(open_page: Opener, two_settings: list[Run]) -> None:
    page = linked(open_page, two_settings)
    assert "Report" in [button.label for button in page.get("download_button")]
    text, settings = report_on(two_settings)
    assert settings == 2 and "0.813" in text  # the mean of GOOD


def points_in(store: Store, settings: list[Repeats]) -> dict:
    return {run.id: points(event for _, event in store.events(run.id)) for one in settings for run in one.runs}


def linked(open_page: Opener, runs: list[Run]) -> AppTest:
    return open_page(RUNS, runs=".".join(run.id for run in runs))


def test_repeats_differ_in_their_seed_only_and_the_newest_of_a_seed_counts(make_run: Maker, store: Store) -> None:
    first, again = make_run("finished"), make_run("finished", score=0.5)
    other_rate, waiting = make_run("finished", seed=1, rate=0.5), make_run("queued", seed=1)
    alike = make_run("stopped", seed=1, steps=10)
    found = repeats(store.list(oldest_first=True))
    assert [[run.id for run in one.runs] for one in found] == [[again.id, alike.id], [other_rate.id], [waiting.id]]
    assert first.id not in {run.id for one in found for run in one.runs}
    assert found[0].scores("accuracy") == {0: 0.5}  # a stopped run has no final score


@pytest.mark.parametrize("axis", AXES)
def test_repeats_are_one_line_with_a_band_and_a_live_run_grows_beside_it(
    make_run: Maker, store: Store, axis: str
) -> None:
    for seed in (0, 1):
        make_run("finished", seed=seed)
    live = make_run("running", seed=2, steps=20)
    settings = repeats(store.list(oldest_first=True))
    table = points_in(store, settings)
    table[live.id]["value"] += 0.1
    band, alone = lines(settings, ["A"], table, "validation accuracy", axis, single=False)
    assert (band.name, alone.name) == ("A, n = 2", "A, seed 2")
    assert len(band.x) == 4 and len(alone.x) == 2
    assert band.low == band.high == pytest.approx(band.y)
    names = [line.name for line in lines(settings, ["A"], table, "validation accuracy", axis, single=True)]
    assert names == ["A, n = 2", "A, seed 2", "A, seed 0", "A, seed 1"]
    first = settings[0].runs[0].id
    table[first].loc[table[first]["series"] == "validation accuracy", "value"] += 0.2
    band = lines(settings, ["A"], table, "validation accuracy", axis, single=False)[0]
    assert band.low and band.high
    assert [high - low for low, high in zip(band.low, band.high, strict=True)] == pytest.approx([0.2] * 4)
    assert band.y == pytest.approx([low + 0.1 for low in band.low])


def test_examples_count_what_was_trained_on(make_run: Maker, store: Store) -> None:
    run = make_run("finished")
    (line,) = lines(
        [Repeats(None, None, (run,))], ["A"], points_in(store, repeats([run])), "loss", "examples", single=False
    )
    assert (line.x[0], line.x[-1]) == (16, 640)


def test_best_and_last_are_two_things(make_run: Maker, store: Store) -> None:
    run = make_run("finished")
    table = points(event for _, event in store.events(run.id))
    table.loc[(table["series"] == "validation accuracy") & (table["step"] == 20), "value"] = 0.99
    assert best_and_last(run, "accuracy", table) == ((0.99, 20), 0.81)


def test_only_what_differs_stands_apart(make_run: Maker, store: Store) -> None:
    make_run("finished"), make_run("finished", method="lora", rate=0.5)
    apart = set(differing(facts_table(repeats(store.list(oldest_first=True)), ["A", "B"])).index)
    assert {"Method", "Boundaries", "Learning rate"} <= apart
    assert not {"Model", "Task", "Batch size", "Seed", "Weights (hash)"} & apart


def test_everything_is_in_the_csv_and_no_cell_is_a_formula(make_run: Maker, store: Store) -> None:
    run = make_run("finished", owner="=1+1", seed=3, rate=0.001)
    store.tag(run.id, ["course"])
    settings = repeats(store.list())
    rows = list(csv.DictReader(io.StringIO(comparison_csv(settings, ["=A"], points_in(store, settings)))))
    assert {row["owner"] for row in rows} == {"'=1+1"} and {row["setting"] for row in rows} == {"'=A"}
    assert {(row["run"], row["seed"], row["n1"], row["rate"]) for row in rows} == {(run.id, "3", "2", "0.001")}
    assert sum(row["series"] == "loss" for row in rows) == 40
    assert [row["value"] for row in rows if row["series"] == "final validation accuracy"] == ["0.81"]
    assert rows[0]["examples"] == "16" and "nan" not in {value.lower() for row in rows for value in row.values()}


def test_a_link_compares_settings_and_says_whether_it_is_more_than_noise(
    open_page: Opener, two_settings: list[Run], store: Store
) -> None:
    app = linked(open_page, two_settings)
    said = words(app).replace("\\", "")
    assert "SPAFIT-2-4 is better than BitFit by 0.098, which is more than seed noise (95 % interval" in said
    assert "paired over 3 seeds" in said
    assert "SPAFIT-2-4 was tried at one learning rate only" in said
    assert "kept no predictions" in said  # the noise of the examples cannot be told of these
    scores = next(frame.value for frame in app.dataframe if "± last" in frame.value.columns)
    assert list(scores["Setting"]) == ["SPAFIT-2-4", "BitFit"] and list(scores["n"]) == [3, 3]
    assert scores["Last"].iloc[0] == pytest.approx(sum(GOOD) / 3)
    assert "Test" not in scores.columns
    app.toggle(key="compare_test").set_value(True).run()
    tested = next(frame.value for frame in app.dataframe if "± test" in frame.value.columns)
    assert tested["Test"].tolist() == pytest.approx([0.8, 0.8])
    assert "partly luck" in words(app)


def test_many_settings_are_compared_with_one_that_was_chosen_before(
    open_page: Opener, two_settings: list[Run], make_run: Maker
) -> None:
    collapsed = [make_run("finished", method="probe", seed=seed, score=score) for seed, score in enumerate((0.5, 0.6))]
    app = linked(open_page, [*two_settings, *collapsed])
    app.session_state["real_many"] = True
    app.run()
    assert app.selectbox(key="real_reference").value is None  # nobody chooses it for the visitor
    app.selectbox(key="real_reference").set_value("BitFit").run()
    said = words(app).replace("\\", "").replace("\u2060", "")
    assert "settings compared with BitFit by Holm (error pooled over the map" in said
    assert "The best of 3 is itself an optimistic choice" in said
    assert "left out of the pooled error: Linear probe, seed 0." in said


def test_too_few_seeds_and_other_series_are_said(open_page: Opener, make_run: Maker, store: Store) -> None:
    run, other = make_run("finished"), make_run("finished", method="bitfit")
    said = words(linked(open_page, [run, other])).replace("\\", "")
    assert "Too few runs to say whether SPAFIT-2-4 and BitFit differ" in said
    assert "not of one series" not in said
    old = replace(store.get(other.id), weights_hash=None)
    assert repeats([old])[0].series is None


def test_runs_that_are_gone_are_counted(open_page: Opener, make_run: Maker) -> None:
    run = make_run("finished")
    app = open_page(RUNS, runs=f"{run.id}.zzzzzzzz")
    assert "1 of the chosen runs is not here." in words(app)
    app.button(key="runs_none").click().run()
    assert "Comparison" not in words(app)
