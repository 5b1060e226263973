"""Prepared data is there as a whole or not at all, whoever writes, fails or is killed meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spafit.errors import SpafitError
from spafit.tasks import prepared
from spafit.tasks.splits import Preparation
from spafit.tasks.task import Examples

DONE = Preparation(9, {"train": 3, "validation": 3, "test": 3})


def parts(word: str = "text") -> prepared.Parts:
    examples = Examples([f"{word} {i}" for i in range(3)], None, np.arange(3))
    return {name: (examples, np.arange(3, dtype=np.uint64)) for name in ("train", "validation", "test")}


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return a function that has something happen once, when one part is on disk and the next is about to be."""
    write_part = prepared._write_part

    def arranged(happens: Callable[[], None]) -> None:
        waiting = [happens]

        def watched(path: Path, *rest) -> None:
            if path.stem == "validation" and waiting:
                waiting.pop()()
            write_part(path, *rest)

        monkeypatch.setattr(prepared, "_write_part", watched)

    return arranged


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
def test_a_failure_half_way_leaves_nothing(tmp_path: Path, during, error: BaseException) -> None:
    def fail() -> None:
        raise error

    during(fail)
    with pytest.raises(SpafitError if isinstance(error, OSError) else type(error)):
        prepared.write(tmp_path / "data" / "task", parts(), DONE)
    assert list((tmp_path / "data").iterdir()) == []
    prepared.write(tmp_path / "data" / "task", parts(), DONE)
    assert prepared.read(tmp_path / "data" / "task", "test").text == ["text 0", "text 1", "text 2"]


def test_nothing_is_seen_of_it_before_it_is_complete(tmp_path: Path, during) -> None:
    folder = tmp_path / "task"
    seen = []
    during(lambda: seen.append((folder.exists(), prepared.is_ready(folder))))
    prepared.write(folder, parts(), DONE, {"dataset.json": {"name": "mine"}})
    assert seen == [(False, False)]
    assert sorted(path.name for path in folder.iterdir()) == [
        "dataset.json",
        "preparation.json",
        "test.arrow",
        "train.arrow",
        "validation.arrow",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["task"]
    assert prepared.preparation(folder) == DONE


def test_of_two_writers_the_first_to_finish_stays_and_the_other_leaves_nothing(tmp_path: Path, during) -> None:
    folder = tmp_path / "task"
    during(lambda: prepared.write(folder, parts("first"), DONE))
    prepared.write(folder, parts("second"), DONE)
    assert prepared.read(folder, "train").text == ["first 0", "first 1", "first 2"]
    assert [path.name for path in tmp_path.iterdir()] == ["task"]


def test_of_the_texts_only_those_that_are_wanted_are_copied(tmp_path: Path) -> None:
    """Counted by Arrow, in a process that does nothing else: 50 of 20,000 texts of 1,000 letters."""
    count = 20_000
    examples = Examples([f"{i} {'x' * 1000}" for i in range(count)], None, np.arange(count) % 2)
    order = np.random.default_rng(0).permutation(count).astype(np.uint64)
    prepared.write(tmp_path / "task", {"train": (examples, order)}, DONE)
    code = (
        "import pyarrow as pa; from pathlib import Path; from spafit.tasks import prepared\n"
        f"read = prepared.read(Path({str(tmp_path / 'task')!r}), 'train', limit=50, seed=1)\n"
        "print(pa.default_memory_pool().max_memory()); print(*(text.split()[0] for text in read.text))"
        "; print(*read.labels)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    most, numbers, labels = done.stdout.splitlines()
    assert int(most) < 2_000_000
    assert len(numbers.split()) == 50 and len(set(numbers.split())) == 50
    assert [int(number) % 2 for number in numbers.split()] == [int(label) for label in labels.split()]


def test_a_folder_that_was_never_completed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "train.arrow").write_bytes(b"half")
    assert not prepared.is_ready(folder)
    prepared.write(folder, parts(), DONE)
    assert prepared.read(folder, "train").text == ["text 0", "text 1", "text 2"]


def test_what_a_killed_process_left_long_ago_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    old, new, other = tmp_path / ".new-old", tmp_path / ".new-new", tmp_path / "rotten-tomatoes-1"
    for folder in (old, new, other):
        folder.mkdir()
        (folder / "train.arrow").write_bytes(b"half")
    for folder in (old, other):
        os.utime(folder, (0, 0))
    prepared.write(tmp_path / "data", parts(), DONE)
    assert not old.exists() and new.exists() and other.exists()
    assert prepared.is_ready(tmp_path / "data")


def changed(row: int, **what: object) -> prepared.Parts:
    """Return the parts with something else in one row of the test part."""
    made = parts()
    examples, order = made["test"]
    text, labels, order = list(examples.text), examples.labels.copy(), order.copy()
    text[row] = what.get("text", text[row])
    labels[row], order[row] = what.get("label", labels[row]), what.get("order", order[row])
    return made | {"test": (Examples(text, None, labels), order)}


def test_the_content_digest_tells_any_value_and_nothing_but_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest(name: str, made: prepared.Parts) -> str:
        prepared.write(tmp_path / name, made, DONE)
        return prepared.content_digest(tmp_path / name)

    same = {digest("one", parts()), digest("elsewhere", parts())}
    monkeypatch.setattr(prepared, "RECORD_ROWS", 2)
    assert len(same | {digest("other batches", parts())}) == 1
    others = [changed(2, text="text 3"), changed(2, label=0), changed(2, order=7), parts("texts")]
    # The same letters, with the border between two texts elsewhere.
    others.append(
        {
            **parts(),
            "test": (Examples(["text 0t", "ext 1", "text 2"], None, np.arange(3)), np.arange(3, dtype=np.uint64)),
        }
    )
    paired = {name: (Examples(e.text, e.text, e.labels), order) for name, (e, order) in parts().items()}
    found = {digest(f"other {i}", made) for i, made in enumerate([*others, paired])}
    assert len(found) == 6
    assert not found & same


def test_the_content_digest_is_remembered_and_a_damaged_part_is_said(tmp_path: Path) -> None:
    prepared.write(tmp_path / "task", parts(), DONE)
    (tmp_path / "task" / "test.arrow").write_bytes(b"cut")
    with pytest.raises(SpafitError, match="cannot be read"):
        prepared.content_digest(tmp_path / "task")
    prepared.write(tmp_path / "other", parts(), DONE)
    digest = prepared.content_digest(tmp_path / "other")
    (tmp_path / "other" / "test.arrow").write_bytes(b"cut")
    assert prepared.content_digest(tmp_path / "other") == digest
