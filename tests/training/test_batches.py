import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spafit.tasks.tokens import Encoded
from spafit.training.batches import KEPT_EPOCHS, Feed, Order, States, batch_width
from spafit.training.evaluation import fixed_batches

LENGTHS = st.lists(st.integers(1, 128), min_size=1, max_size=300)


def encoded(lengths: list[int], max_length: int) -> Encoded:
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    ids = np.arange(1, offsets[-1] + 1, dtype=np.int32)
    return Encoded(ids, offsets, None, np.zeros(len(lengths), np.int64), 0, max_length, 0)


@given(LENGTHS, st.sampled_from([64, 512, 1024]))
def test_fixed_batches_take_every_example_once_within_their_bound(lengths, tokens):
    batches = fixed_batches(np.array(lengths), 128, tokens)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * batch_width(max(lengths[i] for i in rows), 128) <= tokens


def test_products_of_an_evaluation_have_few_shapes():
    lengths = np.random.default_rng(0).integers(9, 129, 3000)
    batches = fixed_batches(lengths, 128, 1024)
    shapes = {len(rows) * batch_width(int(lengths[rows].max()), 128) for rows in batches[:-1]}
    assert len(shapes) == 8  # 576, 640, ..., 1024


def test_a_batch_its_states_and_what_is_counted_have_one_width():
    examples = encoded([17, 3, 25, 11], 64)
    feed = Feed(examples, torch.device("cpu"))
    feed.states = States(torch.arange(56 * 2.0).view(56, 2), examples.offsets)
    batch = feed.batch(np.array([1, 2]))
    assert batch.inputs["input_ids"].shape == batch.inputs["attention_mask"].shape == (2, 26)
    assert batch.states is not None and batch.states.shape == (2, 26, 2)
    assert batch.inputs["attention_mask"].sum(1).tolist() == [3, 25] == batch.lengths.tolist()
    order = Order(examples.lengths, 64, 4, 1, 0)
    assert order.positions(0) == 4 * 26
    assert order.padding(1) == 1 - 56 / (4 * 26)


def test_no_batch_is_wider_than_texts_may_be():
    feed = Feed(encoded([25, 19], 25), torch.device("cpu"))
    assert feed.batch(np.array([0, 1])).inputs["input_ids"].shape == (2, 25)


def test_the_last_token_is_the_one_that_a_decoders_head_reads():
    feed = Feed(encoded([2, 3, 1], 8), torch.device("cpu"))
    feed.encoded.input_ids[:] = [5, 6, 7, 8, 0, 0]  # a tokenizer may end a text with the padding's number
    batch = feed.batch(np.array([0, 1, 2]))
    assert batch.tokens_at("last").tolist() == [1, 1, 0]
    assert batch.tokens_at("first").tolist() == [0, 0, 0]


def test_a_run_of_a_billion_steps_costs_no_more_to_plan_than_its_first_ones():
    order = Order(np.array([3, 5, 7, 9]), 16, 2, 1, 0)
    total = order.total_positions(10**9)
    assert total == pytest.approx(order.total_positions(10_000) * 10**5, rel=0.05)
    assert 0 <= order.padding(10**9) < 1
    assert sum(map(len, order._epochs.values())) <= KEPT_EPOCHS * order.steps_per_epoch
    order.rows(10**9)
    assert len(order._epochs) <= KEPT_EPOCHS


def test_what_a_short_run_computes_is_counted_step_by_step():
    order = Order(np.arange(1, 40), 16, 4, 2, 1)
    assert order.total_positions(17) == sum(order.positions(step) for step in range(17))
