"""Memory and FLOPs of a training step against what PyTorch does, and what must hold whatever the setting."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spafit import adapt, costs
from spafit.costs import rows
from spafit.counting import count
from spafit.errors import SpafitError
from spafit.models import anatomy
from spafit.models.load import load_anatomy
from spafit.plan import prefix_depth
from spafit.stratification import MATRIX_ROLES, LoraSettings, Method, Stratification, preset
from tests.strategies import stratifications
from tests.tiny import FAMILIES, tiny_anatomy, tiny_batch, tiny_model

BATCH, LENGTH, LAYERS = 4, 12, 3
STEP = {"batch": 16, "length": 128}


def variety(num_layers: int) -> list[Stratification]:
    """Return settings that train very different things."""
    everywhere = LoraSettings(rank=4, targets=MATRIX_ROLES)
    mixed = Stratification(num_layers, 1, 2, ("full", "frozen", "lora"), lora=everywhere)  # ty: ignore
    return [preset("spafit", num_layers, 1, 2), *(preset(m, num_layers) for m in Method if m != "spafit"), mixed]


SETTINGS = [pytest.param(s, id=s.name.partition("+")[0]) for s in variety(LAYERS)]
MIXED = [SETTINGS[0], SETTINGS[1], SETTINGS[-1]]  # every recipe is in one of them, above and below every other kind


def stratified(family: str, stratification: Stratification):
    """Return a tiny model that trains as the stratification says."""
    return adapt.apply(tiny_model(family, LAYERS), tiny_anatomy(family, LAYERS), stratification).train()


@pytest.mark.parametrize("stratification", SETTINGS)
@pytest.mark.parametrize("family", FAMILIES)
def test_flops_are_those_that_pytorch_counts(family: str, stratification: Stratification) -> None:
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model = stratified(family, stratification)
    # The counter does not know the CPU's fused attention; the unfused one multiplies the same matrices.
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            loss = model(**tiny_batch(BATCH, LENGTH)).loss
        with FlopCounterMode(display=False) as backward:
            loss.backward()
    estimate = costs.flops(tiny_anatomy(family, LAYERS), stratification, batch=BATCH, length=LENGTH)
    assert (estimate.forward, estimate.backward) == (forward.get_total_flops(), backward.get_total_flops())


def kept_for_backward(model, half: bool) -> int:
    """Bytes that autograd keeps besides parameters and buffers, every block of memory once."""
    import torch

    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    kept = {}  # holds the storages, so that no address is used twice

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with (
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
        torch.autocast("cpu", torch.bfloat16, enabled=half),
    ):
        output = model(**tiny_batch(BATCH, LENGTH))
    assert output.loss.requires_grad
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("precision", costs.PRECISIONS)
@pytest.mark.parametrize("stratification", MIXED)
@pytest.mark.parametrize("family", FAMILIES)
def test_activations_are_what_autograd_keeps(family: str, stratification: Stratification, precision: str) -> None:
    """Within 2 %, or 2 kB: left out are tables of rotary positions, position numbers and what picks the last token."""
    step = rows.make_step(BATCH, LENGTH, precision, "cpu")
    totals = [row.totals for row in rows.row_costs(tiny_anatomy(family, LAYERS), stratification, step, False)]
    kept = kept_for_backward(stratified(family, stratification), precision == "bf16")
    assert sum(t.kept + t.copies for t in totals) == pytest.approx(kept, rel=0.02, abs=2048)


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the benchmark's own code, which measures real steps."""
    path = Path(__file__).parents[2] / "benchmarks" / "memory_estimate.py"
    spec = importlib.util.spec_from_file_location("memory_estimate", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "memory_estimate", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "checkpointing"), [("SPAFIT-1-1", False), ("Full", False), ("LoRA", True)])
def test_peak_is_near_the_measured_one(name: str, checkpointing: bool, measuring: ModuleType) -> None:
    setting = measuring.Setting("bert-tiny", name, 16, 64, checkpointing=checkpointing)
    assert abs(measuring.measure(setting, "cpu")["error_percent"]) < 10


@given(st.sampled_from(FAMILIES).flatmap(lambda f: st.tuples(st.just(f), stratifications(LAYERS))))
@settings(max_examples=60)
def test_bytes_of_weights_gradients_and_optimizer_are_exact(drawn: tuple[str, Stratification]) -> None:
    family, stratification = drawn
    model = tiny_anatomy(family, LAYERS)
    counts = count(model, stratification)
    memory = costs.training_memory(model, stratification, batch=2, length=8)
    assert memory.weights == 4 * counts.total
    assert memory.gradients == 4 * counts.trainable
    assert memory.optimizer == costs.optimizer_bytes(model, stratification) == 8 * counts.trainable
    assert costs.checkpoint_bytes(model, stratification) == 4 * counts.trainable
    assert memory.moments[-1].gradients == memory.gradients  # what the rows leave behind, one by one
    assert memory.total == max(moment.total for moment in memory.moments)
    for name, states in costs.OPTIMIZERS.items():
        assert costs.optimizer_bytes(model, stratification, name) == 4 * states * counts.trainable


