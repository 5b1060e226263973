"""Adapters that are brought back: exported ones as they were, others as near as boundaries come, bad ones refused."""

from __future__ import annotations

import io
import json
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import peft
import pytest
from safetensors.numpy import load_file

from spafit.cli import main
from spafit.counting import count
from spafit.errors import SpafitError
from spafit.export.adapter_source import from_folder, from_hub, from_zip
from spafit.export.bring_back import Brought, bring_back
from spafit.export.folder import export
from spafit.stratification import LoraSettings, Recipe, Stratification, preset
from tests.fake_hub import fake_hub
from tests.tiny import save_tiny_model, tiny_anatomy, tiny_model
from tests.trained.runs import LABELS, LAYERS, trained_run

pytestmark = pytest.mark.usefixtures("helpers_in_process")
Foreign = Callable[..., Path]
ALL = ["query", "key", "value", "attention.output.dense"]


@pytest.fixture
def foreign(tmp_path: Path) -> Foreign:
    """Return a function that makes an adapter as PEFT writes it, of a base that lies beside it."""

    def make(family: str = "bert", layers: int = 6, **how: object) -> Path:
        base = save_tiny_model(tmp_path / family, family, layers)
        config = peft.LoraConfig(**{"r": 2, "lora_alpha": 8, "task_type": "SEQ_CLS", **how})  # ty: ignore
        model = peft.get_peft_model(tiny_model(family, layers), config)
        config.base_model_name_or_path = str(base)
        folder = tmp_path / "adapter"
        model.save_pretrained(str(folder), save_embedding_layers=False)
        return folder

    return make


def trained_by_peft(folder: Path) -> int:
    """Return the values that an adapter stores, which are those that PEFT trained."""
    stored = load_file(folder / "adapter_model.safetensors")
    # with bias="all" the head's bias is stored twice, and that of the head which it replaced too
    own = {name.replace(".modules_to_save.", "."): value.size for name, value in stored.items()}
    return sum(size for name, size in own.items() if ".original_module." not in name)


def brought(folder: Path) -> Brought:
    return bring_back(from_folder(folder))


@pytest.mark.parametrize(
    ("family", "stratification"),
    [
        ("bert", preset("spafit", LAYERS, 1, 2)),
        ("gpt2", preset("lora", LAYERS, lora=LoraSettings(2, 6.0, 0.1))),
        ("llama", Stratification(LAYERS, 0, 1, (Recipe.LORA, Recipe.LORA_BIAS, Recipe.FROZEN))),
    ],
)
def test_what_was_exported_comes_back_as_it_was(family: str, stratification: Stratification, tmp_path: Path) -> None:
    whole = trained_run(tmp_path, family, stratification)
    export(whole, tmp_path / "out", "adapter")
    found = brought(tmp_path / "out")
    record = tmp_path / "out" / "spafit.json"
    told = json.loads(record.read_text())
    record.write_text(json.dumps(told | {"labels": ["a", "b"]}))
    with pytest.raises(SpafitError, match=r"names 2 labels in its spafit\.json, but its head has 3 outputs"):
        brought(tmp_path / "out")
    counts = count(whole.model()[1], stratification)
    assert (found.stratification, found.exact, found.num_labels) == (stratification, True, len(LABELS))
    assert found.trainable == counts.trainable
    assert [part.trainable for part in found.parts] == [row.trainable for row in counts.rows]


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ({"target_modules": ALL}, "LoRA+rank=2+alpha=8"),
        ({"target_modules": ["query", "value"], "r": 3}, "LoRA+rank=3+alpha=8+targets=query.value"),
        ({"target_modules": ALL, "layers_to_transform": [4, 5]}, "Strata-4-4-frozen-bias-lora+rank=2+alpha=8"),
        ({"target_modules": ALL, "bias": "all"}, "SPAFIT-0-0+embeddings=bias+rank=2+alpha=8"),
    ],
)
def test_what_boundaries_can_express_is_exact(foreign: Foreign, how: dict[str, object], name: str) -> None:
    folder = foreign(**how)
    found = brought(folder)
    named = found.stratification.name.replace("+pooler=frozen", "")
    assert (named, found.exact) == (name, True)
    assert found.trainable == trained_by_peft(folder) == count(tiny_anatomy("bert", 6), found.stratification).trainable


def test_what_boundaries_cannot_express_is_said_layer_by_layer(foreign: Foreign) -> None:
    folder = foreign(target_modules=ALL, layers_to_transform=[0, 2, 3, 5], rank_pattern={"layer.3.*query": 4})
    found = brought(folder)
    assert not found.exact and found.trainable == trained_by_peft(folder)
    differing = {part.layer: part.differences for part in found.parts if part.differences}
    assert "rank 4 on query, not 2" in differing[4]
    for part in found.parts:
        missing = any("no LoRA on" in said or "not adapted by" in said for said in part.differences)
        assert missing == (part.trainable != part.as_strata and part.layer != 4) or part.layer == 4
    assert {1, 4} <= set(differing) | {layer for layer in (1,) if found.stratification.recipe_of(1).has_lora}


