"""What would stop a run is found before it is queued."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from spafit.errors import SpafitError
from spafit.models import hub, registry
from spafit.runs.preconditions import unmet_precondition
from spafit.tasks import get_task
from spafit.training.config import QUICK, TrainSettings
from tests.fake_hub import FakeHub, fake_hub
from tests.tiny import save_tiny_model

TASK = get_task("rotten-tomatoes")


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny-bert")


def problem(model: str, settings: TrainSettings = QUICK) -> str | None:
    return unmet_precondition(registry.get_model(model), TASK, settings)


@pytest.fixture
def served(tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """Yield a Hub with a whole model, one without safetensors, one without a tokenizer, and an adapter."""
    models = {"some/whole": tiny_bert}
    for name in ("pickled", "speechless", "adapter"):
        models[f"some/{name}"] = tmp_path / name
        shutil.copytree(tiny_bert, tmp_path / name)
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    (tmp_path / "speechless" / "tokenizer.json").unlink()
    (tmp_path / "adapter" / "config.json").unlink()
    (tmp_path / "adapter" / "adapter_config.json").write_text('{"base_model_name_or_path": "some/whole"}')
    with fake_hub(models) as served:
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        yield served


def test_a_whole_model_on_the_hub_can_be_queued_and_is_asked_about_once(served: FakeHub) -> None:
    assert problem("some/whole") is None
    asked = len(served.requests)
    assert problem("some/whole") is None
    assert len(served.requests) == asked
    assert {sent for _, _, sent in served.requests} == {None}
    assert not any("model.safetensors" in path for _, path, _ in served.requests)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("some/pickled", "some/pickled has no safetensors weights, and other formats can run code and are not read"),
        ("some/speechless", "There is no tokenizer in some/speechless"),
        ("some/gated", "The Hub has no public model 'some/gated', or its owner asks for an account"),
        ("some/nothing", "The Hub has no public model 'some/nothing'"),
    ],
)
def test_what_a_repository_lacks_is_one_sentence(served: FakeHub, name: str, says: str) -> None:
    found = problem(name)
    assert found is not None and found.startswith(says) and "\n" not in found


def test_an_adapter_on_the_hub_names_its_base(served: FakeHub) -> None:
    with pytest.raises(SpafitError, match="'some/adapter' is an adapter of 'some/whole'"):
        hub.fetch_config("some/adapter", 1_000_000)


def test_a_hub_out_of_reach_is_said_with_what_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nothing listens
    assert problem("some/whole") == (
        "some/whole would have to be downloaded, and the Hub is out of reach; ready here: minilm-l6."
    )


def test_a_folder_without_a_tokenizer_is_told_before_it_waits(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    assert problem(str(folder)) is None
    (folder / "tokenizer.json").write_bytes(b"")  # as an interrupted download leaves it
    assert problem(str(folder)) == (
        "There is no tokenizer in model: it needs tokenizer.json or the vocabulary that the model came with."
    )


def test_a_folder_without_weights_says_what_it_has_instead(tiny_bert: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    found = problem(str(folder))
    assert found is not None and "pytorch_model.bin is not read" in found


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (None, "have no head for 'negative', 'positive' that could be kept."),
        (("negative", "positive"), None),
        (("positive", "negative"), "its classes are 'positive', 'negative', those of the task 'negative', 'positive'."),
        (("a", "b", "c"), "its classes are 'a', 'b', 'c', those of the task 'negative', 'positive'."),
    ],
)
def test_a_head_that_does_not_fit_is_told_before_it_waits(
    tiny_bert: Path, tmp_path: Path, classes: tuple[str, ...] | None, says: str | None
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
    if classes is not None:
        weights = load_file(folder / "model.safetensors")
        weights |= {"classifier.weight": np.zeros((len(classes), 16), "f4"), "classifier.bias": np.zeros(len(classes))}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"id2label": dict(enumerate(classes))}))
    assert problem(str(folder)) is None
    found = problem(str(folder), replace(QUICK, head_weights="kept"))
    assert found == says or (found is not None and says is not None and found.endswith(says))
    assert str(tmp_path) not in (found or "")  # a shared server shows this sentence
