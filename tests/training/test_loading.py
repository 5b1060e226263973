"""Weights that cannot be used are refused in one sentence; a fresh head is normal."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from spafit.models.build import build_anatomy
from spafit.models.weights import WeightsError, check_weights, has_weights, weight_files
from spafit.training.loading import load, load_model
from tests.tiny import FAMILIES, save_tiny_model, tiny_anatomy


@pytest.fixture
def folder(tiny_bert: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may damage."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "model"))


def rewrite(folder: Path, change) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})


def test_loads_in_fp32_with_a_head_drawn_from_the_seed(folder):
    rewrite(folder, lambda weights: {name: value.half() for name, value in weights.items()})
    described = build_anatomy(folder, num_labels=5)
    first, _ = load_model(folder, described, seed=3)
    again, _ = load_model(folder, described, seed=3)
    other, _ = load_model(folder, described, seed=4)
    assert {p.dtype for p in first.parameters()} == {torch.float32}
    assert first.classifier.weight.shape == (5, 16)
    assert torch.equal(first.classifier.weight, again.classifier.weight)
    assert not torch.equal(first.classifier.weight, other.classifier.weight)


def test_a_checkpoint_without_its_pooler_gets_a_fresh_one(folder):
    rewrite(folder, lambda weights: {name: value for name, value in weights.items() if "pooler" not in name})
    _, fitting = load_model(folder, build_anatomy(folder), seed=0)
    assert fitting.by_name["bert.pooler.dense.weight"].fresh
    assert not tiny_anatomy("bert").by_name["bert.pooler.dense.weight"].fresh


def test_a_missing_tensor_is_named(folder):
    lost = "bert.encoder.layer.1.output.dense.weight"
    rewrite(folder, lambda weights: {name: value for name, value in weights.items() if name != lost})
    with pytest.raises(WeightsError, match=f"lack {lost}"):
        load_model(folder, build_anatomy(folder), seed=0)


def test_a_tensor_of_another_shape_is_named(folder):
    name = "bert.encoder.layer.0.output.dense.bias"
    rewrite(folder, lambda weights: weights | {name: torch.zeros(7)})
    with pytest.raises(WeightsError, match=name):
        load_model(folder, build_anatomy(folder), seed=0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:5],
        lambda data: b"",
        lambda data: data + b"more",
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: data[:8] + b"[" + data[9:],
    ],
    ids=["half", "start", "empty", "too-long", "absurd-length", "not-json"],
)
def test_damaged_weights_are_recognised_without_reading_them(folder, damage):
    file = folder / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(WeightsError, match="damaged"):
        load_model(folder, tiny_anatomy("bert"), seed=0)


def test_pickled_weights_are_not_read(folder):
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="pickled"):
        load_model(folder, tiny_anatomy("bert"), seed=0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_named(folder, bad):
    first, second = "bert.encoder.layer.1.output.dense.weight", "bert.encoder.layer.2.output.dense.bias"

    def spoil(weights):
        weights[first][3, 2] = bad
        return weights

    rewrite(folder, spoil)
    with pytest.raises(
        WeightsError, match=f"hold NaN or infinity in {first}, so .* get the checkpoint again"
    ) as caught:
        load_model(folder, build_anatomy(folder), seed=0)
    assert "\n" not in str(caught.value) and "learning rate" not in str(caught.value)
    rewrite(folder, lambda weights: weights | {second: torch.full_like(weights[second], bad)})
    with pytest.raises(WeightsError, match=f"in {first} and 1 more"):
        load_model(folder, build_anatomy(folder), seed=0)


def test_large_weights_are_not_taken_for_broken_ones(folder):
    name = "bert.encoder.layer.1.output.dense.weight"
    rewrite(folder, lambda weights: weights | {name: torch.full_like(weights[name], 3e38)})
    load_model(folder, build_anatomy(folder), seed=0)


def test_of_one_file_and_an_index_the_file_counts_as_it_does_when_loading(folder):
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "absent.safetensors"}}')
    assert check_weights(folder) == weight_files(folder) == [folder / "model.safetensors"]
    load_model(folder, build_anatomy(folder), seed=0)


@pytest.mark.parametrize(
    "index", ["{", "[]", '{"weight_map": {}}', '{"weight_map": {"a": "../../secret.safetensors"}}', '{"weight_map": 3}']
)
def test_a_broken_index_is_one_sentence(folder, index):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(WeightsError, match="index"):
        check_weights(folder)
    assert not has_weights(folder)


def test_sharded_weights_are_all_checked(folder):
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    mapping = {"x": "a.safetensors", "y": "b.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": mapping}))
    with pytest.raises(WeightsError, match=r"has no b\.safetensors"):
        check_weights(folder)
    assert not has_weights(folder)
    shutil.copy(folder / "a.safetensors", folder / "b.safetensors")
    assert has_weights(folder)
    (folder / "b.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"b\.safetensors is damaged"):
        check_weights(folder)


def test_decoders_know_what_padding_is(tmp_path):
    folder = save_tiny_model(tmp_path / "gpt2", "gpt2")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": None}))
    model, _ = load_model(folder, build_anatomy(folder), seed=0)
    assert model.config.pad_token_id == 3  # its end-of-text token


def with_head(folder: Path, classes: dict[str, str] | None, head: dict[str, torch.Tensor]) -> None:
    """Give a checkpoint a head of its own, with these class names."""
    rewrite(folder, lambda weights: weights | head)
    config = json.loads((folder / "config.json").read_text()) | {"id2label": classes}
    (folder / "config.json").write_text(json.dumps(config))


HEAD = {"classifier.weight": torch.full((2, 16), 0.5), "classifier.bias": torch.ones(2)}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_head_is_the_same_whether_the_checkpoint_has_one_or_not(tmp_path, family):
    folder = save_tiny_model(tmp_path / family, family)
    described = build_anatomy(folder)
    fresh = {tensor.name: tensor.shape for tensor in described.tensors if tensor.fresh}
    without = dict(load(folder, described, seed=5).model.named_parameters())
    rewrite(folder, lambda weights: weights | {name: torch.full(shape, 0.5) for name, shape in fresh.items()})
    loaded = load(folder, described, seed=5)
    assert all(torch.equal(parameter, without[name]) for name, parameter in loaded.model.named_parameters())
    assert [choice.subject for choice in loaded.choices] == ["Head"]
    assert not any("_is_hf_initialized" in vars(parameter) for parameter in loaded.model.parameters())


def test_a_head_is_new_and_its_classes_are_said(folder):
    with_head(folder, {"0": "bad", "1": "good"}, HEAD)
    (choice,) = load(folder, build_anatomy(folder), seed=0).choices
    assert choice.sentence == (
        "Head: new – the checkpoint's own has the classes 'bad', 'good', and is kept only when asked for."
    )


def test_a_head_is_kept_when_asked_for_and_its_classes_are_the_tasks(folder):
    with_head(folder, {"0": "bad", "1": "Good"}, HEAD)
    loaded = load(folder, build_anatomy(folder), seed=0, keep_head=True, labels=("Bad", "good"))
    assert torch.equal(loaded.model.classifier.weight, HEAD["classifier.weight"])
    assert [choice.choice for choice in loaded.choices] == ["the checkpoint's own"]


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        ({"0": "good", "1": "bad"}, ("bad", "good")),
        ({"0": "LABEL_0", "1": "LABEL_1"}, ("bad", "good")),
        ({"0": "bad"}, ("bad", "good")),
        (None, ("bad", "good")),
    ],
)
def test_a_head_of_other_classes_is_not_kept(folder, classes, labels):
    with_head(folder, classes, HEAD)
    with pytest.raises(WeightsError, match=r"cannot be kept: its classes are .*, those of the task 'bad', 'good'\.$"):
        load(folder, build_anatomy(folder), seed=0, keep_head=True, labels=labels)


def test_a_head_that_is_not_there_is_not_kept(folder):
    with pytest.raises(WeightsError, match="have no head for 'bad', 'good' that could be kept"):
        load(folder, build_anatomy(folder), seed=0, keep_head=True, labels=("bad", "good"))


def test_what_is_not_used_of_a_checkpoint_is_said(folder):
    other = {
        "cls.predictions.bias": torch.ones(64),
        "cls.seq_relationship.bias": torch.ones(2),
        "lm_head.x": HEAD["classifier.bias"],
    }
    rewrite(folder, lambda weights: weights | other | {"bert.embeddings.position_ids": torch.zeros(1, 64)})
    (choice,) = load(folder, build_anatomy(folder), seed=0).choices
    assert (
        choice.sentence == "Tensors not used: cls (2), lm_head (1) – heads for other purposes that the checkpoint has."
    )


@pytest.mark.parametrize("prefix", ["bert.", ""])
@pytest.mark.parametrize(
    "name",
    [
        "encoder.layer.1.attention.self.distance_embedding.weight",
        "encoder.layer.7.output.dense.weight",
        "embeddings.word_embeddings_2.weight",
        "encoder.adapter.weight",
    ],
)
def test_a_tensor_of_the_body_that_has_no_place_is_refused(folder, prefix, name):
    def change(weights):
        return {prefix + key.removeprefix("bert."): value for key, value in weights.items()} | {
            prefix + name: torch.ones(3)
        }

    rewrite(folder, change)
    with pytest.raises(WeightsError, match=f"hold {prefix}{name}, for which the bert model .* has no place"):
        load(folder, build_anatomy(folder), seed=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_layer_beyond_the_last_is_refused_in_every_family(tmp_path, family):
    folder = save_tiny_model(tmp_path / family, family)
    described = build_anatomy(folder)
    name = f"{described.layers_path}.3." + described.layers[0][0].name.removeprefix(f"{described.layers_path}.0.")
    rewrite(folder, lambda weights: weights | {name: torch.ones(3)})
    with pytest.raises(WeightsError, match="has no place"):
        load(folder, described, seed=0)


def test_a_pooler_that_is_made_new_is_said(folder):
    rewrite(folder, lambda weights: {name: value for name, value in weights.items() if "pooler" not in name})
    (choice,) = load(folder, build_anatomy(folder), seed=0).choices
    assert choice.sentence == "Pooler: new, trained as the head is – the checkpoint was saved without it."
