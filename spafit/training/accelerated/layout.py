"""Where the tokens of a batch stand when its texts are laid out one after the other, without padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

SIZES = 16  # numbers of tokens per power of two that a flat sequence may have: oneDNN prepares kernels for each
SLACK = 4  # on a CPU, texts up to 1 / SLACK shorter than the longest share its group; elsewhere all share one


FIXED_STEP = 64  # sizes of a sequence that is replayed lie at least so far apart: each is recorded once


def flat_tokens(filled: int) -> int:
    """Tokens of a flat sequence that holds so many, dummies included: one at least, for padding to point at.

    Rounded up to one of sixteen numbers per power of two (272, 288, ..., 512 between 257 and 512).
    """
    step = max(8, (1 << filled.bit_length()) // (2 * SIZES))
    return (filled // step + 1) * step


def fixed_tokens(filled: int) -> int:
    """Tokens of a flat sequence that is replayed (`graphs`): one of few sizes, an eighth apart or 64."""
    step = max(FIXED_STEP, (1 << filled.bit_length()) // 16)
    return (filled // step + 1) * step


@dataclass(frozen=True)
class Group:
    """Texts of about one length, whose attention is computed together, padded to the longest."""

    texts: np.ndarray  # rows of the batch
    starts: np.ndarray  # their first tokens in the flat sequence
    lengths: np.ndarray

    @property
    def width(self) -> int:
        """Tokens of the longest."""
        return int(self.lengths[0])


@dataclass(frozen=True)
class Block:
    """A group's part of what all groups have in one tensor: a row per query, a row per key, and the weights."""

    matrices: int  # texts x heads
    queries: int
    keys: int
    first_query: int
    first_key: int
    first_weight: int

    @property
    def weights_end(self) -> int:
        """Where the next group's weights begin."""
        return self.first_weight + self.matrices * self.queries * self.keys

    def queries_of(self, x: Tensor) -> Tensor:
        """Its queries, or what belongs to them."""
        return _matrices(x, self.matrices, self.queries, x.shape[1], self.first_query * x.shape[1])

    def keys_of(self, x: Tensor) -> Tensor:
        """Its keys, or what belongs to them."""
        return _matrices(x, self.matrices, self.keys, x.shape[1], self.first_key * x.shape[1])

    def weights_of(self, x: Tensor) -> Tensor:
        """Its weights, or what belongs to them."""
        return _matrices(x, self.matrices, self.queries, self.keys, self.first_weight)


def _matrices(x: Tensor, number: int, rows: int, columns: int, first: int) -> Tensor:
    """So many matrices, one after the other from the value `first` on; one view instead of a slice and a view."""
    return x.as_strided((number, rows, columns), (rows * columns, columns, 1), first)


@dataclass(frozen=True)
class HeadIndex:
    """Rows of a flat tensor (tokens x heads, width) and of the same grouped (text, head, token, width), both ways."""

    into: Tensor  # grouped -> flat; padding points at the last dummy
    back: Tensor  # flat -> grouped, without the dummies


