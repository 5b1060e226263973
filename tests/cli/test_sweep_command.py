"""``spafit sweep``, ``sweeps`` and ``sweep-results``, with scripted runs."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from spafit.runs import State, Store, processes
from spafit.tasks import preparation
from tests.cli.calling import SPAFIT, call, document, printed
from tests.runs.helpers import eventually, processes_of

SWEEP = ("sweep", "minilm-l6", "rotten-tomatoes")


@pytest.fixture(autouse=True)
def scripted(scripted_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=3 delay=0.01")


def test_the_last_line_is_the_sweep_and_called_again_it_repeats_nothing() -> None:
    command = [*SPAFIT, *SWEEP, "--cells", "2-4,0-6", "--methods", "full", "--seeds", "1,2", "--json"]
    first, again = (subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    told = json.loads(first.stdout.splitlines()[-1])
    assert (told["schema"], told["state"]) == (1, "finished")
    assert [(c["name"], c["n1"], c["n2"], c["method"], c["seed"]) for c in told["cells"]] == [
        *(("SPAFIT-0-6", 0, 6, "spafit", 1), ("SPAFIT-2-4", 2, 4, "spafit", 1), ("Full", None, None, "full", 1)),
        *(("SPAFIT-0-6", 0, 6, "spafit", 2), ("SPAFIT-2-4", 2, 4, "spafit", 2), ("Full", None, None, "full", 2)),
    ]
    for cell in told["cells"]:
        assert cell["state"] == "finished" and cell["lr"] > 0 and cell["seconds"] > 0
        assert (cell["metrics"], cell["validation_metrics"]) == ({"accuracy": 0.7}, {"accuracy": 0.75})
        assert cell["trainable"] == 10
    assert len({cell["run"] for cell in told["cells"]}) == 6
    assert json.loads(again.stdout.splitlines()[-1]) == told
    assert "runs queued: 0; under way or finished before: 6" in again.stderr
    assert {(run.state, run.attempt, run.sweep) for run in Store.open().list()} == {("finished", 1, told["sweep"])}


def test_a_run_that_fails_fails_the_sweep_and_is_tried_again_when_called_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=2 then=diverge")
    code, out, err = call(capsys, *SWEEP, "--cells", "2-4", "--json")
    told = json.loads(out.splitlines()[-1])
    assert (code, told["state"], told["cells"][0]["state"]) == (1, "finished", "failed")
    assert "SPAFIT-2-4, seed 0: The loss became NaN" in err
    eventually(lambda: not processes_of(home))  # the next supervisor hears the new script
    monkeypatch.setenv("SCRIPTED", "steps=2")
    again = document(capsys, *SWEEP, "--cells", "2-4")
    assert (again["sweep"], again["cells"][0]["run"]) == (told["sweep"], told["cells"][0]["run"])
    assert again["cells"][0]["state"] == "finished"
    assert Store.open().get(again["cells"][0]["run"]).attempt == 2


def test_a_killed_process_costs_a_sweep_one_attempt_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=9999 delay=0.02")
    cell = document(capsys, *SWEEP, "--cells", "2-4", "--detach")["cells"][0]
    assert cell["state"] in ("queued", "running")
    store = Store.open()
    for attempt in (1, 2):

        def stepping(wanted: int = attempt) -> bool:
            now = store.get(cell["run"])
            return now.attempt == wanted and now.step > 0 and now.process is not None

        eventually(stepping)
        os.kill(processes.pid_of(store.get(cell["run"]).process or ""), signal.SIGKILL)
    failed = eventually(lambda: store.get(cell["run"]) if store.get(cell["run"]).state.over else None)
    assert (failed.state, failed.attempt) == (State.FAILED, 2)
    assert "was killed" in (failed.reason or "")


def test_pause_resume_and_stop_from_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=9999 delay=0.02")
    sweep = document(capsys, *SWEEP, "--cells", "corners", "--detach")["sweep"]
    store = Store.open()
    eventually(lambda: store.list(state=State.RUNNING))
    (told,) = document(capsys, "sweeps", "--pause", sweep)["sweeps"]
    assert (told["sweep"], told["state"], told["runs"], told["finished"]) == (sweep, "paused", 3, 0)
    assert store.queue() == []
    assert "queued, its sweep is paused" in printed(capsys, "runs")
    document(capsys, "sweeps", "--resume", sweep)
    assert len(store.queue()) == 2
    document(capsys, "sweeps", "--priority", sweep, "3")
    assert {run.priority for run in store.queue()} == {3}
    document(capsys, "sweeps", "--stop", sweep)
    eventually(lambda: all(run.state is State.STOPPED for run in store.list()))
    (told,) = document(capsys, "sweeps")["sweeps"]
    assert told["state"] == "stopped"


def test_results_a_row_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    document(capsys, "train", "minilm-l6", "rotten-tomatoes", "--n1", "0", "--n2", "0")  # not the sweep's
    arguments = ("--cells", "2-4", "--methods", "probe", "--owner", "=Ada", "--lrs", "0.001,0.003")
    sweep = document(capsys, *SWEEP, *arguments)["sweep"]
    results = document(capsys, "sweep-results", sweep)
    assert (results["schema"], results["sweep"], results["state"]) == (1, sweep, "finished")
    rows = list(csv.DictReader(io.StringIO(printed(capsys, "sweep-results", sweep, "--csv"))))
    assert len(rows) == len(results["results"]) == 4
    for row, result in zip(rows, results["results"], strict=True):
        assert (row["setting"], float(row["lr"]), row["run"]) == (result["setting"], result["lr"], result["run"])
        assert (row["n1"], row["owner"]) == ("2" if result["setting"] == "SPAFIT-2-4" else "", "'=Ada")
        assert (float(row["validation_accuracy"]), float(row["test_accuracy"])) == (0.75, 0.7)
        assert float(row["test_baseline_accuracy"]) == 0.5
        assert "torch " in row["versions"] and "cpu " in row["hardware"]
    assert "SPAFIT-2-4" in printed(capsys, "sweep-results", sweep)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--cells or --methods must say"),
        (("--cells", "4-2"), "no cell of 6 layers"),
        (("--cells", "some"), "no choice of cells"),
        (("--methods", "full,magic"), "no method of a map"),
        (("--cells", "all", "--seeds", "0,x"), "--seeds takes a list of whole numbers"),
        (("--cells", "all", "--lrs", "0"), "must be"),
        (("--cells", "all", "--lora-rank", "0"), "rank"),
    ],
)
def test_what_cannot_be_swept_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, out, err = call(capsys, *SWEEP, *arguments)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert said in err
    assert Store.open().list() == []


def test_a_sweep_of_hours_is_asked_about_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    preparation("rotten-tomatoes")
    monkeypatch.setattr("spafit.maps.forecast.predict_seconds", lambda *_: 2000.0)
    code, out, err = call(capsys, *SWEEP, "--cells", "2-4,0-6")
    assert (code, out) == (2, "")
    assert "These 2 runs take about 1.1 hours" in err and "--yes" in err
    assert Store.open().list() == []
    assert document(capsys, *SWEEP, "--cells", "2-4,0-6", "--yes")["state"] == "finished"
    assert "All 2 runs are there" in call(capsys, *SWEEP, "--cells", "2-4,0-6")[2], "what is there takes no time"
