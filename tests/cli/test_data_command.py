"""`spafit data`, and the same options in `spafit train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spafit.cli import main
from spafit.tasks import get_task, helper, preparation
from spafit.tasks.upload import intake, stored
from tests.cases import REFUSED, REMARKED, RIGHT, SECOND, case
from tests.cli.calling import document, printed

KEYS = ["schema", "format", "encoding", "delimiter", "headed", "rows", "left_out", "text", "pair", "label", "kind"]
KEYS += ["labels", "examples", "remarks"]


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do here what the helper process does: starting one for every file would take most of the time."""

    def call(command: str, **arguments: Any) -> Any:
        return getattr(intake, command)(**arguments)

    monkeypatch.setattr(helper, "call", call)


def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    rows = "".join(f"{i},fine text {i},{('good', 'bad')[i % 2]},{i % 5}\n" for i in range(40))
    path.write_text("id,said,mood,stars\n" + rows)
    return path


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", RIGHT)
def test_files_as_people_have_them(capsys: pytest.CaptureFixture[str], name: str) -> None:
    second = ["--test", str(case(SECOND[name]))] if name in SECOND else []
    seen = document(capsys, "data", str(case(name)), *second)
    assert list(seen) == KEYS
    assert {fact: seen[fact] for fact in RIGHT[name]} == RIGHT[name]
    assert REMARKED.get(name, "") in " ".join(seen["remarks"])
    assert all(list(example) == ["text", "pair", "label"] for example in seen["examples"])
    assert stored.list_stored() == []


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", REFUSED)
def test_files_that_are_refused_in_a_sentence(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["data", str(case(name)), "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert REFUSED[name] in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("in_process")
def test_one_of_several_labels_is_chosen_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    seen = document(capsys, "data", str(case("several_labels.csv")), "--label", "obscene")
    assert (seen["label"], seen["text"], seen["labels"]) == ("obscene", "comment_text", ["0", "1"])


def test_the_helper_process_looks_and_a_person_reads(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shown = printed(capsys, "data", str(reviews(tmp_path)), "--label", "stars", "--kind", "regression")
    assert "rows       40" in shown
    assert "label      stars" in shown
    assert "kind       regression" in shown
    assert "fine text 3" in shown


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--text", "words"], "reviews.csv has no column “words”; it has id, said, mood, stars."),
        (["--label", "said", "--text", "said"], "The column “said” is chosen twice"),
        (["--encoding", "klingon"], "There is no encoding “klingon”"),
        (["--kind", "ranking"], "invalid choice: 'ranking'"),
        (["--test", "gone.csv"], "There is no file gone.csv."),
        (["--kind", "regression", "--label", "mood"], "40 rows whose label is no number"),
    ],
)
def test_wrong_options_are_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: list[str], says: str
) -> None:
    assert main(["data", str(reviews(tmp_path)), "--json", *options]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


@pytest.mark.usefixtures("in_process")
def test_the_first_line_is_a_row_or_names_the_columns_as_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = reviews(tmp_path)
    assert document(capsys, "data", str(path), "--headed", "no", "--text", "column 2")["rows"] == 41
    assert document(capsys, "data", str(path), "--headed", "yes")["rows"] == 40


def test_what_is_no_file_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for named in (str(tmp_path), "imdb", "missing.csv"):
        assert main(["data", named]) == 2
        assert capsys.readouterr().err == f"There is no file {named}.\n"


@pytest.mark.usefixtures("in_process", "scripted_runs")
def test_train_takes_the_same_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=2")
    path = reviews(tmp_path)
    second = tmp_path / "more.csv"
    second.write_text("id,said,mood,stars\n1,another one,bad,4\n2,a last one,good,3\n")
    how = ["--text", "said", "--label", "stars", "--kind", "regression", "--test", str(second), "--encoding", "utf-8"]
    run = document(capsys, "train", "minilm-l6", str(path), *how)
    task = get_task(run["task"])
    assert (task.kind, preparation(task).splits["test"]) == ("regression", 2)
    assert main(["train", "minilm-l6", "imdb", "--label", "stars", "--test", str(second)]) == 2
    said = "--label, --test says how a data file is read, but imdb is a task, not a file."
    assert capsys.readouterr().err == said + "\n"
