"""``spafit predict`` and ``spafit export``, on a run that a tiny model really made."""

import csv
import io
import json
from pathlib import Path

import pytest

from spafit.runs import Store
from spafit.stratification import preset
from tests.cli.calling import call
from tests.trained.runs import trained_run


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    return trained_run(tmp_path, "bert", preset("spafit", 3, 1, 2)).run.id


def test_typed_texts_are_answered(run_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "predict", run_id, "a great film", "dull", "--json")
    document = json.loads(out)
    assert (code, document["schema"], document["run"]) == (0, 1, run_id)
    first = document["predictions"][0]
    assert (first["text"], first["pair"]) == ("a great film", None)
    assert sum(first["probabilities"].values()) == pytest.approx(1)
    assert first["score"] == first["probabilities"][first["label"]] == max(first["probabilities"].values())


def test_files_of_texts_are_answered_in_order(run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["short", "a very long sentence about a film, with a comma", 'one "quoted"']
    (tmp_path / "texts.txt").write_text("\n".join(texts))
    with (tmp_path / "texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *((str(i), text) for i, text in enumerate(texts))])
    answers = []
    for name in ("texts.txt", "texts.csv"):
        _, out, _ = call(capsys, "predict", run_id, "--file", str(tmp_path / name), "--csv")
        rows = list(csv.DictReader(io.StringIO(out)))
        assert [row["text"] for row in rows] == texts
        answers.append([row["score"] for row in rows])
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Give texts, or a file"),
        (("a", "--file", "b"), "one of the two"),
        (("a", "--pair", "b"), "reads single texts"),
        (("a", "b", "--pair", "c"), "2 texts but 1 second"),
        ((" ",), "Text 1 is empty"),
        (("--file", "nowhere.csv"), "cannot be read"),
        (("a", "--json", "--csv"), "contradict"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    run_id: str, arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, "predict", run_id, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_a_run_is_exported_and_says_what_is_in_the_folder(
    run_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    code, out, _ = call(capsys, "export", run_id, "--to", str(target), "--json")
    document = json.loads(out)
    assert (code, document["format"]) == (0, "adapter")
    assert document["files"] == sorted(path.name for path in target.iterdir())
    code, out, err = call(capsys, "export", run_id, "--to", str(target))
    assert (code, out) == (2, "")
    assert "exists already" in err
    code, out, err = call(capsys, "export", run_id, "--to", str(tmp_path / "b"), "--format", "zip")
    assert (code, out) == (2, "")
    assert "choose one of adapter, merged" in err
    (Store.open().folder(run_id) / "trained.safetensors").unlink()
    code, _, err = call(capsys, "export", run_id, "--to", str(tmp_path / "c"))
    assert code == 2
    assert "no saved weights" in err
