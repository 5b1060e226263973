"""At most two files are read at once, by whatever processes; the others wait, and the third says so."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from spafit.tasks import TaskError, helper, turns
from spafit.tasks.upload import stored

HOLD = (
    "import sys\nfrom spafit.tasks import turns\n"
    "with turns.turn(30):\n    print('has it', flush=True)\n    sys.stdin.readline()\n"
)


def holder() -> subprocess.Popen[str]:
    """Another process that has a turn until it is told to give it back."""
    process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "has it\n"
    return process


def give_back(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=30)


def test_the_third_waits_until_one_of_two_processes_is_done(home: Path) -> None:
    first = holder()
    assert not turns.all_taken()
    second = holder()
    assert turns.all_taken()
    with pytest.raises(TaskError, match="2 other files were being read"), turns.turn(0):
        pass
    got = threading.Event()

    def third() -> None:
        with turns.turn(60):
            got.set()

    waiting = threading.Thread(target=third)
    waiting.start()
    assert not got.is_set()
    give_back(first)
    assert got.wait(30)
    waiting.join()
    give_back(second)
    assert not turns.all_taken()


def test_a_killed_reader_gives_its_turn_back(home: Path) -> None:
    first, second = holder(), holder()
    assert turns.all_taken()
    first.kill()
    first.wait()
    assert not turns.all_taken()
    give_back(second)


def test_what_a_reader_starts_needs_no_turn_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = holder(), holder()
    monkeypatch.setenv(turns.MARK, "1")
    with turns.turn(0):
        pass
    give_back(first)
    give_back(second)


def test_readers_yield_to_everything_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(helper.COMMANDS, "ask", "tests.tasks.test_turns:who_am_i")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    found = helper.call("ask")
    assert found["niceness"] >= 5
    assert found["score"] in ("800", None)
    assert found["turn"] == "1"


def who_am_i() -> dict[str, object]:
    import os

    score = Path("/proc/self/oom_score_adj")
    return {
        "niceness": os.nice(0),
        "score": score.read_text().strip() if score.exists() else None,
        "turn": os.environ.get(turns.MARK),
    }


def test_leftovers_of_uploads_go_by_age(home: Path) -> None:
    import os

    old, new = stored.keep_upload("a.csv", b"old"), stored.keep_upload("b.csv", b"new")
    os.utime(old, (0, 0))
    stored.forget_leftovers(3600)
    assert (old.exists(), new.exists()) == (False, True)
