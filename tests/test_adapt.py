"""What `adapt` does to real models is what `counting` says, tensor by tensor, and training moves exactly that."""

import copy
import functools

import peft
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForSequenceClassification

from spafit import adapt
from spafit.counting import count, tensor_table
from spafit.errors import SpafitError
from spafit.export import adapter
from spafit.models.build import build_anatomy
from spafit.plan import decide, prefix_depth
from spafit.stratification import HeadRecipe, LoraSettings, Method, Recipe, Role, Stratification, preset
from tests.strategies import stratifications
from tests.tiny import FAMILIES, tiny_anatomy, tiny_batch, tiny_config, tiny_model

LAYERS = 3


@functools.cache
def pristine(family: str) -> torch.nn.Module:
    return tiny_model(family)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=12)
@given(stratification=stratifications(LAYERS, max_rank=8))
def test_counting_equals_the_model_tensor_by_tensor(family: str, stratification: Stratification) -> None:
    anatomy = tiny_anatomy(family)
    model = adapt.apply(copy.deepcopy(pristine(family)), anatomy, stratification)
    expected = {}
    for line in tensor_table(anatomy, stratification).itertuples():
        expected[line.name] = line.size if line.trained else 0
        expected |= {f"{line.name} lora": line.lora} if line.lora else {}
    found = {}
    for name, parameter in model.named_parameters():
        module, pair, _ = adapt.parameter_name(name).partition(".lora_")
        key = f"{module}.weight lora" if pair else module
        found[key] = found.get(key, 0) + (parameter.numel() if parameter.requires_grad else 0)
    assert found == expected
    counts = count(anatomy, stratification)
    assert peft.PeftModel.get_nb_trainable_parameters(model) == (counts.trainable, counts.total)


def two_steps(model: torch.nn.Module) -> None:
    """Take two optimizer steps on one batch; the second is there because LoRA's A has no gradient while B is zero."""
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01, weight_decay=0.0)
    batch = tiny_batch()
    for _ in range(2):
        optimizer.zero_grad()
        model(**batch).loss.backward()
        optimizer.step()


RICH = Stratification(
    LAYERS,
    1,
    2,
    (Recipe.BIAS, Recipe.LORA_BIAS, Recipe.FULL),
    lora=LoraSettings(
        rank=2, targets=(Role.QUERY, Role.KEY, Role.VALUE, Role.ATTENTION_OUTPUT, Role.FFN_IN, Role.FFN_OUT)
    ),
)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stratification", [preset("spafit", LAYERS, 1, 2), RICH], ids=["spafit", "rich"])
def test_training_moves_what_trains_and_nothing_else(family: str, stratification: Stratification) -> None:
    anatomy = tiny_anatomy(family)
    model = adapt.apply(copy.deepcopy(pristine(family)), anatomy, stratification).eval()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    two_steps(model)
    for name, parameter in model.named_parameters():
        tensor = anatomy.by_name.get(adapt.parameter_name(name))
        same = torch.equal(parameter, before[name])
        if tensor is not None and tensor.inert == tensor.size:
            continue  # its gradient is zero up to rounding
        assert same != parameter.requires_grad, name


KEY_BIASES = [(family, {}) for family in FAMILIES] + [
    ("deberta-v2", {"pos_att_type": ["c2p"]}),
    ("deberta-v2", {"share_att_key": False}),
    ("deberta-v2", {"share_att_key": False, "pos_att_type": ["c2p"]}),
    ("deberta-v2", {"relative_attention": False, "position_biased_input": True}),
    ("llama", {"attention_bias": True}),
    ("gemma3_text", {"attention_bias": True}),
    ("gpt_neox", {"rotary_pct": 1.0}),
    ("gpt_neox", {"rotary_pct": 0.25, "hidden_size": 32}),
    ("modernbert", {"attention_bias": True}),
]


