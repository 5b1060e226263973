"""Attention within each text of a flat sequence, for transformers' registry of attention functions.

Texts of about one length are computed together, padded to the longest of them. One copy brings the queries of all
groups into the order (text, head, token), one the keys and one the values; another brings the results back.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from transformers.integrations.sdpa_attention import repeat_kv

from spafit.training.accelerated import one_kernel
from spafit.training.accelerated.gathers import Reorder, spread, taken
from spafit.training.accelerated.kernels import dropout_mask
from spafit.training.accelerated.layout import Layout

NAME = "spafit"
OWNER = "_spafit_flat"  # where an attention module finds its `Flat`


class Flat(Protocol):
    """What is known of the batch that is computed."""

    layout: Layout | None
    seen: one_kernel.Patterns | None
    """Asked to be shown what modules do."""
    causal: dict[nn.Module, bool] | None
    """Module -> whether its attention is causal, where one kernel computes all texts in bf16."""
    ends: Tensor | None
    """Where texts begin and end in the flat sequence, for that kernel."""

    def tokens_for(self, module: nn.Module) -> Tensor | None:
        """Place of the one token of each text for which an attention module is needed; None: all are."""


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    softcap: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers' eager functions compute it, each text of the flat sequence by itself.

    Args:
        module: the attention module.
        query: (1, head, token, width); `key` and `value` likewise, perhaps with fewer heads.
        attention_mask: what is added to the padded batch's scores (text, 1, token, token).
        dropout: share of the weights that is dropped.
        scaling: of the scores.
        softcap: scores are bent smoothly into [-softcap, softcap].

    Returns:
        (1, token, head, width) and no weights.
    """
    flat: Flat = module.__dict__[OWNER]
    layout, single = flat.layout, flat.tokens_for(module)
    assert layout is not None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if flat.seen is not None:
        flat.seen.see(module, query, attention_mask, softcap)
    if flat.causal is not None and flat.ends is not None:
        return in_one_kernel(query, key, value, layout, flat.ends, dropout, scale, flat.causal[module]), None
    masks = [None] * len(layout.groups) if attention_mask is None else layout.masks(attention_mask, single)
    rest = layout, masks, dropout, scale, softcap
    if query.device.type == "cpu":
        output = CpuAttention.apply(query, key, value, single, *rest)
    else:
        output = attention_elsewhere(query, key, value, *rest)
    return output.view(1, layout.tokens, query.shape[1], -1), None


Masks = list[Tensor | None]


