"""Model families as data: where each family keeps its layers, and what every module in them is for.

A family lists its modules by full path, so a tensor nobody described is noticed when an anatomy is built instead of
being counted in the wrong row. Adding a family is adding an entry to `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spafit.models.blueprint import Blueprint
from spafit.stratification import Role

Q, K, V, O = (Role.QUERY,), (Role.KEY,), (Role.VALUE,), (Role.ATTENTION_OUTPUT,)  # noqa: E741
IN, OUT, NORM = (Role.FFN_IN,), (Role.FFN_OUT,), (Role.NORM,)
QKV = Q + K + V


@dataclass(frozen=True, slots=True)
class Part:
    """What a module above layer L is."""

    role: Role
    fresh: bool = False
    """Whether a base checkpoint lacks it, so that it starts from random values."""
    labels: bool = False
    """Whether its first axis is the number of labels."""
    final_norm: bool = False
    """Whether it is the norm that closes the stack of layers."""


def no_inert_bias(config: Any) -> dict[str, float]:
    """Say that every bias has an effect: rotary positions turn queries against keys after the key bias is added."""
    return {}


def inert_bias(*modules: str) -> Callable[[Any], dict[str, float]]:
    """Return a rule naming modules whose key bias adds the same score to every position, which softmax does not see."""
    return lambda config: dict.fromkeys(modules, 1.0)


def no_reserved_positions(config: Any) -> int:
    """Say that a text may be as long as the position table, or as the positions that the configuration names."""
    return 0


def positions_after_padding(config: Any) -> int:
    """Return how many rows come before a text's first position: RoBERTa counts positions from the padding id on."""
    return config.pad_token_id + 1


