"""Choices of cells mean what they say, for every depth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.maps.cells import CHOICES, METHODS, ChoiceError, cells, methods, stratifications
from spafit.stratification import LoraSettings, Method

DEPTHS = st.integers(1, 40)


@given(st.sampled_from(CHOICES), DEPTHS)
def test_every_named_choice_holds_each_cell_of_the_triangle_at_most_once_in_order(choice: str, depth: int) -> None:
    found = cells(choice, depth)
    assert list(found) == sorted(set(found))
    assert all(0 <= n1 <= n2 <= depth for n1, n2 in found)
    assert set(cells("corners", depth)) <= set(cells("coarse", depth)) <= set(cells("all", depth))


@given(DEPTHS)
def test_sizes_and_definitions(depth: int) -> None:
    assert len(cells("all", depth)) == (depth + 1) * (depth + 2) // 2
    assert cells("corners", depth) == ((0, 0), (0, depth), (depth, depth))
    assert cells("diagonal", depth) == tuple((n, n) for n in range(depth + 1))
    marks = {0, math.ceil(depth / 3), math.ceil(2 * depth / 3), depth}
    assert set(cells("coarse", depth)) == {(n1, n2) for n1 in marks for n2 in marks if n1 <= n2}


@given(st.data())
def test_a_list_of_cells_is_read_back_in_any_order(data: st.DataObject) -> None:
    depth = data.draw(DEPTHS)
    wanted = data.draw(st.lists(st.sampled_from(cells("all", depth)), min_size=1, max_size=20))
    assert cells(", ".join(f"{n1}-{n2}" for n1, n2 in wanted), depth) == tuple(sorted(set(wanted)))


@pytest.mark.parametrize("text", ["", "2-4,", "4-2", "0-7", "two", "2", "2-4-6", "-1-2", "2–4", "²-4", "all,2-4"])
def test_what_is_no_choice_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ChoiceError) as refused:
        cells(text, 6)
    assert "cell" in str(refused.value)
    assert str(refused.value).endswith(".")
    assert ". " not in str(refused.value)


@given(st.lists(st.sampled_from(METHODS)))
def test_methods_come_once_in_their_own_order(chosen: list[Method]) -> None:
    assert methods(",".join(chosen)) == tuple(method for method in METHODS if method in chosen)


@pytest.mark.parametrize("text", ["spafit", "full,", "full bitfit", "x" * 5000])
def test_what_is_no_method_is_refused(text: str) -> None:
    with pytest.raises(ChoiceError) as refused:
        methods(text)
    assert len(str(refused.value)) < 160


def test_cells_and_methods_share_their_lora_settings() -> None:
    lora = LoraSettings(rank=4)
    found = stratifications(cells("2-4,0-6", 6), methods("lora"), 6, lora)
    assert [one.name for one in found] == ["SPAFIT-0-6+rank=4", "SPAFIT-2-4+rank=4", "LoRA+rank=4"]
