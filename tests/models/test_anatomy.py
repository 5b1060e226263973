"""Anatomies: every tensor in its place, exact counts, and refusals that say why."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spafit.errors import SpafitError
from spafit.models.anatomy import Anatomy
from spafit.models.build import build_anatomy
from spafit.models.configs import MAX_CONFIG_BYTES, UnsupportedModelError, family_of, parse_config, read_config
from spafit.models.families import BY_KEY, BY_MODEL_TYPE
from spafit.stratification import MATRIX_ROLES, Role
from tests.tiny import DECODERS, FAMILIES, tiny_anatomy, tiny_config, tiny_model

BERT_LARGE = {
    "model_type": "bert",
    "vocab_size": 28996,
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
}


def test_bert_large_cased_has_the_counts_of_the_bitfit_paper() -> None:
    built = build_anatomy(BERT_LARGE)
    assert built.num_parameters == 333_581_314
    assert sum(t.size for t in built.tensors if t.kind == "bias") == 272_386
    assert [sum(t.size for t in layer if t.kind == "bias") for layer in built.layers] == [11_264] * 24


@pytest.mark.parametrize("family", FAMILIES)
def test_an_anatomy_lists_the_parameters_of_the_real_model(family: str) -> None:
    model = tiny_model(family)
    expected = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    built = tiny_anatomy(family)
    assert {t.name: t.shape for t in built.tensors} == expected
    assert len(built.tensors) == len(expected)
    assert len(model.get_submodule(built.layers_path)) == built.num_layers
    rows = [(t.row, t.layer) for t in built.tensors]
    assert rows == sorted(rows, key=lambda row: (("embeddings", "layer", "head").index(row[0]), row[1] or 0))


@pytest.mark.parametrize("family", FAMILIES)
def test_fresh_is_what_a_base_checkpoint_lacks(family: str) -> None:
    import torch
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

    from spafit.models.build import transformers_config

    config = transformers_config(tiny_config(family), 2)
    prefix = tiny_model(family).base_model_prefix
    kind = AutoModelForCausalLM if family in DECODERS else AutoModelForMaskedLM
    with torch.device("meta"):
        carried = {name for name, _ in kind.from_config(config).named_parameters()}
        carried |= {f"{prefix}.{name}" for name, _ in AutoModel.from_config(config).named_parameters()}
    assert {t.name for t in tiny_anatomy(family).tensors if t.fresh} == {
        t.name for t in tiny_anatomy(family).tensors
    } - carried


@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_has_every_matrix_and_fans_are_in_and_out(family: str) -> None:
    built = tiny_anatomy(family)
    for layer in built.layers:
        adaptable = [t for t in layer if t.adaptable]
        assert {role for t in adaptable for role in t.roles} == set(MATRIX_ROLES)
        assert all(t.kind == "weight" and len(t.shape) == 2 for t in adaptable)
        assert all((t.fan[0] == built.hidden_size) for t in adaptable if t.roles == (Role.FFN_IN,))
        assert all((t.fan[1] == built.hidden_size) for t in adaptable if t.roles == (Role.FFN_OUT,))
        assert all((t.fan[0] == built.intermediate_size) for t in adaptable if t.roles == (Role.FFN_OUT,))
    assert built.fused_qkv == (family in ("gpt2", "gpt_neox", "modernbert"))
    assert built.has_biases == (family not in ("modernbert", "llama", "mistral", "qwen3", "gemma2", "gemma3_text"))


def test_every_family_has_a_tiny_model_to_be_tested_with() -> None:
    assert set(FAMILIES) == set(BY_MODEL_TYPE)


def test_sizes_are_read_the_same_from_every_family() -> None:
    for family in FAMILIES:
        built = tiny_anatomy(family)
        assert (built.num_layers, built.hidden_size, built.num_heads, built.vocab_size) == (3, 16, 4, 64)
        assert built.num_kv_heads == (2 if "num_key_value_heads" in tiny_config(family) else 4)
        assert built.head_dim == tiny_config(family).get("head_dim", 4)
        assert built.max_length == {"roberta": 63, "camembert": 63, "mpnet": 62}.get(family, 64)
        assert built.intermediate_size == (64 if family == "gpt2" else 24)


def test_key_biases_are_inert_where_softmax_hides_them() -> None:
    inert = {family: sum(t.inert for t in tiny_anatomy(family).layers[0]) for family in FAMILIES}
    with_inert = {"bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "mpnet", "gpt2", "opt"}
    half = {"gpt_neox": 8}  # whose positions turn half of every key here
    assert inert == {family: 16 if family in with_inert else half.get(family, 0) for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_documents_round_trip_and_name_equal_layers_once(family: str) -> None:
    built = tiny_anatomy(family, num_layers=7)
    document = json.loads(json.dumps(built.to_dict()))
    assert Anatomy.from_dict(document) == built
    assert len(document["layers"]) == (2 if family == "modernbert" else 1)  # its first layer lacks a norm
    assert built.layer_kinds == ((0, *[1] * 6) if family == "modernbert" else (0,) * 7)


def test_documents_that_are_none_are_refused() -> None:
    document = tiny_anatomy("bert").to_dict()
    for broken in ({}, document | {"schema": 2}, document | {"head": [["x"]]}, document | {"layers": 3}):
        with pytest.raises(SpafitError, match="anatomy"):
            Anatomy.from_dict(broken)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("num_labels", [1, 5])
def test_labels_change_the_head_alone(family: str, num_labels: int) -> None:
    assert tiny_anatomy(family).with_labels(num_labels) == build_anatomy(
        tiny_config(family), num_labels=num_labels, name=f"tiny {family}"
    )


@pytest.mark.parametrize("num_labels", [0, -1, 2.0, True, "2", 10_001])
def test_impossible_numbers_of_labels_are_refused(num_labels: object) -> None:
    with pytest.raises(SpafitError, match="number of labels"):
        tiny_anatomy("bert").with_labels(num_labels)  # ty: ignore[invalid-argument-type]


def test_a_checkpoint_without_its_pooler_has_a_fresh_one() -> None:
    pooler = {t.name for t in tiny_anatomy("bert").head if t.roles == (Role.POOLER,)}
    fresh = {t.name for t in tiny_anatomy("bert").with_fresh_pooler().tensors if t.fresh}
    assert fresh == pooler | {"classifier.weight", "classifier.bias"}


REFUSALS = {
    "albert": ({"model_type": "albert"}, "one layer's weights at every depth"),
    "encoder-decoder": ({"model_type": "t5", "is_encoder_decoder": True}, "encoder and a decoder"),
    "convolution": (tiny_config("deberta-v2") | {"conv_kernel_size": 3}, "convolution"),
    "unknown": ({"model_type": "mamba"}, "'mamba' is not supported; supported families are BERT,"),
    "code of its own": (tiny_config("bert") | {"auto_map": {"AutoModel": "x.Y"}}, "auto_map"),
    "no type": ({"hidden_size": 16}, "no model_type"),
    "odd type": ({"model_type": ["bert"]}, "no model_type"),
    "cross-attention": (tiny_config("bert") | {"is_decoder": True, "add_cross_attention": True}, "cross-attention"),
    "quantised": (tiny_config("llama") | {"quantization_config": {"bits": 4}}, "quantised"),
    "too deep": (tiny_config("bert") | {"num_hidden_layers": 100_000}, "num_hidden_layers is 100000"),
    "too wide": (tiny_config("bert") | {"hidden_size": 10**9}, "hidden_size"),
    "no layers": (tiny_config("bert") | {"num_hidden_layers": 0}, "num_hidden_layers"),
    "text for a number": (tiny_config("gpt2") | {"n_embd": "wide"}, "n_embd is 'wide'"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_models_that_cannot_be_stratified_are_refused_with_the_reason(case: str) -> None:
    config, reason = REFUSALS[case]
    with pytest.raises(UnsupportedModelError, match=reason):
        family_of(config)
    with pytest.raises(UnsupportedModelError, match=reason):
        build_anatomy(config)


@pytest.mark.parametrize(
    "change",
    [{"pad_token_id": 1000}, {"num_attention_heads": 5}, {"hidden_act": "no such function"}, {"layer_norm_eps": "x"}],
)
def test_what_transformers_does_not_accept_is_one_sentence(change: dict) -> None:
    with pytest.raises(UnsupportedModelError, match=r"configuration.*\.$") as caught:
        build_anatomy(tiny_config("bert") | change)
    assert "\n" not in str(caught.value)


def test_a_parameter_nobody_described_is_refused() -> None:
    bert = BY_KEY["bert"]
    modules = {path: roles for path, roles in bert.layer_modules.items() if path != "output.dense"}
    from spafit.models import build

    model = tiny_model("bert")
    name, parameter = "bert.encoder.layer.1.output.dense.weight", model.bert.encoder.layer[1].output.dense.weight
    with pytest.raises(UnsupportedModelError, match="no known place"):
        build._tensor(name, parameter, model, replace(bert, layer_modules=modules), model.config)


def test_folders_without_a_good_config_are_refused(tmp_path: Path) -> None:
    def refusal(match: str) -> None:
        with pytest.raises(SpafitError, match=match):
            build_anatomy(tmp_path)

    refusal("has no config.json")
    file = tmp_path / "config.json"
    file.write_text("{")
    refusal("not valid JSON")
    file.write_text("[" * 100_000)
    refusal("not valid JSON")
    file.write_text("[1]")
    refusal("must be a JSON object")
    file.write_bytes(b"\xff\xfe{}")
    refusal("not valid JSON|no model_type")
    file.write_text(" " * (MAX_CONFIG_BYTES + 1))
    refusal("larger than")
    with pytest.raises(SpafitError, match="no folder or file"):
        read_config(tmp_path / "nowhere")
    with pytest.raises(SpafitError, match="larger than"):
        parse_config("[" * (MAX_CONFIG_BYTES + 1))


def test_a_folder_with_only_a_config_is_enough(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps(tiny_config("bert") | {"architectures": ["BertModel"], "id2label": {}})
    )
    assert build_anatomy(tmp_path, name="tiny bert") == tiny_anatomy("bert")
    assert build_anatomy(tmp_path).name == tmp_path.name


LENGTHS = [
    *((family, {}) for family in FAMILIES),
    *((family, {"pad_token_id": pad}) for family in ("roberta", "xlm-roberta", "camembert") for pad in (0, 1, 3)),
    ("mpnet", {"pad_token_id": 3}),
    ("bert", {"pad_token_id": 3}),
    ("electra", {"pad_token_id": 3}),
    ("deberta-v2", {"position_biased_input": True}),
]
TABLES = {"bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert", "mpnet", "gpt2", "opt"}
"""Families whose positions come from a table, so that a longer text has none."""


@pytest.mark.parametrize(("family", "changes"), LENGTHS, ids=str)
def test_the_longest_text_that_an_anatomy_allows_is_the_longest_that_the_model_takes(
    family: str, changes: dict
) -> None:
    import torch

    longest = build_anatomy(tiny_config(family) | changes).max_length
    model = tiny_model(family, **changes).eval()
    ids = torch.full((2, longest), 7)
    with torch.inference_mode():
        assert model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.isfinite().all()
        if family in TABLES or changes.get("position_biased_input"):
            more = torch.full((2, longest + 1), 7)
            with pytest.raises((IndexError, RuntimeError, ValueError)):
                model(input_ids=more, attention_mask=torch.ones_like(more))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pad_token_id": None}, "pad_token_id is None"),
        ({"pad_token_id": -1}, "pad_token_id is -1"),
        ({"pad_token_id": 7, "max_position_embeddings": 8}, "has 8 positions and no room in them for a text"),
    ],
)
def test_a_padding_id_that_leaves_no_positions_is_refused(changes: dict, says: str) -> None:
    with pytest.raises(UnsupportedModelError, match=says):
        build_anatomy(tiny_config("roberta") | changes)
