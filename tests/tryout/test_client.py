"""The warm process answers for several runs, says what is wrong, comes back after it died, and leaves when idle."""

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spafit.stratification import preset
from spafit.tryout.client import Client, TryoutError
from spafit.tryout.predict import Predictor
from spafit.tryout.worker import serve
from tests.trained.runs import LAYERS, trained_run

TEXTS = ["a great film", "dull"]


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(idle_seconds=60)
    yield made
    made.close()


@pytest.mark.slow
def test_a_warm_process_answers_as_the_model_does(client: Client, tmp_path: Path) -> None:
    first = trained_run(tmp_path / "1", "bert", preset("spafit", LAYERS, 1, 2))
    second = trained_run(tmp_path / "2", "gpt2", preset("lora", LAYERS))
    client.start(["nobodys", second.run.id])  # one of them cannot be loaded, which is said when it is asked
    process = client._process
    assert process is not None and process.poll() is None
    for whole in (first, second, first):
        assert client.predict(whole.run.id, TEXTS) == [each.to_dict() for each in Predictor(whole).predict(TEXTS)]
    scored = trained_run(tmp_path / "3", "bert", preset("spafit", LAYERS, 1, 2), (), pair=True)
    numbers = client.predict(scored.run.id, TEXTS, TEXTS[::-1])
    assert numbers == [each.to_dict() for each in Predictor(scored).predict(TEXTS, TEXTS[::-1])]
    assert [(each["pair"], each["label"], each["probabilities"]) for each in numbers] == [
        (second, None, {}) for second in TEXTS[::-1]
    ]
    before = client.predict(first.run.id, TEXTS, trained=False)
    base = Predictor(first, first.base()[0]).predict(TEXTS)
    assert before == [each.to_dict() for each in base]
    half = client.predict(first.run.id, TEXTS, factors={"layers": {"3": 0.5}})
    assert half not in (before, client.predict(first.run.id, TEXTS))
    for arguments, sentence in (
        (("nobodys", TEXTS), "There is no run"),
        ((first.run.id, [""]), "Text 1 is empty"),
        ((first.run.id, TEXTS, TEXTS), "reads single texts"),
        ((scored.run.id, TEXTS), "reads two texts together"),
        ((scored.run.id, ["a"], [" "]), "Text 1 is empty"),
        ((first.run.id, ["a"] * 65), "more than 64"),
    ):
        with pytest.raises(TryoutError, match=sentence):
            client.predict(*arguments)
    with pytest.raises(TryoutError, match="no layer 9"):
        client.predict(first.run.id, TEXTS, factors={"layers": {"9": 0.5}})
    assert client._process is process  # all of that by one process
    process.kill()
    process.wait()
    assert len(client.predict(first.run.id, TEXTS)) == 2


def test_an_idle_process_leaves_and_so_does_one_whose_client_is_gone() -> None:
    for idle_seconds, gone in ((0.0, False), (60.0, True)):
        reading, writing = os.pipe()
        with os.fdopen(reading, encoding="utf-8") as requests:
            if gone:
                os.close(writing)
            serve(requests, io.StringIO(), idle_seconds)
            if not gone:
                os.close(writing)


LEAVING = """
import pathlib, sys
left, times, code = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
sys.stdin.readline()
if len(left.read_text()) < times:
    left.write_text(left.read_text() + "x")
    sys.exit(code)
print('{"predictions": []}', flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("times", "code", "answered"), [(1, 0, True), (2, 0, False), (1, 3, False)])
def test_a_process_that_leaves_just_when_it_is_asked_is_started_again_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, times: int, code: int, answered: bool
) -> None:
    left = tmp_path / "left"
    left.touch()
    command = [sys.executable, "-c", LEAVING, str(left), str(times), str(code)]
    monkeypatch.setattr("spafit.tryout.client.module_command", lambda *_: command)
    client = Client()
    try:
        if answered:
            assert client.predict("run", ["a text"]) == []
        else:
            with pytest.raises(TryoutError, match=rf"ended \(exit code {code}\); try again"):
                client.predict("run", ["a text"])
    finally:
        client.close()
    assert left.read_text() == "x" * times
