"""What a configuration asks for is built, or refused: never silently left out."""

from __future__ import annotations

import pytest

from spafit.models import registry
from spafit.models.build import build_anatomy
from spafit.models.configs import UnsupportedModelError, family_of
from tests.tiny import FAMILIES, tiny_config

# Keys as published configurations carry them that say nothing about embeddings and layers, or say what is built.
PUBLISHED = {
    "bert": {
        "architectures": ["BertForMaskedLM"],
        "directionality": "bidi",
        "gradient_checkpointing": False,
        "model_type": "bert",
        "pooler_fc_size": 768,
        "pooler_num_attention_heads": 12,
        "pooler_num_fc_layers": 3,
        "pooler_size_per_head": 128,
        "pooler_type": "first_token_transform",
        "position_embedding_type": "absolute",
        "transformers_version": "4.6.0.dev0",
    },
    "xlm-roberta": {"output_past": True, "position_embedding_type": "absolute", "classifier_dropout": None},
    "camembert": {"_name_or_path": "camembert-base", "output_past": True, "position_embedding_type": "absolute"},
    "electra": {
        "position_embedding_type": "absolute",
        "summary_activation": "gelu",
        "summary_last_dropout": 0.1,
        "summary_type": "first",
        "summary_use_proj": True,
    },
    "distilbert": {
        "activation": "gelu",
        "qa_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "sinusoidal_pos_embds": False,
        "tie_weights_": True,
    },
    "mpnet": {"relative_attention_num_buckets": 32},
    "deberta-v2": {"max_relative_positions": -1, "pooler_dropout": 0, "pooler_hidden_act": "gelu", "legacy": True},
    "modernbert": {
        "classifier_activation": "gelu",
        "classifier_bias": False,
        "classifier_pooling": "mean",
        "decoder_bias": True,
        "deterministic_flash_attn": False,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "hidden_activation": "gelu",
        "initializer_cutoff_factor": 2.0,
        "layer_norm_eps": 1e-05,
        "local_rope_theta": 10000.0,
        "mlp_bias": False,
        "norm_bias": False,
        "norm_eps": 1e-05,
        "position_embedding_type": "absolute",
        "reference_compile": True,
        "sparse_pred_ignore_index": -100,
        "sparse_prediction": False,
        "tie_word_embeddings": True,
    },
    "gpt2": {
        "activation_function": "gelu_new",
        "attn_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "layer_norm_epsilon": 1e-05,
        "n_ctx": 64,
        "resid_pdrop": 0.1,
        "summary_activation": None,
        "summary_first_dropout": 0.1,
        "summary_proj_to_labels": True,
        "summary_type": "cls_index",
        "summary_use_proj": True,
        "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}},
    },
    "opt": {
        "activation_dropout": 0.0,
        "do_layer_norm_before": True,
        "init_std": 0.02,
        "layerdrop": 0.0,
        "prefix": "</s>",
    },
    "gpt_neox": {
        "rotary_emb_base": 10000,
        "tie_word_embeddings": False,
        "use_parallel_residual": True,
        "line_by_line": True,
        "kv_store_initial_size": 128,
    },
    "llama": {
        "attention_bias": False,
        "head_dim": 4,
        "is_llama_config": True,
        "mlp_bias": False,
        "pretraining_tp": 1,
        "rope_interleaved": False,
        "rope_scaling": {
            "factor": 32.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 16,
            "rope_type": "llama3",
        },
        "rope_theta": 500000.0,
        "torch_dtype": "bfloat16",
        "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}},
    },
    "mistral": {"rope_theta": 10000.0, "tie_word_embeddings": False, "use_cache": True},
    "qwen2": {"max_window_layers": 28, "sliding_window": 32768, "use_mrope": False, "use_sliding_window": False},
    "qwen3": {"attention_bias": False, "max_window_layers": 28, "rope_scaling": None, "use_sliding_window": False},
    "gemma2": {
        "attn_logit_softcapping": 50.0,
        "cache_implementation": "hybrid",
        "final_logit_softcapping": 30.0,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
    },
    "gemma3_text": {
        "_sliding_window_pattern": 6,
        "attn_logit_softcapping": None,
        "cache_implementation": "hybrid",
        "final_logit_softcapping": None,
        "query_pre_attn_scalar": 256,
        "rope_local_base_freq": 10000,
        "rope_scaling": None,
        "rope_theta": 1000000,
        "unsloth_fixed": True,
        "unsloth_version": "2025.8.9",
    },
}