@pytest.mark.parametrize(("family", "changes"), KEY_BIASES, ids=str)
def test_inert_values_have_no_gradient_and_others_have(family: str, changes: dict) -> None:
    anatomy = build_anatomy(tiny_config(family) | changes)
    model = tiny_model(family, **changes).double().eval()
    for parameter in model.parameters():  # biases start at zero, where more than the inert ones can have no gradient
        torch.nn.init.normal_(parameter, std=0.3)
    model(**tiny_batch()).loss.backward()
    for name, parameter in model.named_parameters():
        tensor = anatomy.by_name[name]
        if tensor.layer is None or tensor.kind != "bias":
            continue
        if not {Role.QUERY, Role.KEY, Role.VALUE}.intersection(tensor.roles):
            continue  # ReLU leaves some feed-forward biases without a gradient too
        assert parameter.grad is not None
        still = int((parameter.grad.abs() < 1e-12 * parameter.grad.abs().max().clamp(min=1e-3)).sum())
        assert still == tensor.inert, (name, still)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", list(Method))
def test_presets_train_what_they_are_named_after(family: str, method: Method) -> None:
    model = adapt.apply(copy.deepcopy(pristine(family)), tiny_anatomy(family), preset(method, LAYERS))
    fresh = {t.name for t in tiny_anatomy(family).tensors if t.fresh}
    trained = {adapt.parameter_name(n) for n, p in model.named_parameters() if p.requires_grad}
    assert fresh <= trained
    trained -= fresh
    everything = {adapt.parameter_name(n) for n, _ in model.named_parameters()} - fresh
    expected = {
        Method.FULL: everything,
        Method.BITFIT: {name for name in everything if name.endswith(".bias")},
        Method.LORA: {name for name in everything if ".lora_" in name},
        Method.PROBE: set(),
    }
    if method in expected:
        assert trained == expected[method]
    assert (".lora_" in " ".join(everything)) == (method in (Method.LORA, Method.SPAFIT))


def test_adapters_start_as_the_base_model() -> None:
    base = copy.deepcopy(pristine("bert")).eval()
    batch = tiny_batch()
    before = base(**batch).logits
    model = adapt.apply(base, tiny_anatomy("bert"), preset("lora", LAYERS))
    assert torch.equal(model.eval()(**batch).logits, before)


def trained_pair(family: str, stratification: Stratification) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    model = adapt.apply(copy.deepcopy(pristine(family)), tiny_anatomy(family), stratification).eval()
    two_steps(model)
    return model, adapt.trainable_state(model)


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_trained_parameters_go_into_a_fresh_model(family: str) -> None:
    stratification = preset("spafit", LAYERS, 1, 2)
    model, state = trained_pair(family, stratification)
    assert sum(value.numel() for value in state.values()) == count(tiny_anatomy(family), stratification).trainable
    other = adapt.apply(copy.deepcopy(pristine(family)), tiny_anatomy(family), stratification).eval()
    adapt.load_trainable_state(other, state)
    batch = tiny_batch(seed=1)
    assert torch.equal(other(**batch).logits, model(**batch).logits)


def test_a_state_of_another_stratification_is_refused_and_copies_nothing() -> None:
    _, state = trained_pair("bert", preset("spafit", LAYERS, 1, 2))
    for other in (preset("spafit", LAYERS, 2, 2), preset("spafit", LAYERS, 1, 2, LoraSettings(rank=4))):
        model = adapt.apply(copy.deepcopy(pristine("bert")), tiny_anatomy("bert"), other)
        before = {name: value.clone() for name, value in adapt.trainable_state(model).items()}
        with pytest.raises(SpafitError, match="stored parameter"):
            adapt.load_trainable_state(model, state)
        assert all(torch.equal(value, before[name]) for name, value in adapt.trainable_state(model).items())


