"""`spafit report`: a page about several settings that stands by itself and shows names letter by letter."""

from __future__ import annotations

import json
import re
import xml.dom.minidom
from dataclasses import replace
from pathlib import Path

import pytest

from spafit.cli import main
from spafit.export.comparison_report import Compared, comparison_report
from spafit.runs import State, Store
from spafit.stratification import Method, preset
from spafit.training.config import QUICK, RunSpec
from tests.pages.made_up import FINISHED, events_until


def compared(n1: int, n2: int, mean: float, n: int = 3) -> Compared:
    return Compared(preset("spafit", 3, n1, n2), 1e-3, 100, 1000, mean, n, 0.01 if n > 1 else None)


def test_the_page_has_every_setting_best_first_and_the_triangle() -> None:
    probe = Compared(preset(Method.PROBE, 3), 1e-3, 10, 1000, 0.6, 1, None)
    made = comparison_report("<b>evil</b> on x", [compared(0, 1, 0.7), probe, compared(1, 2, 0.8)], "accuracy", 0.5)
    assert "<b>evil" not in made and "<script" not in made and "http" not in made.replace("http://www.w3.org", "")
    assert re.findall(r"class=n>(0\.\d{4})<", made) == ["0.8000", "0.7000", "0.6000"]
    assert "baseline reaches 0.5000; 3 settings, 7 runs" in made
    drawn = next(text for text in re.findall(r"<svg.*?</svg>", made, re.DOTALL) if "N1 across" in text)
    assert len(xml.dom.minidom.parseString(drawn).getElementsByTagName("rect")) == 10


@pytest.mark.usefixtures("scripted_runs")
def test_bad_requests_are_one_sentence_and_write_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    for arguments, says in (([], "Name a run, the runs that are compared"), (["nobodys1"], "no run")):
        assert main(["report", *arguments, "--to", str(target)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1) and says in err
    assert not target.exists()


def test_finished_runs_are_settings_with_their_means(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store, ids = Store.open(), []
    for method, seed in (("spafit", 0), ("spafit", 1), ("lora", 0)):
        spec = RunSpec("minilm-l6", "rotten-tomatoes", preset(method, 6), replace(QUICK, seed=seed))
        ids.append(store.submit(spec))
        run = store.claim(ids[-1], "a test")
        assert run is not None
        store.record(run, [event.to_dict() for event in events_until(20)])
        store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
    target = tmp_path / "out.html"
    assert main(["report", ids[0], "--to", str(target)]) == 0
    alone = target.read_text()
    assert capsys.readouterr().err == f"The report on 1 setting is in {target}.\n"
    assert "What changed inside" in alone and alone.count("<svg") == 3  # strata, curve, changes
    assert all(figure in alone for figure in ("0.8000", "0.8100", "0.5000", "67,202 of 22,763,138"))
    waiting = store.submit(RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6)))
    assert main(["report", waiting, "--to", str(tmp_path / "none.html")]) == 2
    assert f"Run {waiting} is queued" in capsys.readouterr().err and not (tmp_path / "none.html").exists()
    assert main(["report", *ids, "--to", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(target)
    made = target.read_text()
    assert "minilm-l6 on rotten-tomatoes" in made and "SPAFIT-2-4" in made and "LoRA" in made
