"""Which keys of a configuration decide something, and which of those the installed transformers ignores.

transformers takes any key and uses those that it knows: a model published with positions that this release no longer
builds would be trained as another model under its name. So whatever a configuration says must be read by the release's
own code for that family, or be known to say nothing about the network.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from spafit.models.families import Family

ROTARY = {"rope_scaling", "rope_theta", "rope_parameters", "original_max_position_embeddings"}
"""What families with rotary positions take, in the words of several releases."""
ONLY = {"position_embedding_type": ("absolute",), "partial_rotary_factor": (1, 1.0), "pretraining_tp": (1,)}
"""Key -> the values that ask for what every family without that key builds anyway."""
SAME = {
    "hidden_act": "hidden_activation",
    "layer_norm_eps": "norm_eps",
    "partial_rotary_factor": "rotary_pct",
    "rope_theta": "rotary_emb_base",
}
"""Key -> the key that is read instead, beside which it says the same again."""

ABOUT_LABELS = """num_labels id2label label2id problem_type finetuning_task task_specific_params classifiers_size
    label_names"""
ABOUT_FILES = """model_type architectures dtype torch_dtype transformers_version torchscript use_bfloat16 tf_legacy_loss
    tokenizer_class model_max_length vocab_file name_or_path base_model license language library_name model_name
    sentence_transformers num_parameters unsloth_fixed custom_pipelines adapters auto_map quantization_config
    kv_store_initial_size line_by_line training_args tags"""
ABOUT_RUNNING = """attn_implementation experts_implementation gradient_checkpointing use_cache cache_implementation
    output_past output_attentions output_hidden_states return_dict use_return_dict chunk_size_feed_forward
    reference_compile deterministic_flash_attn unpad_inputs repad_logits_with_grad xla_device
    keys_to_ignore_at_inference tie_word_embeddings tie_weights tie_weights_ tie_encoder_decoder
    is_encoder_decoder add_cross_attention
    cross_attention_hidden_size initializer_range initializer_factor init_std initializer_cutoff_factor
    summary_type summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout summary_last_dropout
    predict_special_tokens sparse_prediction sparse_pred_ignore_index decoder_bias qa_dropout seq_classif_dropout
    final_logit_softcapping legacy n_ctx max_window_layers is_llama_config"""
ABOUT_GENERATING = """max_length min_length max_new_tokens do_sample early_stopping num_beams num_beam_groups
    diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty no_repeat_ngram_size
    encoder_no_repeat_ngram_size bad_words_ids num_return_sequences output_scores return_dict_in_generate prefix
    remove_invalid_values exponential_decay_length_penalty suppress_tokens begin_suppress_tokens"""
POOLERS_OF_OTHERS = """directionality pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers
    pooler_size_per_head pooler_type pooler_dropout pooler_hidden_act pooler_hidden_size"""
NOTHING_ABOUT_LAYERS = frozenset(
    " ".join((ABOUT_LABELS, ABOUT_FILES, ABOUT_RUNNING, ABOUT_GENERATING, POOLERS_OF_OTHERS)).split()
)
"""Keys that say nothing about embeddings and layers, that are checked elsewhere, or that we decide ourselves."""
HARMLESS = re.compile(r"_.*|transformers\..*|.*_token_ids?|.*_token_index|.*_version|.*dropout(_prob)?|.*_pdrop")
"""Forms of such keys: tokens, versions, private notes; and dropout, of which what is not read is 0."""


def ignored_keys(raw: Mapping[str, Any], family: Family, config_class: type, model_class: type) -> dict[str, Any]:
    """Return the keys of a configuration, with their values, that ask for something the release does not build."""
    known = _known(config_class, model_class)
    ignored = {}
    for key, value in raw.items():
        again = key in SAME and SAME[key] in raw and value == raw[SAME[key]]
        built = again or _asks_nothing(value) or value in family.only.get(key, ONLY.get(key, ()))
        if key not in family.only:
            built = built or key in known or _says_nothing(key)
        if not built:
            ignored[key] = value
    return ignored


def _known(config_class: type, model_class: type) -> set[str]:
    """Return the keys that a family's classes read: fields, other names of those, and what their code asks for."""
    known = {field.name for field in fields(config_class)}  # ty: ignore[invalid-argument-type]
    known |= set(getattr(config_class, "attribute_map", ()))
    for owner in (config_class, model_class):
        source = inspect.getsource(sys.modules[owner.__module__])
        asked = r'kwargs\.(?:pop|get)\(\s*"(\w+)"|getattr\(config, "(\w+)"'
        known |= {name for names in re.findall(asked, source) for name in names if name}
    return known | (ROTARY if "rope_parameters" in known else set())


def _asks_nothing(value: Any) -> bool:
    """Whether a value switches nothing on."""
    return value is None or value is False or (value in (0, "", "none") and value is not True) or value in ([], {})


def _says_nothing(key: str) -> bool:
    return key in NOTHING_ABOUT_LAYERS or HARMLESS.fullmatch(key) is not None
