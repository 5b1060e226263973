"""Optimizer steps that are recorded once for each size of batch and replayed from then on (CUDA graphs).

A step of a small model is some six hundred short kernels. To launch them one by one takes longer than to compute them:
the card waits for the processor. A recorded step is launched as one. For that a batch has one of few sizes, and its
tensors keep their places in memory; what differs from step to step is copied there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from spafit.training.accelerated.layout import Layout, fixed_tokens
from spafit.training.batches import Batch, Feed, collate

MOST_SIZES = 16
"""Sizes of batch that are recorded; others are launched kernel by kernel."""

Take = Callable[[Batch], Tensor]
Record = Callable[[Callable[[], Tensor]], Callable[[], Tensor]]


class FixedBatch:
    """A batch of so many texts in one size, whose tensors keep their places.

    Args:
        feed: the texts, on the device.
        rows: of the first that are in it.
        width: of the padded batch; at least one more than the longest text has tokens.
    """

    def __init__(self, feed: Feed, rows: np.ndarray, width: int) -> None:
        self._feed, self._width = feed, width
        arrays, labels = self._arrays(rows)
        sizes = [array.size for array in arrays.values()]
        self._numbers = torch.empty(sum(sizes), dtype=torch.int64, device=feed.device)
        views = zip(arrays.items(), self._numbers.split(sizes), strict=True)
        places = {name: view.view(array.shape) for (name, array), view in views}
        self._labels = torch.from_numpy(labels).to(feed.device)
        indexes = {name: places.pop(name) for name in Layout.INDEXES}
        self._in_split = places.pop("in_split", None)
        self._inputs = places
        self._layout = Layout(feed.encoded.lengths[rows], feed.device, width, indexes)
        self.fill(rows)

    def fill(self, rows: np.ndarray) -> None:
        """Bring the texts of these rows in, in the same number and size."""
        arrays, labels = self._arrays(rows)
        self._copy(np.concatenate([array.ravel() for array in arrays.values()]), self._numbers)
        self._copy(labels, self._labels)

    def batch(self) -> Batch:
        """Return the texts that are in it; the states that leave the prefix are looked up on the device."""
        states = None
        if self._in_split is not None:
            assert self._feed.states is not None
            states = self._feed.states.packed.index_select(0, self._in_split)
        return Batch(self._inputs, self._labels, self._layout, states, self._feed.encoded.pad_id)

    def _arrays(self, rows: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        encoded = self._feed.encoded
        layout = Layout(encoded.lengths[rows], torch.device("cpu"), self._width)
        arrays = collate(encoded, rows, self._width)
        labels = arrays.pop("labels")
        arrays |= {name: layout.array(name) for name in Layout.INDEXES}
        if self._feed.states is not None:
            arrays["in_split"] = layout.in_split(rows, encoded.offsets)
        return arrays, labels

    def _copy(self, array: np.ndarray, into: Tensor) -> None:
        source = torch.from_numpy(np.ascontiguousarray(array))
        into.copy_(source.pin_memory() if into.is_cuda else source, non_blocking=True)


class RecordedSteps:
    """Takes optimizer steps over batches of `texts` texts, each size of batch recorded the second time it is met.

    The first time loads the kernels, which cannot be done while recording.

    Args:
        feed: of the training examples; states that leave the prefix, if there are any, on the device.
        texts: in each batch.
        take: takes a step with a batch and returns its summed loss.
        record: turns a step that is taken by launching into one that is replayed.
    """

    def __init__(self, feed: Feed, texts: int, take: Take, record: Record) -> None:
        self._feed, self._texts, self._take, self._record = feed, texts, take, record
        self._width = int(feed.encoded.lengths.max()) + 1
        self._batches: dict[int, FixedBatch] = {}
        self._recorded: dict[int, Callable[[], Tensor]] = {}
        self._works = True

    def step(self, rows: np.ndarray) -> Tensor | None:
        """Take a step with the texts of these rows; None where it has to be taken without being recorded."""
        size = fixed_tokens(int(self._feed.encoded.lengths[rows].sum()))
        known = self._batches.get(size)
        if not self._works or len(rows) != self._texts or (known is None and len(self._batches) == MOST_SIZES):
            return None
        if known is None:
            self._batches[size] = FixedBatch(self._feed, rows, self._width)
            return self._take(self._batches[size].batch())
        known.fill(rows)
        if size not in self._recorded:
            try:
                self._recorded[size] = self._record(lambda: self._take(known.batch()))
            except RuntimeError:  # a kernel that cannot be recorded: nothing was computed, nothing is lost
                self._works = False
                self._recorded.clear()
                return None
        return self._recorded[size]().clone()


class Recorder:
    """Records steps on a CUDA device; all of them use one pool of memory, since only one is replayed at a time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()

    def __call__(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        """Record a step, which has been taken by launching before; raises `RuntimeError` where that is impossible."""
        graph, current = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()  # of what the launched step has left: the recorded one has memory of its own
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                result = step()
            finally:
                graph.capture_end()
        current.wait_stream(self._stream)

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay
