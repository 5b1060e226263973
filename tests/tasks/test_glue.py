"""The nine tasks of GLUE: from small files in the official layout, from the Hugging Face cache, and the real ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.tasks import TaskError, get_task, list_tasks, load, preparation
from spafit.tasks.glue.files import LAYOUTS, Layout, read_tsv
from spafit.tasks.glue.tasks import KEYS
from spafit.tasks.splits import normalize
from tests.glue_layout import write_task
from tests.hf_cache import write_cache


@pytest.fixture
def glue_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path / "glue"))
    return tmp_path / "glue"


@pytest.mark.parametrize("key", sorted(KEYS))
def test_official_layout(key: str, glue_dir: Path) -> None:
    write_task(glue_dir, key)
    task = get_task(key)
    assert task.source == "local"
    parts = {split: load(task, split) for split in task.splits}
    assert {split: len(part) for split, part in parts.items()} == {
        "train": 36,
        "validation": 4,
        **dict.fromkeys([split for split in task.splits if split.startswith("test")], 12),
    }
    test_file = LAYOUTS[key].files["test"].removesuffix(".tsv")
    assert parts["test"].text == [f'{test_file} "text {i}' for i in range(12)]
    assert (parts["test"].pair is not None) == task.pair
    if task.pair:
        assert parts["test"].pair == [f'{test_file} second "text {i}' for i in range(12)]
    if task.kind == "regression":
        assert parts["test"].labels.dtype == np.float32
        np.testing.assert_allclose(parts["test"].labels, [i % 6 * 0.9 for i in range(12)], rtol=1e-6)
        assert task.num_labels == 1
    else:
        assert parts["test"].labels.tolist() == [i % task.num_labels for i in range(12)]


def test_the_nine_and_their_metrics() -> None:
    assert {task.key: task.metrics for task in list_tasks() if task.key in KEYS} == {
        "cola": ("matthews", "accuracy"),
        "sst2": ("accuracy",),
        "mrpc": ("accuracy", "f1"),
        "stsb": ("pearson", "spearman"),
        "qqp": ("accuracy", "f1"),
        "mnli": ("accuracy",),
        "qnli": ("accuracy",),
        "rte": ("accuracy",),
        "wnli": ("accuracy",),
    }
    assert get_task("mnli").splits == ("train", "validation", "test", "test_mismatched")


def test_mnli_has_two_test_parts(glue_dir: Path) -> None:
    write_task(glue_dir, "mnli")
    assert load("mnli", "test").text[0].startswith("dev_matched")
    assert load("mnli", "test_mismatched").text[0].startswith("dev_mismatched")


def test_malformed_lines_are_counted_and_named(glue_dir: Path) -> None:
    folder = write_task(glue_dir, "rte")
    lines = (folder / "train.tsv").read_text(encoding="utf-8").split("\n")
    lines[3] = "2\tonly two"
    lines[5] = "4\tfirst\tsecond\tmaybe"
    lines[7] = "6\t \tsecond\tentailment"
    (folder / "train.tsv").write_text("\r\n".join(lines), encoding="utf-8")
    done = preparation("rte")
    assert done.left_out == {"malformed lines": 3}
    assert done.problems == (
        "train.tsv line 4 has 2 columns where 4 are expected",
        "train.tsv line 6 has the label 'maybe'",
        "train.tsv line 8 has an empty text",
    )
    assert done.rows_read == 52
    assert sum(done.splits.values()) == 49


def test_training_rows_that_are_in_the_test_part_go(glue_dir: Path) -> None:
    folder = write_task(glue_dir, "sst2")
    with (folder / "train.tsv").open("a", encoding="utf-8") as file:
        file.write('DEV  "text 3\t0\ndev "text 4\t1\ntrain "text 1\t0\n')
    done = preparation("sst2")
    assert (done.found_in_test, done.duplicates_removed, done.contradictions) == (2, 1, 1)
    assert done.splits == {"train": 36, "validation": 4, "test": 12}


texts = st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda text: text.strip()
)


@given(st.lists(st.tuples(texts, texts, st.integers(0, 1)), min_size=1, max_size=10))
def test_whatever_fits_between_tabs_comes_back(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    path = tmp_path_factory.mktemp("RTE") / "train.tsv"
    lines = ["a\tb\tlabel", *(f"{a}\t{b}\t{label}" for a, b, label in rows)]
    path.write_bytes("\n".join(lines).encode())
    read = read_tsv(path, Layout("RTE", "a", "b", "label", ("x", "y")))
    assert (read.malformed, read.problems) == (0, [])
    assert read.examples.text == [a for a, _, _ in rows]
    assert read.examples.pair == [b for _, b, _ in rows]
    assert read.examples.labels.tolist() == [label for _, _, label in rows]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"sentence\tlabel\n", "has no usable row"),
        (b"", "no column 'sentence' in its first line"),
        (b"text\tlabel\nx\t1\n", "no column 'sentence' in its first line"),
        (b"sentence\tlabel\n\xff\xfe\t1\n", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_not_glues_is_refused(glue_dir: Path, content: bytes, says: str) -> None:
    folder = write_task(glue_dir, "sst2")
    (folder / "dev.tsv").write_bytes(content)
    with pytest.raises(TaskError, match=says) as caught:
        load("sst2", "train")
    assert "SST-2/dev.tsv" in str(caught.value)


def test_a_missing_file_is_named(glue_dir: Path) -> None:
    (write_task(glue_dir, "mnli") / "dev_mismatched.tsv").unlink()
    with pytest.raises(TaskError, match=r"has no dev_mismatched\.tsv"):
        load("mnli", "train")


def test_impossible_scores_are_malformed(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text("sentence1\tsentence2\tscore\na\tb\tnan\na\tb\t5.5\na\tb\t-1\na\tb\t5\n", encoding="utf-8")
    read = read_tsv(path, LAYOUTS["stsb"])
    assert read.malformed == 3
    assert read.examples.labels.tolist() == [5.0]


def test_without_folder_cache_or_hub_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("SPAFIT_GLUE_DIR", str(tmp_path / "nowhere"))
    assert get_task("wnli").source == "hub"
    with pytest.raises(
        TaskError, match="WNLI cannot be had: it is not on this machine and the Hugging Face Hub cannot be reached"
    ) as caught:
        load("wnli", "train")
    assert "SPAFIT_GLUE_DIR" in str(caught.value)


def test_a_folder_goes_before_the_cache_and_the_cache_before_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, glue_dir: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert get_task("rte").source == "hub"
    columns = {"sentence1": "string", "sentence2": "string", "label": ["entailment", "not_entailment"], "idx": "int32"}
    parts = {
        part: [{"sentence1": f"cached {part} {i}", "sentence2": "b", "label": i % 2, "idx": i} for i in range(30)]
        for part in ("train", "validation")
    }
    write_cache(tmp_path / "hf", "nyu-mll/glue", "rte", columns, parts)
    assert get_task("rte").source == "cached"
    assert load("rte", "test").text[0] == "cached validation 0"
    write_task(glue_dir, "rte")
    assert get_task("rte").source == "local"
    assert load("rte", "test").text[0] == 'dev "text 0'


def test_from_the_hugging_face_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {
        part: [{"premise": f"{part} {i}", "hypothesis": f"h {i}", "label": i % 3, "idx": i} for i in range(30)]
        for part in ("train", "validation_matched", "validation_mismatched")
    }
    columns = {
        "premise": "string",
        "hypothesis": "string",
        "label": ["entailment", "neutral", "contradiction"],
        "idx": "int32",
    }
    write_cache(tmp_path, "nyu-mll/glue", "mnli", columns, parts)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert get_task("mnli").source == "cached"
    test = load("mnli", "test_mismatched")
    assert test.text == [f"validation_mismatched {i}" for i in range(30)]
    assert test.pair == [f"h {i}" for i in range(30)]
    assert test.labels.tolist() == [i % 3 for i in range(30)]
    assert preparation("mnli").splits == {"train": 27, "validation": 3, "test": 30, "test_mismatched": 30}


@pytest.mark.parametrize(
    ("key", "rows", "splits"),
    [
        ("cola", 9594, {"train": 7657, "validation": 855, "test": 1043}),
        ("sst2", 61486, {"train": 59321, "validation": 1000, "test": 872}),
        ("mrpc", 4076, {"train": 3301, "validation": 367, "test": 408}),
        ("stsb", 7249, {"train": 5124, "validation": 575, "test": 1500}),
    ],
)
def test_the_real_files(glue: Path, key: str, rows: int, splits: dict[str, int]) -> None:
    done = preparation(key)
    assert done.rows_read == rows
    assert done.splits == splits
    assert done.left_out == {}
    assert rows == sum(splits.values()) + done.duplicates_removed + done.found_in_test
    seen: set[tuple[str, str]] = set()
    for split in ("train", "validation", "test"):
        part = load(key, split)
        here = {(normalize(a), normalize(b)) for a, b in zip(part.text, part.pair or [""] * len(part), strict=True)}
        assert not here & seen
        seen |= here