@pytest.mark.parametrize("family", PUBLISHED)
def test_keys_of_published_configurations_are_taken(family: str) -> None:
    built = build_anatomy(tiny_config(family) | PUBLISHED[family])
    assert built.num_layers == 3


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position_embedding_type", "relative_key"),
        ("position_embedding_type", "relative_key_query"),
        ("alibi", True),
        ("attention_window", [32, 32, 32]),
        ("pruned_heads", {"0": [1]}),
        ("n_kv_heads", 2),
        ("adapter_size", 48),
    ],
)
def test_what_no_family_builds_is_refused_and_named(family: str, key: str, value: object) -> None:
    with pytest.raises(UnsupportedModelError, match=f"does not build what this .* asks for .*{key}"):
        build_anatomy(tiny_config(family) | {key: value})


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("mistral", {"layer_types": ["full_attention", "sliding_attention", "full_attention"]}),
        ("gemma3_text", {"attn_logit_softcapping": 50.0}),
        ("llama", {"partial_rotary_factor": 0.5}),
        ("llama", {"sliding_window": 128}),
        ("bert", {"head_dim": 8}),
        ("distilbert", {"hidden_act": "relu"}),
        ("gemma2", {"hidden_act": "relu", "hidden_activation": "gelu_pytorch_tanh"}),
        ("qwen2", {"use_mrope": True}),
        ("bert", {"embedding_size": 8}),
    ],
)
def test_what_one_family_builds_and_another_does_not(family: str, changes: dict) -> None:
    with pytest.raises(UnsupportedModelError, match=next(iter(changes))):
        build_anatomy(tiny_config(family) | changes)


def test_a_key_that_changes_the_size_of_heads_changes_it_or_is_refused() -> None:
    assert build_anatomy(tiny_config("llama") | {"head_dim": 8}).head_dim == 8
    with pytest.raises(UnsupportedModelError, match="heads of 8 values"):
        build_anatomy(tiny_config("gpt_neox") | {"head_dim": 8})


def test_a_second_name_may_say_the_same_again_and_nothing_else() -> None:
    """Whichever name transformers reads, the other one must not ask for something else."""
    config = tiny_config("gpt_neox") | {"rotary_emb_base": 5000}
    assert build_anatomy(config | {"partial_rotary_factor": config["rotary_pct"], "rope_theta": 5000})
    for key, value in (("partial_rotary_factor", 0.75), ("rope_theta", 20_000)):
        with pytest.raises(UnsupportedModelError, match=f"{key} '{value}'"):
            build_anatomy(config | {key: value})


def test_every_catalogued_configuration_is_taken() -> None:
    for entry in registry.catalogue().values():
        if entry["num_layers"] <= 12:
            assert build_anatomy(entry["config"]).num_layers == entry["num_layers"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_size_of_every_family_has_a_bound(family: str) -> None:
    """Whatever name a family gives a size, an uploaded configuration cannot ask for a billion of it."""
    no_sizes = {"local_attention", "sliding_window", "sliding_window_pattern"}
    config = tiny_config(family)
    sizes = [key for key, value in config.items() if type(value) is int and not key.endswith("_token_id")]
    for key in set(sizes) - no_sizes:
        with pytest.raises(UnsupportedModelError, match=key):
            family_of(config | {key: 10**9})
