"""What several runs of one process share: tokenised data, and models as they were loaded.

A run that finds something here computes exactly what it would have computed alone: data is the same arrays, a model is
a copy of the one that was loaded, and the random numbers go on from where loading had left them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any, Generic, TypeVar

import torch

from spafit.training.device import available_memory
from spafit.training.loading import Loaded

MEMORY_SHARE = 8  # a model is kept when it takes at most 1 / MEMORY_SHARE of the memory that is free

Kind = TypeVar("Kind")


class _Latest(Generic[Kind]):
    """Remembers the latest thing and what it was made from."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._kept: Kind | None = None

    def get(self, key: Hashable) -> Kind | None:
        """Return what was kept, if it was made from the same."""
        return self._kept if self._key == key else None

    def keep(self, key: Hashable, made: Kind | None) -> None:
        """Keep this instead of what was kept before."""
        self._key, self._kept = key, made


class Kept:
    """Of data and of models each the latest: the runs of a sweep come seed by seed."""

    def __init__(self) -> None:
        self._splits: _Latest[Any] = _Latest()
        self._model: _Latest[tuple[Loaded, torch.Tensor]] = _Latest()

    def splits(self, key: Hashable, make: Callable[[], Kind]) -> Kind:
        """Return what was made from `key` before, or make it."""
        found = self._splits.get(key)
        if found is None:
            found = make()
            self._splits.keep(key, found)
        return found

    def model(self, key: Hashable, load: Callable[[], Loaded]) -> Loaded:
        """Return a model that the caller may change: a copy of the one loaded for `key` before, or a loaded one."""
        kept = self._model.get(key)
        if kept is not None:
            loaded, random = kept
            torch.set_rng_state(random)
            return _copied(loaded)
        self._model.keep(None, None)  # before another one is loaded beside it
        loaded = load()
        size = sum(p.numel() * p.element_size() for p in loaded.model.parameters())
        if size * MEMORY_SHARE <= available_memory():
            self._model.keep(key, (_copied(loaded), torch.get_rng_state()))
        return loaded


def _copied(loaded: Loaded) -> Loaded:
    return replace(loaded, model=copy.deepcopy(loaded.model))
