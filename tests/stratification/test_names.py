"""Names: what is written reads back, and what a person reads says what it is."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.stratification import (
    MATRIX_ROLES,
    LoraSettings,
    Method,
    Recipe,
    Stratification,
    StratificationError,
    corner_labels,
    parse_name,
    preset,
    title,
)
from tests.strategies import any_stratifications

FROZEN, BIAS, LORA, LORA_BIAS, FULL = Recipe


@given(any_stratifications())
def test_a_name_parses_back(s: Stratification) -> None:
    assert parse_name(s.name, s.num_layers) == s


@given(st.text(max_size=40), st.integers(1, 30))
def test_any_text_is_a_name_or_a_sentence(text: str, layers: int) -> None:
    try:
        parsed = parse_name(text, layers)
    except StratificationError as error:
        assert str(error).endswith(".") and "\n" not in str(error).replace(text, "")
    else:
        assert parsed.num_layers == layers


def test_other_settings_are_told_in_the_name() -> None:
    s = replace(preset("spafit", 6), embeddings=BIAS, lora=LoraSettings(rank=4, alpha=0.5))
    assert s.name == "SPAFIT-2-4+embeddings=bias+rank=4+alpha=0.5"
    assert replace(s, recipes=(FROZEN, LORA, FULL)).name == (
        "Strata-2-4-frozen-lora-full+embeddings=bias+rank=4+alpha=0.5"
    )


@given(any_stratifications())
def test_a_title_is_short_and_loses_nothing(s: Stratification) -> None:
    """Two stratifications of one depth that read the same, heading and differences, are the same."""
    heading, chips = title(s)
    assert re.fullmatch(r"(SPAFIT|Strata)-\d+-\d+|Full fine-tuning|BitFit|LoRA|Linear probe", heading)
    for key in ("rank", "alpha", "dropout"):
        assert any(chip.startswith(f"{key} ") for chip in chips) == (f"+{key}=" in s.name)
    assert any(chip.startswith("targets: ") for chip in chips) == ("+targets=" in s.name)
    assert not any("_" in chip or "+rank" in chip for chip in chips)


@pytest.mark.parametrize(
    ("name", "heading", "chips"),
    [
        ("SPAFIT-2-4", "SPAFIT-2-4", []),
        ("SPAFIT-0-0", "SPAFIT-0-0", ["LoRA + BitFit in every layer"]),
        ("SPAFIT-0-6", "SPAFIT-0-6", ["BitFit in every layer"]),
        ("SPAFIT-6-6", "SPAFIT-6-6", ["head only"]),
        ("Probe", "Linear probe", []),
        ("Full", "Full fine-tuning", []),
        ("LoRA+rank=16+alpha=0.5", "LoRA", ["rank 16", "alpha 0.5"]),
        ("SPAFIT-4-5+targets=" + ".".join(MATRIX_ROLES), "SPAFIT-4-5", ["targets: all six matrices"]),
        ("BitFit+embeddings=frozen+targets=query.ffn_in", "BitFit", ["embeddings: Frozen", "targets: query, FFN in"]),
        (
            "Strata-2-2-frozen-bias-full+pooler=full+fresh=bias+dropout=0.1",
            "Strata-2-2",
            ["layers 1–2: Frozen", "layers 3–6: Full", "pooler: Full", "new head: BitFit", "dropout 0.1"],
        ),
    ],
)
def test_a_title_says_what_it_is(name: str, heading: str, chips: list[str]) -> None:
    assert title(parse_name(name, 6)) == (heading, chips)


def test_head_only_and_the_linear_probe_are_told_apart() -> None:
    """The corner trains the biases of the pooler and the final norm; the probe does not."""
    assert corner_labels(preset("spafit", 6)) == ("LoRA + BitFit in every layer", "BitFit in every layer", "head only")
    assert set(corner_labels(preset("probe", 6))) == {"linear probe"}
    assert corner_labels(preset("full", 6))[0] == "Full in every layer"


@pytest.mark.parametrize("method", [method for method in Method if method.point])
def test_the_names_of_presets_stay_readable(method: Method) -> None:
    written = {"full": "Full", "bitfit": "BitFit", "lora": "LoRA", "probe": "Probe"}[method]
    assert parse_name(written, 6) == parse_name(written.lower(), 6) == preset(method, 6)
    assert preset(method, 6).name == preset(method, 6).to_dict()["name"] == written


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: parse_name("SPAFIT", 6), "is incomplete"),
        (lambda: parse_name("SPAFIT-2-9", 6), "Boundary 2 is 9"),
        (lambda: parse_name("Adapter", 6), "names no stratification"),
        (lambda: parse_name("LoRA+rank=x", 6), "rank is 'x' but must be a number"),
        (lambda: parse_name("LoRA+alpha=x", 6), "alpha is 'x' but must be a number"),
        (lambda: parse_name("LoRA+colour=red", 6), "A name cannot change 'colour'; it can change embeddings, pooler"),
        (lambda: parse_name("LoRA+targets=query.norm", 6), "A LoRA target cannot be 'norm'"),
    ],
)
def test_a_name_that_cannot_be_is_refused_in_one_sentence(make, says: str) -> None:
    with pytest.raises(StratificationError) as caught:
        make()
    assert says in str(caught.value)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
