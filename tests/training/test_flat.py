"""Texts laid out flat give what padded ones give: on a tiny model of every family whose layers can take it, in fp32."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spafit import plan
from spafit.stratification import Method
from spafit.tasks.tokens import Encoded
from spafit.training.accelerated.attention import CpuAttention, attention_elsewhere
from spafit.training.accelerated.fast_path import FastPath, find_one_token
from spafit.training.accelerated.flat import FlatLayers, flat_layers_agree
from spafit.training.accelerated.kernels import ONEDNN
from spafit.training.accelerated.layout import SLACK, Layout
from spafit.training.batches import Batch, Feed
from spafit.training.prefix.replay import Replay
from tests.tiny import FAMILIES, VOCABULARY
from tests.training.test_exactness import loss_and_gradients, stratified

PADDED = {"mpnet", "deberta-v2"}  # attention of their own
FLAT = [family for family in FAMILIES if family not in PADDED]
LENGTHS = np.array([5, 31, 1, 12, 31, 30, 7, 22])


def batch_of(lengths: np.ndarray = LENGTHS) -> Batch:
    ids = np.random.default_rng(0).integers(4, VOCABULARY, lengths.sum()).astype(np.int32)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    return Feed(Encoded(ids, offsets, None, np.arange(len(lengths)) % 2, 0, 60, 0), torch.device("cpu")).batch(
        np.arange(len(lengths))
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_which_families_can_take_it(family):
    model, anatomy, _ = stratified(family)
    batch = batch_of(np.array([8, 4]))
    implementation = model.config._attn_implementation
    assert flat_layers_agree(model, anatomy.layers_path, batch.inputs, batch.layout) is (family not in PADDED)
    assert model.config._attn_implementation == implementation


@pytest.mark.parametrize("one_token", [False, True])
@pytest.mark.parametrize("method", [Method.SPAFIT, Method.FULL])
@pytest.mark.parametrize("family", FLAT)
def test_outputs_and_gradients_are_those_of_the_plain_model(family, method, one_token):
    model, anatomy, strat = stratified(family, method)
    batch = batch_of()
    inputs = {**batch.inputs, "labels": batch.labels}
    logits, gradients = loss_and_gradients(model, inputs)
    found = find_one_token(model, anatomy, batch.inputs) if one_token else None
    flat = FlatLayers(model, anatomy.layers_path).install()
    fast = FastPath(model, ONEDNN, found).install()
    single = None if found is None else batch.tokens_at(found.place)
    flat.begin(batch.layout, single)
    if single is not None:
        fast.focus(batch.layout.rows_of(single), (1, batch.layout.tokens))
    results = [loss_and_gradients(model, inputs)]
    if depth := plan.prefix_depth(anatomy, strat):
        replay = Replay(model, anatomy.layers_path, depth)
        replay.learn_shape(batch.inputs)
        with torch.no_grad():
            states = replay.record(batch.inputs)
        assert states.shape[1] == batch.layout.tokens
        replay.install()
        replay.states = states.clone()
        results.append(loss_and_gradients(model, inputs))
        replay.remove()
    fast.remove()
    flat.remove()
    for again, more in results:
        torch.testing.assert_close(again, logits, rtol=1e-5, atol=1e-5)
        assert more.keys() == gradients.keys()
        for name in gradients:
            torch.testing.assert_close(more[name], gradients[name], rtol=1e-4, atol=1e-5, msg=name)
    assert torch.equal(loss_and_gradients(model, inputs)[0], logits)  # nothing is left behind


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_dropout_under_gradient_checkpointing_is_the_same_twice(family):
    """A recomputed layer must drop the same values as at first, or its gradients would belong to another layer."""
    results = []
    batch = batch_of()
    for checkpointing in (False, True):
        model, anatomy, _ = stratified(family)
        if checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        flat = FlatLayers(model, anatomy.layers_path).install()
        fast = FastPath(model, ONEDNN).install()
        flat.begin(batch.layout)
        model.train()
        torch.manual_seed(5)
        results.append(loss_and_gradients(model, {**batch.inputs, "labels": batch.labels}))
        fast.remove()
        flat.remove()
    (logits, gradients), (again, more) = results
    assert torch.equal(again, logits)
    assert all(torch.allclose(more[name], gradients[name], atol=1e-6) for name in gradients)


def on_cpu(q, k, v, *rest):
    return CpuAttention.apply(q, k, v, None, *rest)


@pytest.mark.parametrize("cap", [None, 2.0])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("compute", [on_cpu, attention_elsewhere])
def test_attention_is_the_softmax_by_hand_within_each_text_and_drops_what_it_should(compute, dropout, cap):
    """Values that name their own token make the weights that were used the output, dropped ones included."""
    batch, heads = batch_of(), 4
    layout = batch.layout
    torch.manual_seed(0)
    q, k = (torch.randn(1, n, layout.tokens, 8, requires_grad=True) for n in (heads, 2))
    place = torch.nn.functional.one_hot(layout.positions, int(LENGTHS.max())).float()
    v = place.expand(1, 2, -1, -1)
    masks = layout.masks(torch.zeros(()).masked_fill(batch.inputs["attention_mask"] == 0, -1e9)[:, None, None], None)
    c = torch.randn(layout.tokens, heads, v.shape[3])
    c[layout.filled :] = 0  # no gradient reaches dummies

    def weights(share: float) -> torch.Tensor:
        return compute(q, k, v, layout, masks, share, 0.3, cap).view(c.shape)

    used, expected = weights(dropout), torch.zeros_like(c)
    for start, length in zip(layout.starts, LENGTHS, strict=True):
        inside = slice(start, start + length)
        scores = q[0, :, inside] @ k[0, :, inside].repeat_interleave(2, 0).mT * 0.3
        scores = scores if cap is None else torch.tanh(scores / cap) * cap
        expected[inside, :, :length] = torch.softmax(scores, -1).transpose(0, 1)
    kept = (used != 0).float() / (1 - dropout) if dropout else 1.0
    torch.testing.assert_close(used, expected * kept, rtol=1e-4, atol=1e-6)
    if dropout:
        assert (used[expected > 0] == 0).float().mean() == pytest.approx(dropout, abs=0.05)
    mine, theirs = (torch.autograd.grad((x * c).sum(), (q, k)) for x in (used, expected * kept))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@given(st.lists(st.integers(1, 70), min_size=1, max_size=40), st.integers(1, 4))
def test_a_layout_goes_both_ways(lengths, heads):
    layout = Layout(np.array(lengths), torch.device("cpu"))
    assert layout.filled == sum(lengths) < layout.tokens <= sum(lengths) * 17 / 16 + 8
    into, back = layout.into_flat, layout.into_padded
    assert torch.equal(back[into[: layout.filled]], torch.arange(layout.filled))
    assert int((back == layout.tokens - 1).sum()) == len(lengths) * layout.width - layout.filled
    index = layout.heads(heads)
    assert torch.equal(index.into[index.back], torch.arange(layout.filled * heads))
    assert sorted(np.concatenate([group.texts for group in layout.groups]).tolist()) == list(range(len(lengths)))
    for group in layout.groups:
        assert group.width == group.lengths.max() and group.lengths.min() >= group.width - group.width // SLACK
        assert group.lengths.tolist() == [lengths[i] for i in group.texts]
