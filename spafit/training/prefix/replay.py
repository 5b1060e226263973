"""Layers whose output never changes are replaced by what they once put out.

Below the lowest trained tensor a model is a constant function of its input, as long as nothing there has dropout. The
modules here record the hidden states that leave that prefix and hand them to the rest of the model, which runs as ever:
nothing here knows one family from another.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class _ReachedError(Exception):
    """Carries a layer's output out of the model's forward pass."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


def hidden_states(model: nn.Module, layer: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """Return what `layer` puts out (examples x tokens x width); nothing above it is computed."""

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        raise _ReachedError(output)

    handle = layer.register_forward_hook(leave)
    try:
        model(**inputs)
    except _ReachedError as reached:
        return first_of(reached.output)
    finally:
        handle.remove()
    raise RuntimeError("The layer was not part of the model's forward pass.")


def first_of(output: Any) -> Tensor:
    """Return the hidden states in what a layer returns: the tensor itself, or the first entry of a tuple."""
    return output[0] if isinstance(output, tuple) else output


class Replay:
    """Swaps the lowest `depth` layers of a model for stand-ins that put out given hidden states.

    Set `states` before each forward pass. `install` and `remove` can be called in turn, any number of times.
    """

    def __init__(self, model: nn.Module, layers_path: str, depth: int) -> None:
        layers = model.get_submodule(layers_path)
        if not isinstance(layers, nn.ModuleList) or not 1 <= depth <= len(layers):
            raise ValueError(f"{layers_path} has no {depth} layers to replace.")
        self.model = model
        self.layers = layers
        self.depth = depth
        self.states: Tensor | None = None
        self._originals: list[nn.Module] = []
        self._as_tuple: int | None = None  # entries in the tuple that layers return; None: they return a tensor

    def record(self, inputs: dict[str, Tensor]) -> Tensor:
        """Compute the states that leave the prefix; the model must be whole and in evaluation mode."""
        return hidden_states(self.model, self.layers[self.depth - 1], inputs)

    def learn_shape(self, inputs: dict[str, Tensor]) -> None:
        """Run one small batch to see whether this family's layers return tensors or tuples."""

        def look(module: nn.Module, args: Any, output: Any) -> None:
            self._as_tuple = len(output) if isinstance(output, tuple) else None

        handle = self.layers[self.depth - 1].register_forward_hook(look)
        try:
            with torch.no_grad():
                self.record(inputs)
        finally:
            handle.remove()

    def install(self) -> None:
        """Put the stand-ins in place."""
        if self._originals:
            return
        for index in range(self.depth):
            original = self.layers[index]
            self._originals.append(original)
            self.layers[index] = _StandIn(original, self if index == self.depth - 1 else None, self._as_tuple)

    def remove(self) -> None:
        """Put the layers back."""
        for index, original in enumerate(self._originals):
            self.layers[index] = original
        self._originals.clear()
        self.states = None

    @contextmanager
    def aside(self) -> Generator[None]:
        """Use the whole model for a while, for instance to record more states."""
        installed = bool(self._originals)
        self.remove()
        try:
            yield
        finally:
            if installed:
                self.install()


class _StandIn(nn.Module):
    """Returns the replayed states, or, below the last layer of the prefix, whatever it was given."""

    def __init__(self, original: nn.Module, replay: Replay | None, as_tuple: int | None) -> None:
        super().__init__()
        # Past nn.Module's registration, so that the original's parameters are not this module's.
        object.__setattr__(self, "_original", original)
        object.__setattr__(self, "_replay", replay)
        self._as_tuple = as_tuple

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self._original, name)  # Qwen's models, for instance, read their layers' attention type

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        states = args[0] if args else kwargs["hidden_states"]
        if self._replay is not None:
            states = self._replay.states
            assert states is not None
        return states if self._as_tuple is None else (states, *[None] * (self._as_tuple - 1))
