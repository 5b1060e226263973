"""A model is found by what people type and paste; what is none is told in a sentence that says what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spafit.errors import SpafitError
from spafit.models import registry
from spafit.models.names import plain_name, similar
from spafit.ui.pickers import described


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/google-bert/bert-base-cased",
        "https://huggingface.co/google-bert/bert-base-cased/",
        "https://huggingface.co/google-bert/bert-base-cased/tree/main",
        "http://www.huggingface.co/google-bert/bert-base-cased/blob/main/config.json?download=true#L3",
        "huggingface.co/google-bert/bert-base-cased",
        "hf.co/google-bert/bert-base-cased",
        "google-bert/bert-base-cased/",
        "google-bert/bert-base-cased/tree/main",
        "Google-BERT/BERT-base-cased",
        " bert-base-cased ",
        "bert-base-cased/",
        "BERT-Base-Cased",
    ],
)
def test_an_address_a_slash_and_another_case_name_the_same_model(text: str) -> None:
    assert registry.get_model(text).key == "bert-base-cased"


def test_an_address_of_a_model_outside_the_catalogue() -> None:
    found = registry.get_model("https://huggingface.co/Someone/Some-Model/tree/main")
    assert (found.key, found.hub_id) == ("Someone/Some-Model", "Someone/Some-Model")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://huggingface.co/datasets/nyu-mll/glue", "is the address of a data set, not of a model"),
        ("https://huggingface.co/spaces/someone/demo", "is the address of a Space, not of a model"),
        ("https://huggingface.co/", "is no model"),
        ("https://example.org/google-bert/bert-base-cased", "is no model"),
    ],
)
def test_addresses_of_other_things(address: str, says: str) -> None:
    with pytest.raises(SpafitError, match=says):
        registry.get_model(address)


@pytest.mark.parametrize("text", ["folder/", "./a/b", "a/b/c", "/", "~/x"])
def test_other_texts_stay_as_they_are_but_for_the_slash_at_the_end(text: str) -> None:
    assert plain_name(text) == (text.rstrip("/") or text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bert-large", "bert-large-uncased or bert-large-cased"),
        ("BERT large", "bert-large-uncased or bert-large-cased"),
        ("roberta large", "roberta-large"),
        ("bert-bace-cased", "bert-base-cased"),
        ("xlm-r-base", "xlm-roberta-base"),
        ("pythia160m", "pythia-160m"),
    ],
)
def test_half_a_name_and_a_slip_are_answered_with_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(SpafitError, match=f"did you mean .*{meant}"):
        registry.get_model(text)


def test_nothing_is_suggested_for_something_else() -> None:
    assert similar("!?", {"bert-base-cased": "BERT base cased"}) == []
    assert similar("zebra", {"bert-base-cased": "BERT base cased"}) == []


def test_what_is_typed_so_far_finds_the_models_that_begin_so() -> None:
    names = {"roberta-large": "RoBERTa large", "bert-large-cased": "BERT large, cased", "bert-base-cased": "BERT base"}
    assert similar("bert-larg", names) == ["bert-large-cased"]
    assert similar("bert", names) == ["bert-large-cased", "bert-base-cased"]


def test_typing_a_key_into_the_picker_finds_the_models_of_that_name() -> None:
    """The box looks for what is typed, in any case, in these lines."""
    lines = [described(model).casefold() for model in registry.list_models()]
    for typed in ("bert-large", "bert large"):
        assert len([line for line in lines if typed in line and line.startswith("bert")]) == 2


def refusal(folder: Path) -> str:
    with pytest.raises(SpafitError) as caught:
        registry.get_model(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_adapter_folder_names_its_base(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "google-bert/bert-base-cased"}')
    (tmp_path / "adapter_model.safetensors").touch()
    assert refusal(tmp_path).endswith(
        "is an adapter of 'google-bert/bert-base-cased', not a model of its own; "
        "name 'google-bert/bert-base-cased' instead."
    )
    for broken in ("{", "[]", "{}", '{"base_model_name_or_path": 3}'):
        (tmp_path / "adapter_config.json").write_text(broken)
        assert refusal(tmp_path).endswith("is an adapter, not a model, and does not say of which model.")


def test_a_sentence_transformers_folder_names_its_subfolder(tmp_path: Path) -> None:
    for name in ("0_Transformer", "1_Pooling"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "modules.json").write_text("[]")
    assert "is a sentence-transformers model" in refusal(tmp_path)
    assert refusal(tmp_path).endswith(f"is in '{tmp_path / '0_Transformer'}'.")


def test_a_folder_with_the_model_one_level_down_says_where(tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "config.json").write_text("{}")
    assert refusal(tmp_path).endswith(f"so it is not a model; there is one in '{tmp_path / 'snapshot'}'.")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "tf_model.h5", "flax_model.msgpack", "m.gguf"])
def test_weights_in_another_format_name_the_conversion(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / name).touch()
    found = registry.get_model(str(tmp_path))
    assert found.counts_only
    assert registry.untrainable(found) == (
        f"{tmp_path.name} can be counted here but not trained: {tmp_path} has no model.safetensors, and {name} is not "
        "read (pickled files can run code): load it with transformers where you trust it and save it again, "
        "model.save_pretrained(FOLDER) writes model.safetensors."
    )


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"architectures": ["BertForMaskedLM"]}, 'for BertForMaskedLM add "model_type": "bert" to config.json'),
        ({"architectures": ["XLMRobertaModel"]}, 'add "model_type": "xlm-roberta"'),
        ({"architectures": ["GPTNeoXForCausalLM"]}, 'add "model_type": "gpt_neox"'),
        ({"architectures": ["Qwen2ForCausalLM"]}, 'add "model_type": "qwen2"'),
        ({"architectures": ["Mamba"]}, "no model_type, so its family is unknown"),
        ({"architectures": 3}, "no model_type, so its family is unknown"),
        ({}, "no model_type, so its family is unknown"),
    ],
)
def test_a_configuration_without_its_type_says_what_to_add(tmp_path: Path, config: dict, says: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert says in refusal(tmp_path)
