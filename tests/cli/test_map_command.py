"""`spafit map`: a map goes out as one file and comes in as the same one, and as a page that needs nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from spafit.maps import kept
from spafit.maps.file import packed, read
from spafit.maps.measured import measured_map, series_of_task
from spafit.maps.page import map_page, page_data
from spafit.runs import Origin, Store
from spafit.stratification import preset
from tests.cli.calling import call, document
from tests.maps.recorded_map import BEST, HERE, lay, made_up
from tests.maps.test_measured import measure

MODEL, TASK = "minilm-l6", "rotten-tomatoes"
Capture = pytest.CaptureFixture[str]


def scores(home_map: Store) -> dict[str, object]:
    series = max(series_of_task(home_map, MODEL, TASK), key=lambda one: len(one.runs))
    found = measured_map(series, "accuracy")
    return {point["name"]: (point["scores"], point["lr"], point["trainable"]) for point in found["cells"]}


def test_a_map_with_own_runs_goes_round(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = document(capsys, "map", "import", str(lay(tmp_path, made_up())))
    assert (told["runs"], told["origin"], told["from"]) == (192, "imported", "recorded with the project")
    settings = {key: made_up()["settings"][key] for key in ("train_samples", "epochs", "max_length", "eval_samples")}
    measure(Store.open(), preset("spafit", 6, 2, 4), 0.9, seed=7, rate=BEST, contents=HERE, **settings)
    before = scores(Store.open())
    target = tmp_path / "out.spafit-map"
    told = document(capsys, "map", "export", MODEL, TASK, "--to", str(target), "--origin", "class of 2026")
    assert told["runs"] == 193
    monkeypatch.setenv("SPAFIT_HOME", str(tmp_path / "elsewhere"))
    assert document(capsys, "map", "import", str(target))["from"] == "class of 2026"
    assert scores(Store.open()) == before
    (there,) = kept.maps()
    assert there.events(there.runs[0]) and there.document["machines"][0]["commit"] == "abc1234"
    (listed,) = document(capsys, "map", "list")["maps"]
    assert (listed["origin"], listed["runs"]) == ("imported", 193)
    assert call(capsys, "map", "delete", listed["map"])[0] == 0 and not kept.maps()


def test_the_page_is_whole_and_no_text_ends_its_data() -> None:
    evil = "</script><script>alert(1)</script><img src=x>"
    made = read(packed(made_up() | {"origin": evil, "model": evil}), "it", Origin.IMPORTED)
    page = map_page(made)
    assert "alert(1)</script>" not in page and "<img" not in page
    assert page.count("<script") == page.count("</script>") == 2
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found and json.loads(found[1]) == page_data(made)
    assert len(json.loads(found[1])["runs"]) == 192


def test_what_cannot_be_done_is_one_sentence_and_writes_nothing(capsys: Capture, tmp_path: Path) -> None:
    target, bad = tmp_path / "out.spafit-map", tmp_path / "bad.spafit-map"
    bad.write_bytes(b"no map")
    for arguments, says in (
        (("export", MODEL, TASK, "--to", str(target)), "there is no map to export"),
        (("import", str(tmp_path / "nowhere")), "cannot be read"),
        (("import", str(bad)), "is no map"),
        (("delete", "nine"), "is no imported map"),
        ((), "required"),
    ):
        code, out, err = call(capsys, "map", *arguments)
        assert (code, out) == (2, "") and says in err and len(err.splitlines()) == 1
    assert not target.exists() and not kept.maps()
    kept.take_in(lay(tmp_path, made_up()))
    code, _out, err = call(capsys, "map", "export", MODEL, TASK, "--to", str(target), "--series", "nine")
    assert code == 2 and "is no series of minilm-l6" in err
