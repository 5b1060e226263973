"""What belongs to one kind of device: GPUs where there is one, and the parts of their path that run anywhere."""

from dataclasses import replace

import pyarrow
import pytest
import torch

from spafit import adapt
from spafit.stratification import LoraSettings, Method, preset
from spafit.training.accelerated.bf16 import FrozenBf16Weights
from spafit.training.batches import FIXED_TOKENS
from spafit.training.config import SETTINGS
from spafit.training.device import available_memory, choose_device, give_memory_back
from spafit.training.engine import ASSUMED_RATE
from spafit.training.events import Started, Step
from spafit.training.failures import TrainingFailed
from tests.tiny import tiny_anatomy, tiny_batch, tiny_model
from tests.training.test_loop import SMALL, losses, of, run

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="No CUDA device here.")


def test_a_device_that_is_not_there_is_one_sentence():
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda", "mps")
    absent = next((name for name in ("cuda", "mps") if choose_device("auto").type != name), None)
    assert absent is not None
    with pytest.raises(TrainingFailed, match=f"no {absent} device"):
        choose_device(absent)


def test_every_kind_of_device_that_can_be_asked_for_is_described():
    kinds = {*SETTINGS["device"].choices} - {"auto"}
    assert kinds == ASSUMED_RATE.keys() == FIXED_TOKENS.keys()


def test_what_preparing_data_has_freed_goes_back(monkeypatch):
    released = []

    class Pool:
        def release_unused(self):
            released.append(True)

    monkeypatch.setattr(pyarrow, "default_memory_pool", Pool)
    give_memory_back()
    assert released


def test_memory_is_what_this_process_may_use():
    assert 10**6 < available_memory() < 10**14


def test_frozen_halves_change_nothing_under_autocast():
    model = tiny_model("bert").eval()
    adapt.apply(model, tiny_anatomy("bert"), preset(Method.SPAFIT, 3, 1, 2, LoraSettings(rank=2)))
    batch = tiny_batch()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = model(**batch).logits
        bf16_weights = FrozenBf16Weights(model)
        assert torch.equal(model(**batch).logits, expected)
    bf16_weights.remove()
    assert not any("forward" in module.__dict__ for module in model.modules())


@needs_cuda
def test_a_gpu_learns_the_same_as_the_cpu(tiny_bert):
    exact = replace(SMALL, precision="fp32", max_steps=4)
    cpu, gpu = run(tiny_bert, replace(exact, device="cpu")), run(tiny_bert, replace(exact, device="cuda"))
    assert of(gpu, Started)[0].device == "cuda"
    assert losses(gpu)[0] == pytest.approx(losses(cpu)[0], abs=0.05)  # dropout draws differ


@needs_cuda
@pytest.mark.parametrize("prefix_cache", ["on", "off"])
def test_a_gpu_trains_in_bf16_with_and_without_the_prefix(tiny_bert, prefix_cache):
    events = run(tiny_bert, replace(SMALL, device="cuda", prefix_cache=prefix_cache))
    assert of(events, Started)[0].precision == "bf16"
    assert of(events, Step)[-1].step == 16 and events[-1].metrics
