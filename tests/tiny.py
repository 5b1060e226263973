"""Tiny models of every family, for tests: configurations, real modules, and folders that can be trained."""

from __future__ import annotations

import functools
import random
from pathlib import Path
from typing import Any

from spafit.models import anatomy
from spafit.models.build import build_anatomy

VOCABULARY = 64
WORDS = """a the film is was not very good bad fine dull great poor plot actor scene story and but it this that of in to
with long short funny sad""".split()  # noqa: SIM905
_SIZES = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_attention_heads": 4, "intermediate_size": 24}
_TOKENS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
_GROUPED = _SIZES | _TOKENS | {"num_key_value_heads": 2, "max_position_embeddings": 64}


def tiny_config(family: str, num_layers: int = 3) -> dict[str, Any]:
    """Return a configuration of a family with odd enough sizes that mixing up two axes shows."""
    depth = {"num_hidden_layers": num_layers}
    bert = _SIZES | depth | {"max_position_embeddings": 64, "type_vocab_size": 2, "pad_token_id": 0}
    sizes = {
        "bert": bert,
        "roberta": bert | _TOKENS,
        "xlm-roberta": bert | _TOKENS | {"pad_token_id": 1, "max_position_embeddings": 66, "type_vocab_size": 1},
        "camembert": bert | _TOKENS,
        "electra": bert | {"embedding_size": 8},
        "distilbert": {
            "vocab_size": VOCABULARY,
            "dim": 16,
            "n_layers": num_layers,
            "n_heads": 4,
            "hidden_dim": 24,
            "max_position_embeddings": 64,
        },
        "mpnet": _SIZES | depth | _TOKENS | {"max_position_embeddings": 64},
        "deberta-v2": bert
        | {
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_biased_input": False,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
            "position_buckets": 8,
            "type_vocab_size": 0,
        },
        "modernbert": _SIZES
        | depth
        | _TOKENS
        | {"cls_token_id": 2, "sep_token_id": 3, "max_position_embeddings": 64, "local_attention": 16},
        "gpt2": _TOKENS
        | {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": num_layers, "n_head": 4, "n_positions": 64},
        "opt": depth
        | _TOKENS
        | {"vocab_size": VOCABULARY, "hidden_size": 16, "num_attention_heads": 4, "ffn_dim": 24}
        | {"word_embed_proj_dim": 8, "max_position_embeddings": 64},
        "gpt_neox": _SIZES | depth | _TOKENS | {"max_position_embeddings": 64, "rotary_pct": 0.5},
        "llama": _GROUPED | depth,
        "mistral": _GROUPED | depth | {"sliding_window": 8},
        "qwen2": _GROUPED | depth,
        "qwen3": _GROUPED | depth | {"head_dim": 8},
        "gemma2": _GROUPED | depth | {"head_dim": 8},
        "gemma3_text": _GROUPED | depth | {"head_dim": 8, "sliding_window": 8, "sliding_window_pattern": 2},
    }
    return {"model_type": family} | sizes[family]


DECODERS = ("gpt2", "opt", "gpt_neox", "llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text")
FAMILIES = (
    "bert",
    "roberta",
    "xlm-roberta",
    "camembert",
    "electra",
    "distilbert",
    "mpnet",
    "deberta-v2",
    "modernbert",
    "gpt2",
    "opt",
    "gpt_neox",
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma2",
    "gemma3_text",
)


@functools.cache
def tiny_anatomy(family: str, num_layers: int = 3, num_labels: int = 2) -> anatomy.Anatomy:
    """Return the anatomy of a tiny model, built once."""
    return build_anatomy(tiny_config(family, num_layers), num_labels=num_labels, name=f"tiny {family}")


def tiny_model(family: str, num_layers: int = 3, num_labels: int = 2, seed: int = 0, **changes: Any):
    """Return a real model with random weights on the CPU; ``changes`` go into its configuration."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from spafit.models.build import transformers_config

    torch.manual_seed(seed)
    config = transformers_config(tiny_config(family, num_layers) | changes, num_labels)
    return AutoModelForSequenceClassification.from_config(config)


def save_tiny_model(folder: Path, family: str = "bert", num_layers: int = 3, seed: int = 0) -> Path:
    """Write a tiny base model (safetensors, without its fresh head) and a word tokenizer into ``folder``; return it.

    Any text can be tokenised; words that `WORDS` lacks become the unknown token.
    """
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    model = tiny_model(family, num_layers, seed=seed)
    fresh = {t.name for t in tiny_anatomy(family, num_layers).tensors if t.fresh}
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    weights = {name: value.contiguous() for name, value in model.state_dict().items() if name not in fresh}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    vocabulary = {token: number for number, token in enumerate([*special.values(), *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    segments = ["token_type_ids"] if family in ("bert", "electra") else []
    inputs = ["input_ids", *segments, "attention_mask"]
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=60, model_input_names=inputs, **special
    )
    wrapped.save_pretrained(folder)
    return folder


def tiny_batch(batch: int = 4, length: int = 12, seed: int = 0) -> dict[str, Any]:
    """Return a padded batch of token numbers with labels 0 and 1; the last half of the rows are shorter."""
    import torch

    numbers = random.Random(seed)
    ids = torch.tensor([[2] + [numbers.randrange(4, VOCABULARY) for _ in range(length - 1)] for _ in range(batch)])
    mask = torch.ones_like(ids)
    mask[batch // 2 :, length - 4 :] = 0
    ids[mask == 0] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.arange(batch) % 2}