@pytest.mark.parametrize("family", FAMILIES)
def test_merging_keeps_the_outputs_and_leaves_a_plain_model(family: str) -> None:
    model, _ = trained_pair(family, preset("spafit", LAYERS, 1, 2))
    batch = tiny_batch(seed=1)
    before = model(**batch).logits
    merged = adapter.merge(model)
    assert {name: tuple(p.shape) for name, p in merged.named_parameters()} == {
        t.name: t.shape for t in tiny_anatomy(family).tensors
    }
    torch.testing.assert_close(merged(**batch).logits, before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize("stratification", [RICH, preset("full", LAYERS)], ids=lambda s: s.name)
def test_a_merged_model_is_saved_as_a_plain_one(family: str, stratification: Stratification, tmp_path) -> None:
    model, _ = trained_pair(family, stratification)
    batch = tiny_batch(seed=1)
    before = model(**batch).logits
    adapter.merge(model).save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(loaded(**batch).logits, before, rtol=1e-4, atol=1e-5)


ADAPTABLE = [
    preset("spafit", LAYERS, 1, 2),
    preset("spafit", LAYERS, LAYERS, LAYERS),  # no layer has LoRA
    preset("bitfit", LAYERS),
    preset("lora", LAYERS, lora=LoraSettings(rank=4, alpha=12.0, targets=(Role.QUERY, Role.FFN_OUT))),
    Stratification(LAYERS, 1, 1, head=HeadRecipe(Recipe.FULL, Recipe.BIAS)),
]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("stratification", ADAPTABLE, ids=lambda s: s.name)
def test_peft_reads_the_exported_adapter(family: str, stratification: Stratification, tmp_path) -> None:
    model, state = trained_pair(family, stratification)
    base = copy.deepcopy(pristine(family))
    adapter.save_peft_adapter(base, tiny_anatomy(family), stratification, state, tmp_path, "somewhere/base")
    other = copy.deepcopy(pristine(family))
    with torch.no_grad():  # an adapter that leaves out the head would pass with the same fresh head
        for tensor in tiny_anatomy(family).head:
            if tensor.fresh:
                other.get_parameter(tensor.name).zero_()
    loaded = peft.PeftModel.from_pretrained(other, str(tmp_path)).eval()
    batch = tiny_batch(seed=1)
    assert torch.equal(loaded(**batch).logits, model(**batch).logits)
    assert peft.PeftConfig.from_pretrained(str(tmp_path)).base_model_name_or_path == "somewhere/base"


def test_whole_weights_are_not_exported_as_an_adapter(tmp_path) -> None:
    _, state = trained_pair("bert", RICH)
    with pytest.raises(SpafitError, match="merged"):
        adapter.save_peft_adapter(copy.deepcopy(pristine("bert")), tiny_anatomy("bert"), RICH, state, tmp_path, "base")
    assert not list(tmp_path.iterdir())


def test_another_model_or_one_with_adapters_is_refused() -> None:
    stratification = preset("spafit", LAYERS)
    model = copy.deepcopy(pristine("bert"))
    with pytest.raises(SpafitError, match="differs from the anatomy"):
        adapt.apply(model, tiny_anatomy("roberta"), stratification)
    with pytest.raises(SpafitError, match="classifier"):
        adapt.apply(model, tiny_anatomy("bert", num_labels=3), stratification)
    adapt.apply(model, tiny_anatomy("bert"), stratification)
    with pytest.raises(SpafitError, match="adapters already"):
        adapt.apply(model, tiny_anatomy("bert"), stratification)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=6)
@given(stratification=stratifications(LAYERS, max_rank=8), data=st.data())
def test_the_prefix_is_what_gradients_do_not_reach(
    family: str, stratification: Stratification, data: st.DataObject
) -> None:
    anatomy = tiny_anatomy(family)
    depth = prefix_depth(anatomy, stratification)
    touched = [
        tensor.layer or 0
        for tensor in anatomy.tensors
        if tensor.row != "head" and (decision := decide(tensor, stratification)) and (decision.trained or decision.lora)
    ]
    assert depth == max(min(touched, default=LAYERS + 1) - 1, 0)
