"""A tape of tensor operations with sizes instead of values: what autograd keeps, the most held, the FLOPs.

A layer is written down once as operations on a tape, the way its forward function calls them. Each operation follows
PyTorch's derivative formulas: an input is kept for the backward pass only where a gradient needs it, and a gradient is
computed only where something below it trains. Replaying the tape backwards gives the memory held at every moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FULL = 4
"""Bytes of an fp32 value."""
HALF = 2
"""Bytes of a bf16 value."""


@dataclass(eq=False, slots=True)
class Storage:
    """A block of memory that one or more values live in."""

    size: int
    """Bytes."""


@dataclass(eq=False, slots=True)
class Value:
    """A tensor on the tape: its number of values, bytes per value, whether gradients reach it, and where it lives."""

    count: int
    width: int
    grad: bool
    storage: Storage

    @property
    def size(self) -> int:
        """Bytes of the tensor (its storage can be larger)."""
        return self.count * self.width


@dataclass(eq=False, slots=True)
class _Operation:
    inputs: tuple[Value, ...]
    output: Value
    kept: tuple[Storage, ...]
    alias: bool
    """Whether the backward pass hands the gradient on as it is (sums, views) instead of computing a new one."""
    forward_extra: int
    backward_extra: int
    """Bytes needed only while the operation runs."""
    gradients: int
    """Bytes of parameter gradients that its backward pass leaves behind."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a tape adds up to. Bytes, except the FLOPs."""

    kept: int
    """Held from the forward to the backward pass, without copies of weights."""
    copies: int
    """Half-precision copies of weights that are held likewise."""
    forward_peak: int
    """Most held at once during the forward pass, the input included."""
    backward_peak: int
    """Most held at once during the backward pass: what is kept, gradients of values and of parameters."""
    gradients: int
    """Parameter gradients left behind."""
    forward_flops: int
    backward_flops: int
    output_grad: bool
    """Whether gradients reach the output, so that the rows above have to send theirs down."""
    output_width: int
    """Bytes of a value of the output."""
    entry: int
    """Bytes of the input."""
    keeps_entry: bool
    """Whether the input is among what is kept."""


