"""The frozen prefix of a run: whether its states are kept, and how the examples come to theirs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from spafit.tasks.tokens import Encoded
from spafit.training.batches import Feed, States
from spafit.training.device import available_memory, give_memory_back
from spafit.training.engine import Engine
from spafit.training.evaluation import Stopped
from spafit.training.prefix.choice import PrefixFacts, choose_prefix
from spafit.training.prefix.replay import Replay
from spafit.training.prefix.store import StateStore, states_key

MEMORY_SHARE = 4  # states may take 1 / MEMORY_SHARE of the memory that is free


class PrefixCache:
    """The states that leave the lowest `depth` layers of an engine's model, in which nothing trains.

    Where it is worth it, the engine replays them instead of computing the layers.

    Args:
        engine: computes the states, and is given the `Replay`.
        depth: layers with nothing trained at or below.
        weights: digest of the model's weights and configuration.
        needs: split -> its examples, and how many times the run passes over them.
        cache: folder of what is kept between runs.
    """

    def __init__(
        self, engine: Engine, depth: int, weights: str, needs: Mapping[str, tuple[Encoded, float]], cache: Path
    ) -> None:
        self.engine, self.depth, self.weights = engine, depth, weights
        self.store = StateStore(cache / "prefix")
        # Above layer L only the token that the head reads is kept.
        self.only_head_token = depth == engine.anatomy.num_layers and engine.one_token is not None
        tokens = {name: len(encoded.input_ids) for name, (encoded, _) in needs.items()}
        per_token = depth * engine.forward_seconds
        size = sum(4 * rows * width for rows, width in (self._shape(encoded) for encoded, _ in needs.values()))
        facts = PrefixFacts(
            depth=depth,
            size=size,
            compute_seconds=per_token * sum(tokens.values()),
            recompute_seconds=per_token * sum(tokens[name] * passes for name, (_, passes) in needs.items()),
            memory=available_memory() // MEMORY_SHARE,
            disk=self.store.room_for(size),
            stored=all(self.store.has(self._key(encoded)) for encoded, _ in needs.values()),
        )
        self.stored = facts.stored  # all states are on the disk
        self.choice = choose_prefix(engine.settings.prefix_cache, engine.settings.frozen_dropout, facts)
        if self.choice.use:
            engine.replay = Replay(engine.model, engine.anatomy.layers_path, depth)
            with engine.autocast():
                engine.replay.learn_shape(engine.begin(engine.probe()))

    def _key(self, encoded: Encoded) -> str:
        kept = "head token" if self.only_head_token else "all tokens"
        return states_key(self.weights, encoded, self.depth, f"{self.engine.arithmetic} {kept}")

    def _shape(self, encoded: Encoded) -> tuple[int, int]:
        """Rows and columns of a split's states: all tokens, or above layer L only the one that the head reads."""
        rows = len(encoded) if self.only_head_token else len(encoded.input_ids)
        return rows, self.engine.anatomy.hidden_size

    def fill(self, feed: Feed, should_stop: Callable[[], bool]) -> float | None:
        """Give a feed the states of its examples; raises `Stopped`.

        Returns:
            The seconds that computing them has taken; None where they were found.
        """
        replay = self.engine.replay
        if replay is None or feed.states is not None:
            return None
        encoded = feed.encoded
        if self.choice.on_disk:
            array, seconds = self._found_or_stored(replay, encoded, should_stop)
        else:
            array, seconds = self._record(replay, encoded, should_stop)
        packed, device = torch.from_numpy(array), self.engine.device
        if device.type == "cuda" and packed.nbytes < torch.cuda.mem_get_info(device)[0] // MEMORY_SHARE:
            packed = packed.to(device)
        feed.states = States(packed, None if self.only_head_token else encoded.offsets)
        replay.install()
        give_memory_back()
        return seconds

    def _found_or_stored(
        self, replay: Replay, encoded: Encoded, should_stop: Callable[[], bool]
    ) -> tuple[np.ndarray, float | None]:
        key, shape = self._key(encoded), self._shape(encoded)
        with self.store.computing(key, should_stop) as mine:
            if not mine:
                raise Stopped
            array = self.store.load(key, shape, self.choice.in_memory)
            if array is not None:
                return array, None
            array, seconds = self._record(replay, encoded, should_stop)
            self.store.save(key, array)
        mapped = None if self.choice.in_memory else self.store.load(key, shape, in_memory=False)
        return (array if mapped is None else mapped), seconds

    def _record(self, replay: Replay, encoded: Encoded, should_stop: Callable[[], bool]) -> tuple[np.ndarray, float]:
        """Compute the states of all examples, in `fixed_batches`; returns them and the seconds that took."""
        engine = self.engine
        start = time.perf_counter()
        packed = np.empty(self._shape(encoded), np.float32)
        feed = Feed(encoded, engine.device)
        mode = engine.model.training
        engine.model.eval()
        with replay.aside(), torch.inference_mode():
            for rows in feed.fixed_batches():
                if should_stop():
                    raise Stopped
                batch = feed.batch(rows)
                states = engine.prefix_states(batch).float().cpu().numpy()
                places = rows if self.only_head_token else batch.layout.in_split(rows, encoded.offsets)[: len(states)]
                packed[places] = states
        engine.model.train(mode)
        return packed, time.perf_counter() - start
