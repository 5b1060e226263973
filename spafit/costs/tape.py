"""A tape of tensor operations with sizes instead of values: what autograd keeps, the most held, the FLOPs.

A layer is written down once as operations on a tape, the way its forward function calls them. Each operation follows
PyTorch's derivative formulas: an input is kept for the backward pass only where a gradient needs it, and a gradient is
computed only where something below it trains. `replay` then goes through the tape and back.
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
class Operation:
    """One operation: what it reads and makes, what its backward pass needs, and what gradients that leaves behind."""

    inputs: tuple[Value, ...]
    output: Value
    kept: tuple[Storage, ...]
    """Memory that lives until its backward pass."""
    alias: bool
    """Whether the backward pass hands the gradient on as it is (sums, views) instead of computing a new one."""
    extra: int
    """Bytes needed only while it runs."""
    gradients: int
    """Bytes of parameter gradients that its backward pass leaves behind."""


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
    operations: list[Operation] = field(default_factory=list)
    copies: set[Storage] = field(default_factory=set)
    """Which storages are half-precision copies of weights."""
    held: dict[Storage, int] = field(default_factory=dict)
    """Until which operation the forward code holds a storage in a variable."""

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
        extra: int = 0,
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
            extra: bytes needed only while it runs.
        """
        grad = parameters > 0 or any(value.grad for value in inputs)
        storage = inputs[0].storage if view else Storage(count * width)
        output = Value(count, width, grad, storage)
        kept = [item.storage if isinstance(item, Value) else item for item in keep]
        if keep_output:
            kept.append(storage)
        self.operations.append(
            Operation(
                inputs,
                output,
                tuple(dict.fromkeys(kept)) if grad else (),
                alias or view,
                extra,
                0 if again else parameters * FULL,
            )
        )
        return output

    def hold(self, *values: Value) -> None:
        """Note that the forward code still has these in variables here, so that they live until now."""
        self.held.update((value.storage, len(self.operations) - 1) for value in values)

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
        return self.operation(x, count=x.count, width=x.width, keep=(mask,), extra=0 if x.grad else mask.size)

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
        """Return x W^T + b, plus the LoRA adapter's x A^T B^T where the rank is not 0.

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
            self.copies.add(copy)
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