@given(stratifications(LAYERS), st.sampled_from(FAMILIES), st.sampled_from(costs.PRECISIONS), st.booleans())
@settings(max_examples=60)
def test_more_text_never_costs_less(strat: Stratification, family: str, precision: str, checkpointing: bool) -> None:
    model = tiny_anatomy(family, LAYERS)
    for device in ("cpu", "cuda"):
        memory = [
            costs.training_memory(
                model,
                strat,
                batch=batch,
                length=length,
                precision=precision,
                checkpointing=checkpointing,
                device=device,
            )
            for batch, length in ((2, 8), (3, 8), (3, 9), (6, 18))
        ]
        assert [m.total for m in memory] == sorted(m.total for m in memory)
        assert [m.activations for m in memory] == sorted(m.activations for m in memory)
    work = [costs.flops(model, strat, batch=b, length=n).total for b, n in ((2, 8), (3, 8), (3, 9), (6, 18))]
    assert work == sorted(work)


@given(st.sampled_from(FAMILIES), st.data(), st.booleans())
@settings(max_examples=80)
def test_simpler_recipes_below_a_boundary_never_cost_more(family: str, data: st.DataObject, half: bool) -> None:
    """SPAFIT's recipes get simpler towards the bottom, so moving a boundary up saves, or at least costs nothing."""
    depth = 6
    model = tiny_anatomy(family, depth)
    n1, n2 = sorted(data.draw(st.tuples(*[st.integers(0, depth)] * 2)))
    here = preset("spafit", depth, n1, n2)
    ups = [here.with_boundaries(n1 + 1, n2)] if n1 < n2 else []
    ups += [here.with_boundaries(n1, n2 + 1)] if n2 < depth else []
    for up in ups:
        for checkpointing in (False, True):
            chosen = {"batch": 3, "length": 10, "checkpointing": checkpointing}
            precision = "bf16" if half else "fp32"
            before, after = (
                costs.training_memory(model, point, precision=precision, **chosen)  # ty: ignore[invalid-argument-type]
                for point in (here, up)
            )
            assert after.total <= before.total
            assert after.activations <= before.activations
            assert costs.flops(model, up, **chosen).total <= costs.flops(model, here, **chosen).total  # ty: ignore


@given(st.sampled_from(FAMILIES), stratifications(LAYERS))
@settings(max_examples=80)
def test_the_backward_pass_ends_at_the_lowest_trained_row(family: str, strat: Stratification) -> None:
    model = tiny_anatomy(family, LAYERS)
    lowest = costs.lowest_trained(model, strat)
    counts = count(model, strat)
    training = [number for number, row in enumerate(counts.rows) if row.trainable]
    assert lowest == (training[0] if training else None)
    assert prefix_depth(model, strat) == max((LAYERS + 1 if lowest is None else lowest) - 1, 0)
    work = costs.flops(model, strat, batch=2, length=8)
    reached = [lowest is not None and number >= lowest for number in range(LAYERS + 2)]
    assert not any(row.backward for row, is_reached in zip(work.rows, reached, strict=True) if not is_reached)
    # The lowest row itself may train biases alone, whose gradients are sums; above it the gradient passes products.
    assert all(row.backward for number, row in enumerate(work.rows) if lowest is not None and number > lowest)
    memory = costs.training_memory(model, strat, batch=2, length=8)
    shown = [moment.name for moment in memory.moments if moment.name.startswith("backward")]
    assert shown == [f"backward, {row.label}" for row in reversed(rows_of(model, strat)) if row.totals.output_grad]
    assert len(shown) == sum(reached)


def rows_of(model: anatomy.Anatomy, strat: Stratification) -> list[rows.RowCost]:
    return rows.row_costs(model, strat, rows.make_step(2, 8, "fp32", "cpu"), False)


def test_a_cached_prefix_is_not_computed() -> None:
    model = tiny_anatomy("bert", 6)
    strat = preset("spafit", 6, 2, 4)
    plain, cached = (costs.flops(model, strat, **STEP, prefix_cached=on) for on in (False, True))
    assert [row.forward for row in cached.rows[:3]] == [0, 0, 0]
    assert [row.forward for row in cached.rows[3:]] == [row.forward for row in plain.rows[3:]]
    assert cached.backward == plain.backward
    memory, less = (costs.training_memory(model, strat, **STEP, prefix_cached=on) for on in (False, True))
    assert (less.weights, less.activations) == (memory.weights, memory.activations)
    assert less.total <= memory.total
    full = preset("full", 6)
    assert costs.flops(model, full, **STEP, prefix_cached=True) == costs.flops(model, full, **STEP)


