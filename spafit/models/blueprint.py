"""How a model family computes a layer, as far as memory and FLOPs depend on it (transformers' own modeling code)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
    eager: Literal["deberta", "gemma2", "mpnet"] | None = None
    """Name of the family's own attention code, for those that do not call PyTorch's fused attention."""
    activation: Literal["gelu", "gelu_new", "relu", "silu"] = "gelu"
    scaled_query: bool = False
    """Whether the query is multiplied by the scale outside attention (OPT)."""
    projection: str = ""
    """Module path of the projection from the embeddings' width to the hidden size, which some models have."""
    project_after: Literal["words", "sum", "dropout"] = "sum"
    """What it comes after: the ``words``, the ``sum`` of all embeddings, or their norm and ``dropout``."""
    embedding_dropout: bool = False
    shared_positions: tuple[str, ...] = ()
    """Where tables of relative positions start that every layer reads and that add nothing below layer 1."""
    classifies_tokens: bool = False
    """Whether the classifier runs on every token and the last one's result is picked (decoders)."""