class CpuAttention(torch.autograd.Function):
    """softmax(scale q k^T + mask) v within each text, on a CPU; returns (token x head, width).

    With the place of a `single` token of each text, only that one attends; the results of the others are zero.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        single: Tensor | None,
        layout: Layout,
        masks: Masks,
        dropout: float,
        scale: float,
        cap: float | None,
    ) -> Tensor:
        heads, repeats = query.shape[1], query.shape[1] // key.shape[1]
        own, shared = layout.heads(heads), layout.heads(heads, repeats)
        asking = own.into if single is None else layout.heads_of(single, heads)
        q = _rows(query).index_select(0, asking)
        k, v = _rows(key).index_select(0, shared.into), _rows(value).index_select(0, shared.into)
        blocks = layout.blocks(heads, single is not None)
        weights = q.new_empty(blocks[-1].weights_end)
        capped = None if cap is None else torch.empty_like(weights)
        for block, mask in zip(blocks, masks, strict=True):
            scores = _product(block.queries_of(q), _upright(block.keys_of(k)), scale, block.weights_of(weights))
            if capped is not None and cap is not None:
                torch.tanh(scores.div_(cap), out=block.weights_of(capped))
                torch.mul(block.weights_of(capped), cap, out=scores)
            if mask is not None:
                scores.view(-1, heads, *scores.shape[1:]).add_(mask)
            torch.softmax(scores, -1, out=scores)
        drop = dropout_mask(weights.shape, dropout) if dropout > 0.0 else None
        used = weights if drop is None else weights * drop
        ctx.kept = 1.0 / (1.0 - dropout)
        output = v.new_empty(len(q), v.shape[1])
        for block in blocks:
            _product(block.weights_of(used), block.keys_of(v), ctx.kept, block.queries_of(output))
        ctx.save_for_backward(q, k, v, weights, drop, capped, single)
        ctx.layout, ctx.blocks, ctx.shape, ctx.repeats, ctx.scale = layout, blocks, query.shape, repeats, scale
        rows = layout.tokens * heads
        return taken(output, own.back, rows) if single is None else spread(output, asking, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights, drop, capped, single = ctx.saved_tensors
        layout: Layout = ctx.layout
        heads, tokens = ctx.shape[1:3]
        own = layout.heads(heads)
        asking = own.into if single is None else layout.heads_of(single, heads)
        g = gradient.index_select(0, asking)
        used = weights if drop is None else weights * drop
        dweights, dq, dk, dv = (torch.empty_like(x) for x in (weights, q, k, v))
        for block in ctx.blocks:
            of_output = block.queries_of(g)
            _product(block.weights_of(used).mT, of_output, ctx.kept, block.keys_of(dv))
            _product(of_output, _upright(block.keys_of(v)), ctx.kept, block.weights_of(dweights))
        if drop is not None:
            dweights.mul_(drop)
        for block in ctx.blocks:
            dscores = block.weights_of(dweights)
            _softmax_gradient(dscores, block.weights_of(weights), -1, weights.dtype, grad_input=dscores)
            if capped is not None:
                dscores.mul_(1.0 - block.weights_of(capped).square())
            _product(dscores, block.keys_of(k), ctx.scale, block.queries_of(dq))
            _product(dscores.mT, block.queries_of(q), ctx.scale, block.keys_of(dk))
        rows = tokens * heads
        dq = taken(dq, own.back, rows) if single is None else spread(dq, asking, rows)
        dk, dv = (taken(x, own.back, rows) for x in (dk, dv))
        dk, dv = (x.view(-1, ctx.repeats, x.shape[1]).sum(1) if ctx.repeats > 1 else x for x in (dk, dv))
        dq, dk, dv = (x.view(1, tokens, -1, x.shape[1]).transpose(1, 2) for x in (dq, dk, dv))
        return dq, dk, dv, None, None, None, None, None, None


def _rows(x: Tensor) -> Tensor:
    """(1, head, token, width) as (token x head, width)."""
    return x.transpose(1, 2).reshape(-1, x.shape[3])


def _upright(x: Tensor) -> Tensor:
    """Matrices transposed by a copy: MKL multiplies by one that is only seen transposed at a quarter of its rate."""
    return x.mT.contiguous()


def _product(x: Tensor, y: Tensor, factor: float, into: Tensor) -> Tensor:
    """factor x y for each matrix of a batch, written to `into`."""
    return torch.baddbmm(into, x, y, beta=0, alpha=factor, out=into)


_softmax_gradient = torch.ops.aten._softmax_backward_data.out


def in_one_kernel(
    query: Tensor, key: Tensor, value: Tensor, layout: Layout, ends: Tensor, dropout: float, scale: float, causal: bool
) -> Tensor:
    """Do the same for all texts at once, where there is a kernel for it; return (1, token, head, width)."""
    repeats = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, repeats), repeat_kv(value, repeats)
    q, k, v = (x.transpose(1, 2)[0] for x in (query, key, value))
    return one_kernel.flash(q, k, v.to(q.dtype), ends, layout.longest, dropout, scale, causal)[None]


def attention_elsewhere(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    layout: Layout,
    masks: Masks,
    dropout: float,
    scale: float,
    cap: float | None,
) -> Tensor:
    """Do the same on other devices by PyTorch's fused function; it has no cap, so with one it is written out.

    Where there is dropout PyTorch takes a kernel that has it.
    """
    heads, repeats = query.shape[1], query.shape[1] // key.shape[1]
    own, shared = layout.heads(heads), layout.heads(key.shape[1])
    q, k, v = (
        Reorder.apply(_rows(x), index.into, index.back, len(index.into))
        for x, index in ((query, own), (key, shared), (value, shared))
    )
    outputs = []
    parts = (
        x.split([group.texts.size * group.width * number for group in layout.groups])
        for x, number in ((q, heads), (k, key.shape[1]), (v, key.shape[1]))
    )
    for group, mask, *rows in zip(layout.groups, masks, *parts, strict=True):
        shape = (len(group.texts), -1, group.width)
        qs, ks, vs = (x.view(*shape, x.shape[1]) for x in rows)
        ks, vs = repeat_kv(ks, repeats), repeat_kv(vs, repeats)
        added = None if mask is None else mask.to(q.dtype)
        if cap is None:
            output = nn.functional.scaled_dot_product_attention(qs, ks, vs, added, dropout, scale=scale)
        else:
            scores = (qs @ ks.mT * (scale / cap)).tanh() * cap
            scores = scores if added is None else scores + added
            output = nn.functional.dropout(torch.softmax(scores, -1, dtype=torch.float32).to(q.dtype), dropout) @ vs
        outputs.append(output.reshape(-1, output.shape[-1]))
    return Reorder.apply(torch.cat(outputs), own.back, own.into, layout.tokens * heads)
