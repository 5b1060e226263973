"""Attention of all texts of a flat sequence by one kernel, on a GPU in bf16 (FlashAttention-2, arXiv 2307.08691).

The kernel knows two patterns: every token of a text reads every other, or those before it and itself. Which one a
module has is seen from the mask that the model itself makes for a text of the greatest length.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDEST_HEAD = 256  # that the kernel takes


def flash(
    query: Tensor, key: Tensor, value: Tensor, ends: Tensor, longest: int, dropout: float, scale: float, causal: bool
) -> Tensor:
    """softmax(scale q k^T) v within each text.

    PyTorch's public function for this (`torch.nn.attention.varlen`) has no dropout; this is what it calls.

    Args:
        query: (token, head, width); `key` and `value` likewise.
        ends: where texts begin and end, from 0 to the last token (int32).
        longest: no text is longer.
        dropout: share of the weights that is dropped.
        scale: of the scores.
        causal: whether tokens read only those before them and themselves.
    """
    kernel = torch.ops.aten._flash_attention_forward
    return kernel(query, key, value, ends, ends, longest, longest, dropout, causal, False, scale=scale)[0]


def is_causal(mask: Tensor | None) -> bool | None:
    """Whether a text of full length has a causal mask (True) or none (False); None where it is another."""
    if mask is None:
        return False
    allowed = mask.reshape(-1, *mask.shape[-2:]) == 0
    if bool(allowed.all()):
        return False
    causal = torch.ones_like(allowed[0]).tril()
    return True if bool((allowed == causal).all()) else None


def fits(query: Tensor) -> bool:
    """Whether the kernel takes heads of this width."""
    return query.shape[-1] % 8 == 0 and query.shape[-1] <= WIDEST_HEAD


class Patterns:
    """What attention modules are seen to do while a text of full length passes through the model."""

    def __init__(self) -> None:
        self.causal: dict[nn.Module, bool | None] = {}

    def see(self, module: nn.Module, query: Tensor, mask: Tensor | None, cap: float | None) -> None:
        """Note the pattern of a module's attention."""
        known = fits(query) and cap is None
        self.causal[module] = is_causal(mask) if known else None

    def all_known(self) -> dict[nn.Module, bool] | None:
        """Map each module to whether its attention is causal; None where the kernel cannot do one of them."""
        known = {module: causal for module, causal in self.causal.items() if causal is not None}
        return known if known and len(known) == len(self.causal) else None
