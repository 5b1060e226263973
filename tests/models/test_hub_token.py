"""The server's Hub token is never sent on behalf of a visitor, never stored and never shown."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from spafit.cli import main
from spafit.runs import State, Store
from spafit.tasks import TaskError, helper
from tests.cli.calling import SPAFIT
from tests.fake_hub import FakeHub, fake_hub
from tests.runs.fixtures import scripted_runs
from tests.runs.helpers import scripted

__all__ = ["scripted_runs"]

TOKEN = "hf_TheServersOwnSecret"
VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


@pytest.fixture(autouse=True)
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the token in every place where the Hub's client would look for one."""
    for name in VARIABLES:
        monkeypatch.setenv(name, TOKEN)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text(TOKEN)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub({}) as hub:
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


@pytest.mark.parametrize(
    ("command", "arguments", "asked"),
    [
        ("glue", {"key": "wnli", "folder": "wnli"}, "nyu-mll/glue"),
        ("hub", {"name": "somebody/texts"}, "somebody/texts"),
        ("hub", {"name": "some/gated"}, "some/gated"),
    ],
)
def test_data_sets_are_asked_for_without_it(served: FakeHub, tmp_path: Path, command, arguments, asked) -> None:
    if "folder" in arguments:
        arguments = arguments | {"folder": str(tmp_path / arguments["folder"])}
    with pytest.raises(TaskError) as caught:
        helper.call(command, **arguments)
    assert any(asked in path for _, path, _ in served.requests)
    assert {sent for _, _, sent in served.requests} == {None}
    assert TOKEN not in str(caught.value)


def test_it_is_in_nothing_that_a_run_leaves_behind(scripted_runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTED", "steps=2 then=bug")  # the traceback goes to the log
    command = [*SPAFIT, "train", "minilm-l6", "rotten-tomatoes"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    (run,) = Store.open().list()
    assert run.state is State.FAILED
    files = [path for path in scripted_runs.rglob("*") if path.is_file()]
    assert Store.open().folder(run.id) / "log.txt" in files
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert TOKEN not in done.stdout + done.stderr


def test_it_is_not_stored_with_a_queued_run(home: Path) -> None:
    run = Store.open().get(Store.open().submit(scripted()))
    assert "HF_HOME" in run.environment
    assert not set(VARIABLES) & set(run.environment)
    assert not any(TOKEN.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_the_doctor_does_not_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    for how in ([], ["--json"]):
        main(["doctor", *how])
        written = capsys.readouterr()
        assert written.out and TOKEN not in written.out + written.err
