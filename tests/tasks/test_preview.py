"""A look at a task's data, and its export."""

import csv
import io
from pathlib import Path

import pytest

from spafit.models.registry import BUNDLED, weights_folder
from spafit.tasks import TaskError, folder, get_task, helper, load, preview
from spafit.tasks.preview import Preview
from spafit.tasks.upload import intake
from spafit.tasks.upload.export import neutral, to_csv


@pytest.fixture
def model_folder() -> Path:
    return weights_folder(BUNDLED, allow_download=False)


def test_a_preview_is_made_once_and_found_again(model_folder: Path) -> None:
    task = get_task("bbc-news")
    assert preview.read(task, model_folder) is None
    seen = Preview.from_dict(helper.call("preview", task=task.key, tokenizer_folder=str(model_folder)))
    assert preview.read(task, model_folder) == seen
    assert preview.read(task, None) is None  # another tokenizer, another preview
    assert seen.preparation.duplicates_removed == 101
    assert {split: sum(counts) for split, counts in seen.counts.items()} == seen.preparation.splits
    assert seen.baseline["accuracy"] == pytest.approx(101 / 425)
    assert seen.measured == 1487
    assert len(seen.examples) == 10
    assert {row["label"] for row in seen.examples} == set(task.labels)
    assert all(len(row["text"]) <= 280 for row in seen.examples)


def test_lengths_are_those_of_the_models_tokenizer(model_folder: Path) -> None:
    from transformers import AutoTokenizer

    seen = Preview.from_dict(preview.make("rotten-tomatoes", str(model_folder)))
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    lengths = [len(tokens) for tokens in tokenizer(load("rotten-tomatoes", "train", limit=2000).text)["input_ids"]]
    assert seen.measured == 2000
    assert seen.mean_length == pytest.approx(sum(lengths) / 2000)
    assert seen.truncated(32) == pytest.approx(sum(length > 32 for length in lengths) / 2000)
    assert seen.tokens(32) == pytest.approx(sum(min(length, 32) for length in lengths) / 2000)
    assert seen.truncated(512) == 0


def test_without_a_tokenizer_everything_else_is_there(tmp_path: Path) -> None:
    seen = Preview.from_dict(preview.make("rotten-tomatoes", None))
    assert seen.lengths == []
    assert seen.no_lengths == "The chosen model's tokenizer is not on this machine."
    assert (seen.mean_length, seen.truncated(128), seen.tokens(128)) == (0, 0, 0)
    (tmp_path / "tokenizer.json").write_text("{")
    broken = Preview.from_dict(preview.make("rotten-tomatoes", str(tmp_path)))
    assert "cannot be loaded" in broken.no_lengths


def test_regression_targets_are_counted_in_bins(glue: Path) -> None:
    seen = Preview.from_dict(preview.make("stsb", None))
    assert (seen.bins[0], seen.bins[-1], len(seen.bins)) == (0, 5, 21)
    assert sum(seen.counts["test"]) == 1500
    assert seen.baseline == {"pearson": 0.0, "spearman": 0.0}
    assert {"text", "pair", "label"} == set(seen.examples[0])


def test_a_damaged_preview_is_made_again(model_folder: Path) -> None:
    task = get_task("rotten-tomatoes")
    preview.make(task.key, str(model_folder))
    [file] = (folder(task) / "previews").iterdir()
    for content in ("{", "[]", '{"format": 0}', '{"format": 1, "counts": {}}'):
        file.write_text(content)
        assert preview.read(task, model_folder) is None


def test_an_unknown_task_is_one_sentence() -> None:
    with pytest.raises(TaskError, match="There is no task 'nothing'"):
        helper.call("preview", task="nothing", tokenizer_folder=None)


def test_exported_cells_cannot_be_formulas(tmp_path: Path) -> None:
    risky = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\ry", "=cmd|' /C calc'!A0", "plain", 'a "quote"', "two\nlines"]
    rows = [(text, "=A1" if i % 2 else "ok") for i, text in enumerate(risky)] + [(f"t {i}", "ok") for i in range(10)]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([("text", "label"), *rows])
    (tmp_path / "a.csv").write_text(buffer.getvalue(), encoding="utf-8", newline="")
    task = get_task(intake.add(path=str(tmp_path / "a.csv"), name="a.csv"))
    assert {text for split in task.splits for text in load(task, split).text} == {text for text, _ in rows}
    header, *exported = csv.reader(io.StringIO(to_csv(task).decode("utf-8-sig"), newline=""))
    assert header == ["part", "text", "label"]
    assert sorted((text, label) for _, text, label in exported) == sorted((neutral(a), neutral(b)) for a, b in rows)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in exported for cell in row)
    assert neutral("3 > 2 = true") == "3 > 2 = true"
