"""The Sweeps page: what is launched, what is said before, and what may be done with a sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from spafit.maps import sweep as sweeping
from spafit.maps.cells import cells, stratifications
from spafit.maps.definition import define
from spafit.runs import State, Store, sweeps
from spafit.stratification import Method
from spafit.training.config import QUICK
from spafit.ui.sweeps import list as sweeps_on_the_page
from spafit.ui.sweeps import one
from spafit.ui.sweeps.one import cells_so_far
from tests.pages.made_up import FINISHED, STARTED, words

Opener = Callable[..., AppTest]
PAGE = "pages/sweeps.py"


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "ensure_supervisor", lambda: None)
    for module in (sweeps_on_the_page, one):
        monkeypatch.setattr(module, "attend", lambda: None)


def finish(store: Store, run_id: str, score: float = 0.81) -> None:
    run = store.claim(run_id, "a test")
    assert run is not None
    store.record(run, [STARTED.to_dict()])
    told = replace(FINISHED, validation_metrics={"accuracy": score})
    store.conclude(run, State.FINISHED, events=[told.to_dict()])


def launched(store: Store, which: str = "corners", seeds: tuple[int, ...] = (0,)) -> sweeps.Sweep:
    wanted = stratifications(cells(which, 6), (), 6)
    return sweeping.launch(store, define("minilm-l6", "rotten-tomatoes", QUICK, wanted, seeds)).sweep


def test_an_empty_page_says_what_a_sweep_is(open_page: Opener) -> None:
    app = open_page(PAGE)
    assert "No sweeps yet" in words(app)
    assert "**10** runs to train" in words(app)  # the coarse cells
    assert "no run of this model has finished here" in words(app) and "of disk" in words(app)


def test_what_is_chosen_is_launched_once(open_page: Opener, store: Store) -> None:
    app = open_page(PAGE)
    app.button(key="sweep_corners").click().run()
    app.text_input(key="sweep_seeds").set_value("3, 4").run()
    app.button_group(key="sweep_methods").set_value([Method.FULL, Method.PROBE]).run()
    assert "**10** runs to train" in words(app)
    app.button(key="sweep_start").click().run()
    found = store.list()
    assert {run.seed for run in found} == {3, 4} and len({run.sweep for run in found}) == 1
    assert {run.stratification for run in found} == {"SPAFIT-0-0", "SPAFIT-0-6", "SPAFIT-6-6", "Full", "Probe"}
    assert "All 10 runs are there or under way." in words(app) and "0 of 10 finished" in progress(app)
    assert app.button(key="sweep_start_1").disabled


def progress(app: AppTest) -> str:
    return "\n".join(element.proto.text for element in app.get("progress"))


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("sweep_seeds", "0, x", "Seeds takes whole numbers"),
        ("sweep_rates", "-1", "must be"),
        ("sweep_seeds", "", "least"),
    ],
)
def test_what_cannot_be_is_one_sentence(open_page: Opener, store: Store, key: str, text: str, said: str) -> None:
    app = open_page(PAGE)
    app.text_input(key=key).set_value(text).run()
    assert len(app.error) == 1 and said in app.error[0].value
    assert not app.exception and store.list() == []


def test_a_sweep_is_paused_resumed_stopped_and_gone_on_with(open_page: Opener, store: Store) -> None:
    sweep = launched(store)
    finish(store, store.waiting()[0].id)
    app = open_page(PAGE)
    assert "1 of 3 finished, about 16 s left" in progress(app)
    states = []
    for label, waiting in (("Pause", 0), ("Resume", 2), ("Stop", 0), ("Train what is missing", 2)):
        app.button(key=f"{label}_{sweep.id}").click().run()
        assert not app.error
        states.append(sweeps.get(store, sweep.id).state.value)
        assert len(store.waiting()) == waiting
    assert states == ["paused", "running", "stopped", "running"]
    app.number_input(key=f"priority_{sweep.id}").set_value(3).run()
    assert {run.priority for run in store.waiting()} == {3}


def test_failed_cells_say_why(open_page: Opener, store: Store) -> None:
    launched(store)
    for waiting in store.waiting():
        run = store.claim(waiting.id, "a test")
        assert run is not None
        store.conclude(run, State.FAILED, "The loss became NaN <b>")
    app = open_page(PAGE)
    assert words(app).count("The loss became NaN") == 3 and "3 failed" in progress(app)


def test_a_sweep_at_its_address_has_a_row_for_each_run(open_page: Opener, store: Store) -> None:
    sweep = launched(store, seeds=(0, 1))
    for number, waiting in enumerate(store.waiting()[:3]):
        finish(store, waiting.id, 0.7 + number / 100)
    app = open_page(PAGE, sweep=sweep.id)
    table = app.dataframe[0].value
    assert list(table["State"]) == ["finished"] * 3 + ["queued"] * 3
    assert list(table["Validation"])[:3] == [0.7, 0.71, 0.72]
    rows = sweeping.rows(store, sweep)
    told = cells_so_far(rows, "accuracy")["cells"]
    assert told == {"0-0": [0.7, "0.700", 1], "0-6": [0.71, "0.710", 1], "6-6": [0.72, "0.720", 1]}
    assert "There is no sweep" in words(open_page(PAGE, sweep="nothing2"))


def test_a_sweep_leaves_as_a_report_once_something_has_finished(open_page: Opener, store: Store) -> None:
    sweep = launched(store)
    assert "Report" not in [button.proto.label for button in open_page(PAGE, sweep=sweep.id).get("download_button")]
    for run in store.list()[:2]:
        finish(store, run.id)
    app = open_page(PAGE, sweep=sweep.id)
    assert "Report" in [button.proto.label for button in app.get("download_button")]
    made = one.sweep_report(store, sweep)
    assert "2 settings, 2 runs" in made and "Over the boundaries" in made


def test_progress_of_many_is_that_of_each(store: Store) -> None:
    first = launched(store, seeds=(0, 1))
    for waiting in store.waiting()[:2]:
        finish(store, waiting.id)
    second = launched(store, "coarse")  # reuses none: the contents of made-up runs are others
    sweeps.change_state(store, second, sweeps.Wish.PAUSED)
    found = sweeps.newest(store)
    told = sweeping.progress_of(store, found)
    assert len(told) == 2
    for sweep in found:
        assert told[sweep.id] == sweeping.progress(sweep, sweeping.rows(store, sweep))
    assert told[first.id].finished == 2
