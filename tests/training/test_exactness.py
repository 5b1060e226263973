"""What makes training fast changes nothing: on a tiny model of every family, against the model as it is."""

import pytest
import torch

from spafit import adapt
from spafit.plan import prefix_depth
from spafit.stratification import LoraSettings, Method, preset
from spafit.training.accelerated.fast_path import FastPath, find_one_token
from spafit.training.accelerated.kernels import ONEDNN
from spafit.training.prefix.replay import Replay
from tests.tiny import DECODERS, FAMILIES, tiny_anatomy, tiny_batch, tiny_model


def stratified(family: str, method: Method = Method.SPAFIT, **changes):
    """Return a tiny model with adapters that do something: LoRA's B starts at zero, which would hide mistakes in A."""
    model, anatomy = tiny_model(family, **changes), tiny_anatomy(family)
    boundaries = {"n1": 1, "n2": 2} if method is Method.SPAFIT else {}
    strat = preset(method, 3, **boundaries, lora=LoraSettings(rank=2))
    torch.manual_seed(1)
    adapt.apply(model, anatomy, strat)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    return model.eval(), anatomy, strat


def loss_and_gradients(model, batch):
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    logits = model(**inputs).logits
    loss = torch.nn.functional.cross_entropy(logits, batch["labels"])
    model.zero_grad()
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return logits.detach(), gradients


@pytest.mark.parametrize("family", FAMILIES)
def test_replaying_the_prefix_is_exact(family):
    model, anatomy, strat = stratified(family)
    batch = tiny_batch()
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    logits, gradients = loss_and_gradients(model, batch)
    depth = prefix_depth(anatomy, strat)
    replay = Replay(model, anatomy.layers_path, depth)
    replay.learn_shape(inputs)
    with torch.inference_mode():
        states = replay.record(inputs)
    originals = list(model.get_submodule(anatomy.layers_path))
    replay.install()
    replay.states = states.clone()
    again, more = loss_and_gradients(model, batch)
    assert torch.equal(again, logits)
    assert more.keys() == gradients.keys()
    assert all(torch.equal(more[name], gradients[name]) for name in gradients)
    replay.states = states.flip(0)  # the states are what is used, not a second computation
    assert not torch.allclose(loss_and_gradients(model, batch)[0], logits)
    replay.remove()
    assert list(model.get_submodule(anatomy.layers_path)) == originals
    assert torch.equal(loss_and_gradients(model, batch)[0], logits)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_token_that_a_head_reads_is_found(family):
    model, anatomy, _ = stratified(family)
    inputs = {name: value[[0, 3]] for name, value in tiny_batch().items() if name != "labels"}
    found = find_one_token(model, anatomy, inputs)
    assert found is not None and found.place == ("last" if family in DECODERS else "first")


@pytest.mark.parametrize("method", [Method.SPAFIT, Method.FULL])
@pytest.mark.parametrize("family", ["mpnet", "deberta-v2"])
def test_the_fast_path_on_padded_texts_gives_the_same_outputs_and_gradients(family, method):
    """For families whose layers need padding; test_flat has the others."""
    model, anatomy, _ = stratified(family, method)
    batch = tiny_batch()
    inputs = {name: value[[0, 3]] for name, value in batch.items() if name != "labels"}
    logits, gradients = loss_and_gradients(model, batch)
    fast = FastPath(model, ONEDNN, find_one_token(model, anatomy, inputs)).install()
    texts, width = batch["input_ids"].shape
    fast.focus(torch.arange(texts) * width, (texts, width))
    again, more = loss_and_gradients(model, batch)
    torch.testing.assert_close(again, logits, rtol=1e-5, atol=1e-5)
    assert more.keys() == gradients.keys()
    for name in gradients:
        torch.testing.assert_close(more[name], gradients[name], rtol=1e-4, atol=1e-5, msg=name)
    fast.remove()
    assert torch.equal(loss_and_gradients(model, batch)[0], logits)


def test_a_head_that_reads_every_token_is_noticed():
    model, anatomy, _ = stratified("modernbert", classifier_pooling="mean")
    inputs = {name: value[[0, 3]] for name, value in tiny_batch().items() if name != "labels"}
    assert find_one_token(model, anatomy, inputs) is None