@dataclass(frozen=True, slots=True)
class Family:
    """One model family.

    ``layers`` is the path of the layer list in the sequence-classification model, ``layer_modules`` maps paths inside
    one layer to roles, ``embeddings`` and ``head`` map full paths of what lies below layer 1 and above layer L.
    """

    key: str
    label: str
    model_types: tuple[str, ...]
    layers: str
    layer_modules: Mapping[str, tuple[Role, ...]]
    embeddings: Mapping[str, Role]
    head: Mapping[str, Part]
    blueprint: Blueprint
    gated_ffn: bool = False
    reserved_positions: Callable[[Any], int] = field(default=no_reserved_positions)
    """Configuration -> rows of the position table that no token uses, where the configuration's size includes them."""
    inert: Callable[[Any], Mapping[str, float]] = field(default=no_inert_bias)
    """Configuration -> modules of a layer whose key bias has no effect, and the share of its values of which that is
    true."""
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Key of the configuration -> the values that transformers builds; it takes others and then ignores them."""


_EMBEDDING, _NORM = Role.EMBEDDING, Role.NORM
_BERT_LAYER = {
    "attention.self.query": Q,
    "attention.self.key": K,
    "attention.self.value": V,
    "attention.output.dense": O,
    "attention.output.LayerNorm": NORM,
    "intermediate.dense": IN,
    "output.dense": OUT,
    "output.LayerNorm": NORM,
}
_BERT_BLUEPRINT = Blueprint(
    "attention.output.LayerNorm",
    "output.LayerNorm",
    pre_norm=False,
    hidden_dropout=True,
    attention_dropout=True,
    embedding_dropout=True,
    holds_activation=True,
)
_DENSE_HEAD = {
    "classifier.dense": Part(Role.CLASSIFIER, fresh=True),
    "classifier.out_proj": Part(Role.CLASSIFIER, fresh=True, labels=True),
}
_CLASSIFIER = {"classifier": Part(Role.CLASSIFIER, fresh=True, labels=True)}
_SCORE = {"score": Part(Role.CLASSIFIER, fresh=True, labels=True)}


def _bert_embeddings(prefix: str) -> dict[str, Role]:
    return {
        f"{prefix}.embeddings.word_embeddings": _EMBEDDING,
        f"{prefix}.embeddings.position_embeddings": _EMBEDDING,
        f"{prefix}.embeddings.token_type_embeddings": _EMBEDDING,
        f"{prefix}.embeddings.LayerNorm": _NORM,
    }


BERT = Family(
    "bert",
    "BERT",
    ("bert",),
    layers="bert.encoder.layer",
    layer_modules=_BERT_LAYER,
    embeddings=_bert_embeddings("bert"),
    head={"bert.pooler.dense": Part(Role.POOLER)} | _CLASSIFIER,
    blueprint=_BERT_BLUEPRINT,
    inert=inert_bias("attention.self.key"),
)


def _roberta_like(key: str, label: str) -> Family:
    return Family(
        key,
        label,
        (key,),
        layers="roberta.encoder.layer",
        layer_modules=_BERT_LAYER,
        embeddings=_bert_embeddings("roberta"),
        head=_DENSE_HEAD,
        blueprint=_BERT_BLUEPRINT,
        reserved_positions=positions_after_padding,
        inert=inert_bias("attention.self.key"),
    )


ELECTRA = Family(
    "electra",
    "ELECTRA",
    ("electra",),
    layers="electra.encoder.layer",
    layer_modules=_BERT_LAYER,
    embeddings=_bert_embeddings("electra") | {"electra.embeddings_project": _EMBEDDING},
    head=_DENSE_HEAD,
    blueprint=replace(_BERT_BLUEPRINT, projection="electra.embeddings_project", project_after="dropout"),
    inert=inert_bias("attention.self.key"),
)
DISTILBERT = Family(
    "distilbert",
    "DistilBERT",
    ("distilbert",),
    layers="distilbert.transformer.layer",
    layer_modules={
        "attention.q_lin": Q,
        "attention.k_lin": K,
        "attention.v_lin": V,
        "attention.out_lin": O,
        "sa_layer_norm": NORM,
        "ffn.lin1": IN,
        "ffn.lin2": OUT,
        "output_layer_norm": NORM,
    },
    embeddings={
        "distilbert.embeddings.word_embeddings": _EMBEDDING,
        "distilbert.embeddings.position_embeddings": _EMBEDDING,
        "distilbert.embeddings.LayerNorm": _NORM,
    },
    head={"pre_classifier": Part(Role.CLASSIFIER, fresh=True)} | _CLASSIFIER,
    blueprint=replace(
        _BERT_BLUEPRINT,
        attention_norm="sa_layer_norm",
        ffn_norm="output_layer_norm",
        attention_output_dropout=False,
        holds_activation=False,
    ),
    inert=inert_bias("attention.k_lin"),
)
MPNET = Family(
    "mpnet",
    "MPNet",
    ("mpnet",),
    layers="mpnet.encoder.layer",
    layer_modules={
        "attention.attn.q": Q,
        "attention.attn.k": K,
        "attention.attn.v": V,
        "attention.attn.o": O,
        "attention.LayerNorm": NORM,
        "intermediate.dense": IN,
        "output.dense": OUT,
        "output.LayerNorm": NORM,
    },
    embeddings={
        "mpnet.embeddings.word_embeddings": _EMBEDDING,
        "mpnet.embeddings.position_embeddings": _EMBEDDING,
        "mpnet.embeddings.LayerNorm": _NORM,
        "mpnet.encoder.relative_attention_bias": _EMBEDDING,
    },
    head=_DENSE_HEAD,
    blueprint=replace(
        _BERT_BLUEPRINT, attention_norm="attention.LayerNorm", eager="mpnet", shared_positions=("mpnet.encoder.",)
    ),
    reserved_positions=lambda config: 2,  # as RoBERTa, with a padding id of 1 whatever the configuration says
    inert=inert_bias("attention.attn.k"),
)


def _deberta_inert(config: Any) -> dict[str, float]:
    """Return the projection of positions used as keys, and the key's where no position-to-content score multiplies keys
    by positions (He et al. 2021, arXiv 2006.03654, equation 4)."""
    if config.relative_attention and "p2c" in (config.pos_att_type or ()):
        return {"attention.self.pos_key_proj": 1.0}
    return {"attention.self.key_proj": 1.0, "attention.self.pos_key_proj": 1.0}


DEBERTA = Family(
    "deberta-v2",
    "DeBERTa-v2/v3",
    ("deberta-v2",),
    layers="deberta.encoder.layer",
    layer_modules={
        "attention.self.query_proj": Q,
        "attention.self.key_proj": K,
        "attention.self.value_proj": V,
        "attention.self.pos_key_proj": K,
        "attention.self.pos_query_proj": Q,
        "attention.output.dense": O,
        "attention.output.LayerNorm": NORM,
        "intermediate.dense": IN,
        "output.dense": OUT,
        "output.LayerNorm": NORM,
    },
    embeddings=_bert_embeddings("deberta")
    | {
        "deberta.embeddings.embed_proj": _EMBEDDING,
        "deberta.encoder.rel_embeddings": _EMBEDDING,
        "deberta.encoder.LayerNorm": _NORM,
    },
    head={"pooler.dense": Part(Role.POOLER, fresh=True)} | _CLASSIFIER,
    blueprint=replace(
        _BERT_BLUEPRINT,
        eager="deberta",
        projection="deberta.embeddings.embed_proj",
        shared_positions=("deberta.encoder.",),
    ),
    inert=_deberta_inert,
)
MODERNBERT = Family(
    "modernbert",
    "ModernBERT",
    ("modernbert",),
    layers="model.layers",
    layer_modules={"attn_norm": NORM, "attn.Wqkv": QKV, "attn.Wo": O, "mlp_norm": NORM, "mlp.Wi": IN, "mlp.Wo": OUT},
    embeddings={"model.embeddings.tok_embeddings": _EMBEDDING, "model.embeddings.norm": _NORM},
    head={
        "model.final_norm": Part(Role.NORM, final_norm=True),
        "head.dense": Part(Role.POOLER),
        "head.norm": Part(Role.NORM),
    }
    | _CLASSIFIER,
    blueprint=Blueprint("attn_norm", "mlp_norm", pre_norm=True, rotary=True),
    gated_ffn=True,
)
GPT2 = Family(
    "gpt2",
    "GPT-2",
    ("gpt2",),
    layers="transformer.h",
    layer_modules={"ln_1": NORM, "attn.c_attn": QKV, "attn.c_proj": O, "ln_2": NORM, "mlp.c_fc": IN, "mlp.c_proj": OUT},
    embeddings={"transformer.wte": _EMBEDDING, "transformer.wpe": _EMBEDDING},
    head={"transformer.ln_f": Part(Role.NORM, final_norm=True)} | _SCORE,
    blueprint=Blueprint(
        "ln_1",
        "ln_2",
        pre_norm=True,
        hidden_dropout=True,
        attention_dropout=True,
        embedding_dropout=True,
        activation="gelu_new",
        classifies_tokens=True,
    ),
    inert=inert_bias("attn.c_attn"),
)
OPT = Family(
    "opt",
    "OPT",
    ("opt",),
    layers="model.decoder.layers",
    layer_modules={
        "self_attn.k_proj": K,
        "self_attn.v_proj": V,
        "self_attn.q_proj": Q,
        "self_attn.out_proj": O,
        "self_attn_layer_norm": NORM,
        "fc1": IN,
        "fc2": OUT,
        "final_layer_norm": NORM,
    },
    embeddings={
        "model.decoder.embed_tokens": _EMBEDDING,
        "model.decoder.embed_positions": _EMBEDDING,
        "model.decoder.project_in": _EMBEDDING,
    },
    head={
        "model.decoder.final_layer_norm": Part(Role.NORM, final_norm=True),
        "model.decoder.project_out": Part(Role.POOLER),
    }
    | _SCORE,
    blueprint=Blueprint(
        "self_attn_layer_norm",
        "final_layer_norm",
        pre_norm=True,
        hidden_dropout=True,
        activation="relu",
        scaled_query=True,
        projection="model.decoder.project_in",
        project_after="words",
        classifies_tokens=True,
    ),
    inert=inert_bias("self_attn.k_proj"),
)


def _neox_inert(config: Any) -> dict[str, float]:
    """Return the part of the key bias in those values of a head that rotary positions leave as they are."""
    head = config.hidden_size // config.num_attention_heads
    turned = int(head * config.rope_parameters.get("partial_rotary_factor", 1.0))
    return {"attention.query_key_value": 1 - turned / head}


GPT_NEOX = Family(
    "gpt_neox",
    "GPT-NeoX",
    ("gpt_neox",),
    layers="gpt_neox.layers",
    layer_modules={
        "attention.query_key_value": QKV,
        "attention.dense": O,
        "mlp.dense_h_to_4h": IN,
        "mlp.dense_4h_to_h": OUT,
        "input_layernorm": NORM,
        "post_attention_layernorm": NORM,
    },
    embeddings={"gpt_neox.embed_in": _EMBEDDING},
    head={"gpt_neox.final_layer_norm": Part(Role.NORM, final_norm=True)} | _SCORE,
    blueprint=Blueprint(
        "input_layernorm",
        "post_attention_layernorm",
        pre_norm=True,
        parallel=True,
        rotary=True,
        heads_first=True,
        classifies_tokens=True,
    ),
    inert=_neox_inert,
    only={"rope_theta": (10_000,)},  # it goes by rotary_emb_base
)

_LLAMA_LAYER = {
    "self_attn.q_proj": Q,
    "self_attn.k_proj": K,
    "self_attn.v_proj": V,
    "self_attn.o_proj": O,
    "mlp.gate_proj": IN,
    "mlp.up_proj": IN,
    "mlp.down_proj": OUT,
    "input_layernorm": NORM,
    "post_attention_layernorm": NORM,
}


_LLAMA_BLUEPRINT = Blueprint(
    "input_layernorm",
    "post_attention_layernorm",
    pre_norm=True,
    rms=True,
    rotary=True,
    activation="silu",
    classifies_tokens=True,
)
_GEMMA_BLUEPRINT = replace(
    _LLAMA_BLUEPRINT,
    ffn_norm="pre_feedforward_layernorm",
    output_norms=("post_attention_layernorm", "post_feedforward_layernorm"),
    norm_scales_first=True,
)
_QUERY_KEY_NORMS = ("self_attn.q_norm", "self_attn.k_norm")
_FEED_FORWARD_NORMS = ("pre_feedforward_layernorm", "post_feedforward_layernorm")


def _llama_like(
    key: str,
    label: str,
    extra_norms: tuple[str, ...] = (),
    blueprint: Blueprint = _LLAMA_BLUEPRINT,
    only: Mapping[str, tuple[Any, ...]] | None = None,
) -> Family:
    return Family(
        key,
        label,
        (key,),
        layers="model.layers",
        layer_modules=_LLAMA_LAYER | dict.fromkeys(extra_norms, NORM),
        embeddings={"model.embed_tokens": _EMBEDDING},
        head={"model.norm": Part(Role.NORM, final_norm=True)} | _SCORE,
        blueprint=blueprint,
        gated_ffn=True,
        only=only or {},
    )


FAMILIES = (
    BERT,
    _roberta_like("roberta", "RoBERTa"),
    _roberta_like("xlm-roberta", "XLM-RoBERTa"),
    _roberta_like("camembert", "CamemBERT"),
    ELECTRA,
    DISTILBERT,
    MPNET,
    DEBERTA,
    MODERNBERT,
    GPT2,
    OPT,
    GPT_NEOX,
    _llama_like("llama", "Llama"),
    _llama_like("mistral", "Mistral"),
    _llama_like("qwen2", "Qwen2"),
    _llama_like("qwen3", "Qwen3", _QUERY_KEY_NORMS),
    _llama_like("gemma2", "Gemma 2", _FEED_FORWARD_NORMS, replace(_GEMMA_BLUEPRINT, eager="gemma2")),
    _llama_like(
        "gemma3_text",
        "Gemma 3 (text)",
        _QUERY_KEY_NORMS + _FEED_FORWARD_NORMS,
        _GEMMA_BLUEPRINT,
        only={"attn_logit_softcapping": ()},
    ),
)
BY_MODEL_TYPE = {model_type: family for family in FAMILIES for model_type in family.model_types}
BY_KEY = {family.key: family for family in FAMILIES}