@dataclass
class Tape:
    """Operations in the order of the forward pass.

    ``half`` turns matrix products to bf16 as torch.autocast does. CUDA and the CPU differ in what their kernels keep:
    ``cuda`` says which is meant.
    """

    half: bool = False
    cuda: bool = False
    forward_flops: int = 0
    backward_flops: int = 0
    _operations: list[_Operation] = field(default_factory=list)
    _copies: set[Storage] = field(default_factory=set)
    _held: dict[Storage, int] = field(default_factory=dict)

    def input(self, count: int, *, grad: bool, width: int = FULL) -> Value:
        """Return a value that comes from below."""
        return Value(count, width, grad, Storage(count * width))

    def operation(
        self,
        *inputs: Value,
        count: int,
        width: int,
        keep: tuple[Value | Storage, ...] = (),
        keep_output: bool = False,
        parameters: int = 0,
        again: bool = False,
        view: bool = False,
        alias: bool = False,
        forward_extra: int = 0,
        backward_extra: int = 0,
    ) -> Value:
        """Record an operation and return its output.

        Args:
            inputs: what it reads.
            count: number of values of the output.
            width: bytes per value of the output.
            keep: what its backward pass reads; kept only if gradients reach the output.
            keep_output: whether its backward pass reads the output.
            parameters: trained parameter values it uses, whose fp32 gradients the backward pass leaves behind.
            again: whether the parameters were used before on this tape, so that the gradients have their place already.
            view: whether the output shares the first input's memory.
            alias: whether the backward pass hands the gradient on unchanged.
            forward_extra: bytes needed only while it runs.
            backward_extra: bytes needed only while its backward pass runs.
        """
        grad = parameters > 0 or any(value.grad for value in inputs)
        storage = inputs[0].storage if view else Storage(count * width)
        output = Value(count, width, grad, storage)
        kept = [item.storage if isinstance(item, Value) else item for item in keep]
        if keep_output:
            kept.append(storage)
        self._operations.append(
            _Operation(
                inputs,
                output,
                tuple(dict.fromkeys(kept)) if grad else (),
                alias or view,
                forward_extra,
                backward_extra,
                0 if again else parameters * FULL,
            )
        )
        return output

    def hold(self, *values: Value) -> None:
        """Note that the forward code still has these in variables here, so that they live until now."""
        self._held.update((value.storage, len(self._operations) - 1) for value in values)

    # The operations that Transformers are made of -----------------------------------------------------------------

    def add(self, first: Value, second: Value) -> Value:
        """Return a sum; nothing is kept."""
        return self.operation(first, second, count=first.count, width=max(first.width, second.width), alias=True)

    def scale(self, x: Value) -> Value:
        """Return a multiple by a constant; nothing is kept."""
        return self.operation(x, count=x.count, width=x.width)

    def view(self, x: Value, count: int | None = None) -> Value:
        """Return the same memory, or a part of it, in another shape."""
        return self.operation(x, count=x.count if count is None else count, width=x.width, view=True)

    def copy(self, x: Value, count: int | None = None) -> Value:
        """Return a copy in another order, or repeated to ``count`` values; nothing is kept."""
        return self.operation(x, count=x.count if count is None else count, width=x.width)

    def cast(self, x: Value, width: int) -> Value:
        """Return x in another precision (itself if it has it); nothing is kept."""
        return x if x.width == width else self.operation(x, count=x.count, width=width)

    def multiply(self, first: Value, second: Value, count: int | None = None) -> Value:
        """Return a product of values; each factor is kept if the other needs a gradient."""
        keep = (*((second,) if first.grad else ()), *((first,) if second.grad else ()))
        return self.operation(
            first,
            second,
            count=first.count if count is None else count,
            width=max(first.width, second.width),
            keep=keep,
        )

    def pointwise(self, x: Value, *, keep_input: bool = True, keep_output: bool = False) -> Value:
        """Return a function of each value."""
        keep = (x,) if keep_input else ()
        return self.operation(x, count=x.count, width=x.width, keep=keep, keep_output=keep_output)

    def dropout(self, x: Value, active: bool = True) -> Value:
        """Return x with values dropped; the mask is kept."""
        if not active:
            return x
        mask = Storage(x.count * (1 if self.cuda else x.width))  # a boolean, or a factor
        return self.operation(x, count=x.count, width=x.width, keep=(mask,), forward_extra=mask.size)

    def layer_norm(self, x: Value, rows: int, parameters: int) -> Value:
        """Return the normalised x; x is kept, and the mean and the deviation of every row."""
        if self.cuda:  # autocast computes norms in fp32 there
            x = self.cast(x, FULL)
        statistics = Storage(2 * rows * FULL)
        return self.operation(x, count=x.count, width=x.width, keep=(x, statistics), parameters=parameters)

    def softmax(self, x: Value) -> Value:
        """Return weights that add up to 1, which are kept."""
        x = self.cast(x, FULL) if self.cuda else x  # autocast computes softmax in fp32 there
        return self.pointwise(x, keep_input=False, keep_output=True)

    def linear(
        self,
        x: Value,
        fan: tuple[int, int],
        *,
        weight_trained: bool,
        trained_bias: int = 0,
        rank: int = 0,
        again: bool = False,
    ) -> Value:
        """Return x W^T + b, plus the LoRA pair's x A^T B^T where the rank is not 0.

        x is kept if the weight (or A) trains, and the weight is there anyway; in half precision the copies are kept.
        """
        inputs, outputs = fan
        rows = x.count // inputs
        products = 2 * rows * inputs * outputs
        self.forward_flops += products
        self.backward_flops += products * (x.grad + weight_trained)
        width = HALF if self.half else x.width
        low = self.cast(x, width)
        keep: list[Value | Storage] = [low] if weight_trained else []
        if self.half and x.grad:
            copy = Storage(inputs * outputs * HALF)
            self._copies.add(copy)
            keep.append(copy)
        y = self.operation(
            low,
            count=rows * outputs,
            width=width,
            keep=tuple(keep),
            parameters=weight_trained * inputs * outputs + trained_bias,
            again=again,
        )
        if not rank:
            return y
        x = self.cast(x, FULL)  # peft casts it to A's precision
        down = self.linear(x, (inputs, rank), weight_trained=True, again=again)
        up = self.linear(down, (rank, outputs), weight_trained=True, again=again)
        return self.add(y, self.scale(up))

    def matmul(self, first: Value, second: Value, *, count: int, inner: int, full: bool = False) -> Value:
        """Return a product of two batches of matrices with ``count`` results over ``inner`` terms each.

        ``full`` keeps it in fp32 under autocast.
        """
        width = HALF if self.half and not full else FULL
        first, second = self.cast(first, width), self.cast(second, width)
        products = 2 * count * inner
        self.forward_flops += products
        self.backward_flops += products * (first.grad + second.grad)
        keep = (*((second,) if first.grad else ()), *((first,) if second.grad else ()))
        return self.operation(first, second, count=count, width=width, keep=keep)

    # What it adds up to ----------------------------------------------------------------------------------------------

    def totals(self, entry: Value, output: Value) -> Totals:
        """Return what the tape adds up to, ``entry`` being its input and ``output`` what it hands on."""
        kept = {storage: None for operation in self._operations for storage in operation.kept}
        held = sum(storage.size for storage in kept)
        copies = sum(storage.size for storage in kept if storage in self._copies)
        return Totals(
            held - copies,
            copies,
            self._forward_peak(entry, output, kept),
            self._backward_peak(entry, output, held),
            sum(operation.gradients for operation in self._operations),
            self.forward_flops,
            self.backward_flops,
            output.grad,
            output.width,
            entry.size,
            entry.storage in kept,
        )

    def _forward_peak(self, entry: Value, output: Value, kept: dict[Storage, None]) -> int:
        """Values live until their last use; what is kept, the entry and the output live on."""
        last: dict[Storage, int] = {}
        for index, operation in enumerate(self._operations):
            for value in (*operation.inputs, operation.output):
                last[value.storage] = max(index, self._held.get(value.storage, 0))
        ends: dict[int, list[Storage]] = {}
        for storage, index in last.items():
            ends.setdefault(index, []).append(storage)
        live = {entry.storage}
        held = peak = entry.storage.size
        for index, operation in enumerate(self._operations):
            for storage in (operation.output.storage, *operation.kept):
                if storage not in live:
                    live.add(storage)
                    held += storage.size
            peak = max(peak, held + operation.forward_extra)
            for storage in ends.get(index, ()):
                if storage in live and storage not in kept and storage not in (entry.storage, output.storage):
                    live.remove(storage)
                    held -= storage.size
        return peak

    def _backward_peak(self, entry: Value, output: Value, kept: int) -> int:
        """Replay the tape from its end, holding gradients of values as long as they are needed."""
        if not output.grad:
            return 0
        readers: dict[Storage, int] = {}
        for operation in self._operations:
            for storage in operation.kept:
                readers[storage] = readers.get(storage, 0) + 1
        first = Storage(output.size)
        gradients: dict[Value, Storage] = {output: first}
        shares = {first: 1}
        held = peak = kept + first.size

        def release(storage: Storage) -> int:
            shares[storage] -= 1
            return 0 if shares[storage] else storage.size

        for operation in reversed(self._operations):
            incoming = gradients.pop(operation.output, None)
            if incoming is None:
                continue
            held += operation.gradients
            for value in operation.inputs:
                if not value.grad:
                    continue
                passed_on = operation.alias and value.size == incoming.size
                new = incoming if passed_on else Storage(value.size)
                shares[new] = shares.get(new, 0) + 1
                held += 0 if passed_on else new.size
                peak = max(peak, held + operation.backward_extra)
                old = gradients.get(value)
                if old is None:
                    gradients[value] = new
                elif shares[old] == 1:  # autograd adds in place only to memory that nothing else reads
                    held -= release(new)
                else:
                    total = gradients[value] = Storage(value.size)
                    shares[total] = 1
                    held += total.size
                    peak = max(peak, held)
                    held -= release(old) + release(new)
            peak = max(peak, held + operation.backward_extra)
            held -= release(incoming)
            for storage in operation.kept:
                readers[storage] -= 1
                held -= 0 if readers[storage] else storage.size
        return peak