def test_checkpointing_trades_memory_for_a_second_forward_pass() -> None:
    model = load_anatomy("minilm-l6")
    strat = preset("lora", 6)
    plain, recomputed = (costs.training_memory(model, strat, **STEP, checkpointing=on) for on in (False, True))
    assert recomputed.total < plain.total
    work, again = (costs.flops(model, strat, **STEP, checkpointing=on) for on in (False, True))
    assert again.backward - work.backward == sum(row.forward for row in work.rows if row.row == "layer")
    assert again.forward == work.forward


@pytest.mark.parametrize(("batch", "length"), [(8, 128), (3, 64)])
def test_a_bert_layer_keeps_what_the_documentation_says(batch: int, length: int) -> None:
    model, rank = load_anatomy("bert-base-cased"), 8
    h, f, heads = model.hidden_size, model.intermediate_size, model.num_heads
    cpu, cuda = 7 * h + f + 3 * heads * length + 4, 6 * h + f + length + heads + 4
    extra = {"bitfit": 0, "lora": 2 * h + 4 * rank, "full": 3 * h + f}
    for method, more in extra.items():
        for device, values, mask in (("cpu", cpu, 0), ("cuda", cuda, 2 * h)):
            step = rows.make_step(batch, length, "fp32", device)
            layer = rows.row_costs(model, preset(method, 12), step, False)[5].totals
            saved = h if device == "cuda" and method != "bitfit" else 0  # the fused kernel keeps its output anyway
            assert layer.kept == batch * length * (4 * (values + more - saved) + mask)


def test_full_fine_tuning_is_six_flops_per_weight_and_token() -> None:
    """Kaplan et al. 2020: 2 N D forward, twice that backward, N without embeddings, attention and head aside."""
    model = load_anatomy("bert-base-cased")
    work = costs.flops(model, preset("full", 12), batch=1, length=128)
    weights = sum(t.size for tensors in model.layers for t in tensors if t.adaptable)
    attention = 12 * 2 * 2 * 128 * 128 * 768
    layers = [row for row in work.rows if row.row == "layer"]
    assert sum(row.forward for row in layers) == 2 * weights * 128 + attention
    assert sum(row.backward for row in layers) == 2 * sum(row.forward for row in layers)


def test_what_each_method_saves_and_remembers() -> None:
    model = load_anatomy("bert-large-cased")
    trained = {"bitfit": 274_434, "full": 333_581_314, "probe": 2 * 1024 + 2}
    for method, trainable in trained.items():
        point = preset(method, 24)
        assert costs.checkpoint_bytes(model, point) == 4 * trainable
        assert [costs.optimizer_bytes(model, point, name) for name in costs.OPTIMIZERS] == [
            values * 4 * trainable for values in costs.OPTIMIZERS.values()
        ]


@pytest.mark.parametrize("key", ["llama-3.1-405b", "deberta-v3-large", "modernbert-base", "gemma-2-27b"])
def test_large_models_are_estimated(key: str) -> None:
    model = load_anatomy(key)
    for device in ("cpu", "cuda"):
        memory = costs.training_memory(model, preset("spafit", model.num_layers), **STEP, device=device)
        assert memory.total > memory.weights + memory.activations
        assert sum(getattr(memory.peak, part) for part in ("weights", "gradients", "optimizer")) < memory.total


def test_cuda_keeps_less_than_the_cpu_where_there_is_dropout() -> None:
    model = load_anatomy("minilm-l6")
    cpu, cuda = (costs.training_memory(model, preset("lora", 6), **STEP, device=d) for d in ("cpu", "cuda"))
    assert cuda.activations < cpu.activations


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 0}, "batch size is 0"),
        ({"batch": True}, "batch size is True"),
        ({"length": 2.5}, "length is 2.5"),
        ({"length": 10**9}, "length is 1000000000"),
        ({"precision": "fp64"}, "one of fp32, bf16"),
        ({"optimizer": "lion"}, "one of adamw"),
        ({"device": "tpu"}, "one of cpu, cuda"),
    ],
)
def test_impossible_settings_are_refused_in_a_sentence(change: dict, words: str) -> None:
    with pytest.raises(SpafitError, match=words):
        costs.training_memory(tiny_anatomy("bert"), preset("full", 3), **STEP | change)


def test_another_depth_is_refused() -> None:
    for estimate in (costs.training_memory, costs.flops):
        with pytest.raises(SpafitError, match="for 6 layers"):
            estimate(tiny_anatomy("bert"), preset("full", 6), **STEP)