class Layout:
    """The flat sequence of a padded batch: its texts from longest to shortest, then one dummy token or more.

    Args:
        lengths: tokens of each text.
        device: where its index tensors are needed.
        width: of the padded batch, in tokens from edge to edge; the longest text's when None. With a width given, each
            text has padding behind it, and the sequence has one of few sizes (`fixed_tokens`).
        placed: index tensors (`INDEXES`) that are on the device already and are filled by somebody else.
    """

    INDEXES = ("into_flat", "into_padded", "positions", "ends")

    def __init__(
        self,
        lengths: np.ndarray,
        device: torch.device,
        width: int | None = None,
        placed: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.lengths, self.device, self._placed = lengths, device, placed
        self.fixed = width is not None
        self.width = int(lengths.max()) if width is None else width
        order = np.argsort(-lengths, kind="stable")
        ends = np.cumsum(lengths[order])
        self.filled = int(ends[-1])  # tokens that are no dummies
        self.tokens = fixed_tokens(self.filled) if self.fixed else flat_tokens(self.filled)
        dummies = max(FIXED_STEP, self.tokens // 8) if self.fixed else self.tokens - self.filled
        self.longest = max(self.width, dummies)  # at least as long as every text, the dummies' included
        self.starts = np.empty(len(lengths), np.int64)  # of each text in the flat sequence
        self.starts[order] = ends - lengths[order]
        # Of each token in the flat sequence, its text and its place there.
        self.text = np.repeat(order, lengths[order])
        self.place = np.arange(self.filled) - self.starts[self.text]
        together = _of_about_one_length(lengths, order) if device.type == "cpu" else [order]
        self.groups = [Group(rows, self.starts[rows], lengths[rows]) for rows in together]
        self._order = order
        self._heads: dict[tuple[int, int], HeadIndex] = {}
        self._masks: dict[tuple[int, bool], tuple[Tensor, list[Tensor | None]]] = {}

    @cached_property
    def into_flat(self) -> Tensor:
        """Flat token -> its place in the padded batch; dummies copy the first or, where that is sure to be, padding."""
        return self._tensor("into_flat")

    @cached_property
    def into_padded(self) -> Tensor:
        """Place in the padded batch -> flat token; padding points at the last dummy."""
        return self._tensor("into_padded")

    @cached_property
    def positions(self) -> Tensor:
        """Flat token -> its place in its text."""
        return self._tensor("positions")

    @cached_property
    def ends(self) -> Tensor:
        """Where texts begin and end in the flat sequence, from 0 to its last token; the dummies are the last text."""
        return self._tensor("ends")

    @property
    def back(self) -> Tensor:
        """Flat token -> the place in the padded batch whose gradient it gets; dummies get none."""
        return self.into_flat if self.fixed else self.into_flat[: self.filled]

    def array(self, name: str) -> np.ndarray:
        """Return one of `INDEXES` on the host."""
        if name == "ends":
            return np.concatenate([[0], np.cumsum(self.lengths[self._order]), [self.tokens]])
        if name == "into_padded":
            tokens = np.full(len(self.lengths) * self.width, self.tokens - 1)
            tokens[self.text * self.width + self.place] = np.arange(self.filled)
            return tokens
        places = np.zeros(self.tokens, np.int64)
        if name == "positions":
            places[: self.filled] = self.place
            return places
        places[: self.filled] = self.text * self.width + self.place
        places[self.filled :] = self.width - 1 if self.fixed else places[0]  # padding's gradient is zero
        return places

    def _tensor(self, name: str) -> Tensor:
        return self._moved(self.array(name)) if self._placed is None else self._placed[name]

    def in_split(self, rows: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Flat token -> its place in the split where the batch's texts are `rows`; dummies copy the first."""
        places = np.zeros(self.tokens, np.int64)
        places[: self.filled] = offsets[rows][self.text] + self.place
        places[self.filled :] = places[0]
        return places

    def heads(self, number: int, repeats: int = 1) -> HeadIndex:
        """Return how a tensor with so many heads is grouped, or one in which each stands for so many `repeats`."""
        if (number, repeats) not in self._heads:
            heads = np.arange(number)[None, :, None] // repeats
            parts = []
            for group in self.groups:
                inside = np.arange(group.width)
                tokens = np.where(inside < group.lengths[:, None], group.starts[:, None] + inside, self.tokens - 1)
                parts.append((tokens[:, None, :] * (number // repeats) + heads).ravel())
            into = np.concatenate(parts)
            back = np.empty(self.tokens * number, np.int64)
            back[into] = np.arange(len(into))
            self._heads[number, repeats] = HeadIndex(self._moved(into), self._moved(back[: self.filled * number]))
        return self._heads[number, repeats]

    def heads_of(self, places: Tensor, heads: int) -> Tensor:
        """Rows of a flat tensor (tokens x heads, width) of the one token of each text that has this place, grouped."""
        tokens = self.in_groups(self.rows_of(places))
        return (tokens[:, None] * heads + torch.arange(heads, device=tokens.device)).flatten()

    def blocks(self, heads: int, single: bool = False) -> list[Block]:
        """Return where each group's part is; with `single`, one query a text."""
        blocks, query, key, weight = [], 0, 0, 0
        for group in self.groups:
            matrices = len(group.texts) * heads
            block = Block(matrices, 1 if single else group.width, group.width, query, key, weight)
            query, key = query + matrices * block.queries, key + matrices * block.keys
            weight = block.weights_end
            blocks.append(block)
        return blocks

    @cached_property
    def _starts(self) -> Tensor:
        return self._moved(self.starts)

    @cached_property
    def _grouped(self) -> Tensor:
        return self._moved(self._order)

    def rows_of(self, places: Tensor) -> Tensor:
        """Where in the flat sequence the token is that has this place in its text, for each text of the batch."""
        return self._starts + places

    def in_groups(self, of_texts: Tensor) -> Tensor:
        """Return what belongs to the texts of the batch, in the order of the groups."""
        return of_texts.index_select(0, self._grouped)

    def split(self, in_groups: Tensor) -> Sequence[Tensor]:
        """Return what belongs to the texts of each group, out of the same for all groups."""
        return in_groups.split([len(group.texts) for group in self.groups])

    def masks(self, mask: Tensor, single: Tensor | None) -> list[Tensor | None]:
        """Cut a padded batch's mask (text, 1, token, token) into one for each group; None where nothing is masked.

        With the place of a `single` token of each text, only the row of that one: (text, 1, 1, token).
        """
        key = (id(mask), single is not None)
        if key not in self._masks:
            rows = mask.expand(len(self.lengths), -1, -1, -1)
            if single is not None:
                rows = rows[torch.arange(len(rows), device=mask.device), :, single][:, :, None]
            parts: list[Tensor | None] = []
            for of_texts, group in zip(self.split(self.in_groups(rows)), self.groups, strict=True):
                part = of_texts[:, :, : group.width, : group.width].contiguous()
                parts.append(part if mask.device.type != "cpu" or part.any() else None)  # elsewhere looking takes long
            self._masks[key] = (mask, parts)  # with the mask, so that its id stays its own
        return self._masks[key][1]

    def _moved(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.int64)).to(self.device, non_blocking=True)


def _of_about_one_length(lengths: np.ndarray, order: np.ndarray) -> list[np.ndarray]:
    """Divide texts, ordered from longest to shortest, where they become much shorter than the first of their group."""
    cuts, longest = [], lengths[order[0]]
    for i, row in enumerate(order):
        if lengths[row] < longest - longest // SLACK:
            cuts.append(i)
            longest = lengths[row]
    return np.split(order, cuts)
