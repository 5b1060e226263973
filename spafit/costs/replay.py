"""Going through a tape and back: how much memory is held when, and what the operations add up to."""

from __future__ import annotations

from dataclasses import dataclass

from spafit.costs.tape import Storage, Tape, Value


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


def replay(tape: Tape, entry: Value, output: Value) -> Totals:
    """Return what the tape adds up to, ``entry`` being its input and ``output`` what it hands on."""
    kept = {storage: None for operation in tape.operations for storage in operation.kept}
    held = sum(storage.size for storage in kept)
    copies = sum(storage.size for storage in kept if storage in tape.copies)
    return Totals(
        held - copies,
        copies,
        _forward_peak(tape, entry, output, kept),
        _backward_peak(tape, output, held),
        sum(operation.gradients for operation in tape.operations),
        tape.forward_flops,
        tape.backward_flops,
        output.grad,
        output.width,
        entry.size,
        entry.storage in kept,
    )


def _forward_peak(tape: Tape, entry: Value, output: Value, kept: dict[Storage, None]) -> int:
    """Values live until their last use; what is kept, the entry and the output live on."""
    last: dict[Storage, int] = {}
    for index, operation in enumerate(tape.operations):
        for value in (*operation.inputs, operation.output):
            last[value.storage] = max(index, tape.held.get(value.storage, 0))
    ends: dict[int, list[Storage]] = {}
    for storage, index in last.items():
        ends.setdefault(index, []).append(storage)
    live = {entry.storage}
    held = peak = entry.storage.size
    for index, operation in enumerate(tape.operations):
        for storage in (operation.output.storage, *operation.kept):
            if storage not in live:
                live.add(storage)
                held += storage.size
        peak = max(peak, held + operation.extra)
        for storage in ends.get(index, ()):
            if storage in live and storage not in kept and storage not in (entry.storage, output.storage):
                live.remove(storage)
                held -= storage.size
    return peak


def _backward_peak(tape: Tape, output: Value, kept: int) -> int:
    """Go through the tape from its end, holding gradients of values as long as they are needed."""
    if not output.grad:
        return 0
    readers: dict[Storage, int] = {}
    for operation in tape.operations:
        for storage in operation.kept:
            readers[storage] = readers.get(storage, 0) + 1
    first = Storage(output.size)
    gradients: dict[Value, Storage] = {output: first}
    shares = {first: 1}
    held = peak = kept + first.size

    def release(storage: Storage) -> int:
        shares[storage] -= 1
        return 0 if shares[storage] else storage.size

    for operation in reversed(tape.operations):
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
            peak = max(peak, held)
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
        peak = max(peak, held)
        held -= release(incoming)
        for storage in operation.kept:
            readers[storage] -= 1
            held -= 0 if readers[storage] else storage.size
    return peak
