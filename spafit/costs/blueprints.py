"""How each model family computes a layer, as far as memory and FLOPs depend on it (transformers' own modeling code)."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a family's layers do between their matrices.

    Dropout is as in the family's published configurations: an anatomy does not carry the probabilities.
    """

    attention_norm: str
    """Module path of the norm at the attention block, inside a layer."""
    ffn_norm: str
    pre_norm: bool
    """Whether norms come before each block (GPT-2, Llama) instead of after the residual sum (BERT)."""
    parallel: bool = False
    """Whether both blocks read the layer's input and their outputs are added to it together (GPT-NeoX)."""
    output_norms: tuple[str, str] | None = None
    """Further norms after each block, before the residual sum (Gemma 2)."""
    rms: bool = False
    """Whether norms are RMSNorm, written in Python by every family, instead of PyTorch's LayerNorm."""
    norm_scales_first: bool = False
    """Whether RMSNorm scales before it returns to the precision it was given, instead of after."""
    holds_activation: bool = False
    """Whether the layer's code holds the activation's output in a variable until its end."""
    rotary: bool = False
    heads_first: bool = False
    """Whether values are copied head by head like queries and keys, and the result back token by token (GPT-NeoX)."""
    hidden_dropout: bool = False
    """Whether the blocks' outputs go through dropout in training."""
    attention_dropout: bool = False
    """Whether the attention weights go through dropout in training."""
    attention_output_dropout: bool = True
    """Whether hidden dropout comes after the attention output as well."""
    eager: str | None = None
    """Name of the family's own attention code, for those that do not call PyTorch's fused attention."""
    activation: str = "gelu"
    scaled_query: bool = False
    """Whether the query is multiplied by the scale outside attention (OPT)."""
    projection: str = ""
    """Module path of the projection from the embeddings' width to the hidden size, which some models have."""
    project_after: str = "sum"
    """What it comes after: the ``words``, the ``sum`` of all embeddings, or their norm and ``dropout``."""
    embedding_dropout: bool = False
    shared_positions: tuple[str, ...] = ()
    """Where tables of relative positions start that every layer reads and that add nothing below layer 1."""
    classifies_tokens: bool = False
    """Whether the classifier runs on every token and the last one's result is picked (decoders)."""


_BERT = Blueprint(
    "attention.output.LayerNorm",
    "output.LayerNorm",
    pre_norm=False,
    hidden_dropout=True,
    attention_dropout=True,
    embedding_dropout=True,
    holds_activation=True,
)
_LLAMA = Blueprint(
    "input_layernorm",
    "post_attention_layernorm",
    pre_norm=True,
    rms=True,
    rotary=True,
    activation="silu",
    classifies_tokens=True,
)
BLUEPRINTS = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "camembert": _BERT,
    "electra": replace(_BERT, projection="electra.embeddings_project", project_after="dropout"),
    "distilbert": replace(
        _BERT,
        attention_norm="sa_layer_norm",
        ffn_norm="output_layer_norm",
        attention_output_dropout=False,
        holds_activation=False,
    ),
    "mpnet": replace(_BERT, attention_norm="attention.LayerNorm", eager="mpnet", shared_positions=("mpnet.encoder.",)),
    "deberta-v2": replace(
        _BERT, eager="deberta", projection="deberta.embeddings.embed_proj", shared_positions=("deberta.encoder.",)
    ),
    "modernbert": Blueprint("attn_norm", "mlp_norm", pre_norm=True, rotary=True),
    "gpt2": Blueprint(
        "ln_1",
        "ln_2",
        pre_norm=True,
        hidden_dropout=True,
        attention_dropout=True,
        embedding_dropout=True,
        activation="gelu_new",
        classifies_tokens=True,
    ),
    "opt": Blueprint(
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
    "gpt_neox": Blueprint(
        "input_layernorm",
        "post_attention_layernorm",
        pre_norm=True,
        parallel=True,
        rotary=True,
        heads_first=True,
        classifies_tokens=True,
    ),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "gemma2": replace(
        _LLAMA,
        ffn_norm="pre_feedforward_layernorm",
        output_norms=("post_attention_layernorm", "post_feedforward_layernorm"),
        norm_scales_first=True,
        eager="gemma2",
    ),
    "gemma3_text": replace(
        _LLAMA,
        ffn_norm="pre_feedforward_layernorm",
        output_norms=("post_attention_layernorm", "post_feedforward_layernorm"),
        norm_scales_first=True,
    ),
}
"""By the anatomy's family."""