def test_biases_of_targets_alone_dora_and_a_pooler_are_said_and_counted(foreign: Foreign) -> None:
    folder = foreign(target_modules=[*ALL, "pooler.dense"], bias="lora_only", use_dora=True)
    found = brought(folder)
    assert found.trainable == trained_by_peft(folder)
    assert set(found.beyond) == {"DoRA's magnitudes", "LoRA beside dense outside the layers' matrices"}
    assert all("bias values" in " ".join(part.differences) for part in found.parts if part.layer)


def zipped(folder: Path, inside: str = "model/") -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, inside + path.name)
    return made


def test_a_zip_and_the_hub_say_the_same_as_the_folder(
    foreign: Foreign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = foreign(target_modules=ALL)
    expected = brought(folder).to_dict()
    assert bring_back(from_zip(zipped(folder), "adapter.zip")).to_dict() == expected
    with fake_hub({"some/adapter": folder}) as served:
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setenv("HF_ENDPOINT", served.address)
        assert main(["adapter", "some/adapter", "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == expected | {"name": "some/adapter"}
        with pytest.raises(SpafitError, match=r"some/nothing has no adapter_config\.json"):
            from_hub("some/nothing")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main(["adapter", "some/adapter"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1) and "switched off here" in err


def bad_zips(folder: Path) -> dict[str, tuple[io.BytesIO, str]]:
    def with_entry(name: str, mode: int = 0o644) -> io.BytesIO:
        made = zipped(folder)
        with zipfile.ZipFile(made, "a") as archive:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, "x")
        return made

    many = zipped(folder)
    with zipfile.ZipFile(many, "a") as archive:
        for number in range(300):
            archive.writestr(f"{number}.txt", "")
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    cut = io.BytesIO(zipped(folder).getvalue()[:-30])
    return {
        "up": (with_entry("../evil"), "a path in it that leads elsewhere"),
        "absolute": (with_entry("/etc/evil"), "a path in it that leads elsewhere"),
        "link": (with_entry("model/link", stat.S_IFLNK | 0o777), "a link in it"),
        "many": (many, "has 303 files in it"),
        "empty": (empty, "has no adapter_config.json in it"),
        "cut": (cut, "is no zip that can be read"),
        "none": (io.BytesIO(b"nothing of the kind"), "is no zip that can be read"),
    }


def test_zips_with_something_else_in_them_are_one_sentence(foreign: Foreign) -> None:
    for stream, says in bad_zips(foreign(target_modules=ALL)).values():
        with pytest.raises(SpafitError, match=says) as caught:
            from_zip(stream, "a.zip")
        assert "\n" not in str(caught.value)


def changed(folder: Path, **config: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))


def test_adapters_that_cannot_be_read_are_one_sentence(foreign: Foreign, tmp_path: Path) -> None:
    folder = foreign(target_modules=ALL)
    kept = Path(shutil.copytree(folder, tmp_path / "kept"))

    def refused(says: str) -> None:
        with pytest.raises(SpafitError, match=says) as caught:
            brought(folder)
        assert "\n" not in str(caught.value)
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)

    changed(folder, peft_type="PREFIX_TUNING")
    refused("is no LoRA adapter")
    changed(folder, base_model_name_or_path=None)
    refused("does not say which model it was made for")
    changed(folder, base_model_name_or_path="/nowhere/model")
    refused("was in a folder that is not here")
    changed(folder, base_model_name_or_path=str(save_tiny_model(tmp_path / "other", "bert", 3)))
    refused("was made for another model: .* has no bert")
    changed(folder, base_model_name_or_path="minilm-l6")
    refused("was made for another model: its .* is for 2 x 16, that of MiniLM L6 is 2 x 384")
    (folder / "adapter_model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0cut")
    refused("is damaged")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    refused("adapter_model.bin is not read, as pickled files can run code")
    (folder / "spafit.json").write_text("{}")
    refused("is not as spafit writes it")
    (folder / "adapter_config.json").unlink()
    refused("is no adapter of PEFT's")


def test_a_shared_server_does_not_tell_which_folders_it_has(
    foreign: Foreign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = foreign(target_modules=ALL)
    monkeypatch.setattr("spafit.access.shared", lambda: True)
    said = set()
    for base in (str(tmp_path), "/nowhere/model"):
        changed(folder, base_model_name_or_path=base)
        with pytest.raises(SpafitError) as caught:
            brought(folder)
        said.add(str(caught.value))
    assert len(said) == 1 and str(tmp_path) not in said.pop()
