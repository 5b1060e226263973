import numpy as np
import pytest
import torch
from accelerate.data_loader import SeedableRandomSampler
from hypothesis import given
from hypothesis import strategies as st

from spafit.tasks.tokens import Encoded
from spafit.training.batches import KEPT_EPOCHS, Feed, Order, States, fixed_batches
from spafit.training.config import TrainSettings

LENGTHS = st.lists(st.integers(1, 128), min_size=1, max_size=300)


def encoded(lengths: list[int], max_length: int) -> Encoded:
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    ids = np.arange(1, offsets[-1] + 1, dtype=np.int32)
    return Encoded(ids, offsets, None, np.zeros(len(lengths), np.int64), 0, max_length, 0)


def computed(batches: list[np.ndarray]) -> int:
    """For orders whose work is not asked for."""
    raise AssertionError


def padded(lengths: np.ndarray):
    return lambda batches: sum(len(rows) * int(lengths[rows].max()) for rows in batches)


@given(LENGTHS, st.sampled_from([64, 512, 1023]))
def test_fixed_batches_take_every_example_once_within_their_bound(lengths, tokens):
    batches = fixed_batches(np.array(lengths), tokens)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(rows) == 1 or sum(lengths[i] for i in rows) <= tokens for rows in batches)


@given(LENGTHS, st.integers(1, 40), st.integers(1, 4), st.booleans())
def test_an_epoch_takes_every_example_once_and_the_next_one_in_another_order(lengths, size, parts, grouped):
    settings = TrainSettings(batch_size=size, accumulation=parts, seed=3, group_by_length=grouped)
    order, again = Order(np.array(lengths), settings, computed), Order(np.array(lengths), settings, computed)
    epochs = [np.concatenate(order.epoch(number)).tolist() for number in (0, 1)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(len(lengths)))
    assert epochs == [np.concatenate(again.epoch(number)).tolist() for number in (0, 1)]
    assert epochs[0] != epochs[1] or len(lengths) < 30  # a short list may come twice in one order
    rows = [np.concatenate(order.parts(step)).tolist() for step in range(2 * order.steps_per_epoch)]
    assert rows == [step.tolist() for number in (0, 1) for step in order.epoch(number)]
    assert max(len(part) for part in order.parts(0)) <= size


def test_the_order_is_the_one_that_trainer_draws():
    sampler = SeedableRandomSampler(range(50), data_seed=7, generator=torch.Generator())
    order = Order(np.ones(50, np.int64), TrainSettings(seed=7), computed)
    for epoch in (0, 1):
        assert np.concatenate(order.epoch(epoch)).tolist() == list(sampler)


def test_texts_of_similar_length_go_together_when_asked_for():
    lengths = np.random.default_rng(0).integers(5, 60, 2000)

    def spread(grouped: bool) -> float:
        order = Order(lengths, TrainSettings(group_by_length=grouped), computed)
        return float(np.mean([np.ptp(lengths[order.parts(step)[0]]) for step in range(order.steps_per_epoch)]))

    assert spread(True) < spread(False) / 5


def test_a_batch_and_its_states():
    examples = encoded([17, 3, 25, 11], 64)
    feed = Feed(examples, torch.device("cpu"))
    feed.states = States(torch.arange(56 * 2.0).view(56, 2), examples.offsets)
    batch = feed.batch(np.array([1, 2]))
    assert batch.inputs["input_ids"].shape == batch.inputs["attention_mask"].shape == (2, 25)
    assert batch.inputs["attention_mask"].sum(1).tolist() == [3, 25]
    assert batch.states is not None and batch.states.shape == (batch.layout.tokens, 2)
    assert batch.states[:28, 0].tolist() == [2.0 * i for i in [*range(20, 45), *range(17, 20)]]  # the longer one first
    feed.states = States(torch.arange(4 * 2.0).view(4, 2), None)
    assert feed.batch(np.array([2, 0])).states.tolist() == [[4.0, 5.0], [0.0, 1.0]]


def test_the_last_token_is_the_one_that_a_decoders_head_reads():
    feed = Feed(encoded([2, 3, 1], 8), torch.device("cpu"))
    feed.encoded.input_ids[:] = [5, 6, 7, 8, 0, 0]  # a tokenizer may end a text with the padding's number
    batch = feed.batch(np.array([0, 1, 2]))
    assert batch.tokens_at("last").tolist() == [1, 1, 0]
    assert batch.tokens_at("first").tolist() == [0, 0, 0]


def test_a_run_of_a_billion_steps_costs_no_more_to_plan_than_its_first_ones():
    order = Order(np.array([3, 5, 7, 9]), TrainSettings(batch_size=2), padded(np.array([3, 5, 7, 9])))
    total = order.total_positions(10**9)
    assert total == pytest.approx(order.total_positions(10_000) * 10**5, rel=0.05)
    assert 0 <= order.padding(10**9) < 1
    assert sum(map(len, order._epochs.values())) <= KEPT_EPOCHS * order.steps_per_epoch
    order.parts(10**9)
    assert len(order._epochs) <= KEPT_EPOCHS


def test_what_a_short_run_computes_is_counted_step_by_step():
    order = Order(np.arange(1, 40), TrainSettings(batch_size=4, accumulation=2), padded(np.arange(1, 40)))
    assert order.total_positions(17) == sum(order.positions(step) for step in range(17))
