"""MNLI has two test parts: a real run's figures for both, on its page, in the table and on the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from spafit.cli import main
from spafit.runs import Run, State, Store
from spafit.stratification import LoraSettings, preset
from spafit.training.config import RunSpec, TrainSettings
from spafit.training.loop import train
from tests.glue_layout import row, write_task
from tests.pages.test_runs_page import metrics
from tests.tiny import save_tiny_model

RUNS = "pages/runs.py"


@pytest.fixture
def mnli_run(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Train a tiny model on small files in MNLI's layout and return the run; its parts have other baselines."""
    folder = write_task(tmp_path / "glue", "mnli")
    with (folder / "dev_mismatched.tsv").open("a", encoding="utf-8") as file:
        file.writelines(row("mnli", "dev_mismatched", 3 * i) + "\n" for i in range(20, 25))
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path / "glue"))
    model = save_tiny_model(tmp_path / "model")
    strat = preset("spafit", 3, 1, 2, lora=LoraSettings(rank=2))
    spec = RunSpec(str(model), "mnli", strat, TrainSettings(max_steps=2, batch_size=8, max_length=24))
    run = store.claim(store.submit(spec), "a test")
    assert run is not None
    *events, finished = [event.to_dict() for event in train(spec)]
    store.record(run, events)
    store.conclude(run, State.FINISHED, events=[finished])
    return store.get(run.id)


def test_both_test_parts_are_shown_each_by_its_name_beside_its_own_baseline(
    open_page: Callable[..., AppTest], mnli_run: Run, make_run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    matched, further = mnli_run.metrics["accuracy"], mnli_run.further_tests["test_mismatched"]
    mismatched = further["metrics"]["accuracy"]
    assert mnli_run.baseline["accuracy"] == pytest.approx(4 / 12)
    assert further["baseline"]["accuracy"] == pytest.approx(9 / 17)

    app = open_page(RUNS, run=mnli_run.id)
    shown = metrics(app)
    assert shown["Test accuracy, matched"] == f"{matched:.3f}"
    assert shown["Test accuracy, mismatched"] == f"{mismatched:.3f}"
    assert "Test accuracy" not in shown
    assert [metric.delta for metric in app.metric[:2]] == [f"{matched - 4 / 12:+.3f}", f"{mismatched - 9 / 17:+.3f}"]
    (scores,) = [table.value for table in app.table if "validation" in table.value.columns]
    assert scores.loc["Accuracy"].to_dict() == {
        "test, matched": f"{matched:.4f}",
        "baseline on test, matched": "0.3333",
        "test, mismatched": f"{mismatched:.4f}",
        "baseline on test, mismatched": "0.5294",
        "validation": f"{mnli_run.validation_metrics['accuracy']:.4f}",
    }

    make_run("finished")
    table = open_page(RUNS).dataframe[0].value
    assert table["Test, mismatched"].isna().tolist() == [True, False]
    assert table["Test, mismatched"].iloc[1] == pytest.approx(mismatched)
    assert table["Test"].iloc[1] == pytest.approx(matched)

    assert main(["show", mnli_run.id]) == 0
    facts = dict(
        re.split(r"\s{2,}", line, maxsplit=1) for line in capsys.readouterr().out.partition("\n\n")[0].splitlines()
    )
    assert {name: facts[name] for name in facts if name.startswith(("test", "baseline"))} == {
        "test, matched": f"accuracy {matched:.3f}",
        "baseline, matched": "accuracy 0.333",
        "test, mismatched": f"accuracy {mismatched:.3f}",
        "baseline, mismatched": "accuracy 0.529",
    }
    assert main(["show", mnli_run.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["further_tests"] == mnli_run.further_tests
    assert main(["runs"]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert f"test, matched: accuracy {matched:.3f} (baseline 0.333); test," in listed
