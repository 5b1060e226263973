"""Figures of a task's data."""

import pytest

from spafit.figures.data import class_balance, target_spread, token_lengths


def test_classes_are_ordered_and_the_rest_is_one_bar() -> None:
    figure = class_balance(["a", "b"], [1, 3])
    assert list(figure.data[0].x) == [3, 1]
    assert list(figure.layout.yaxis.ticktext) == ["b", "a"]
    assert figure.data[0].text == ("3 (75 %)", "1 (25 %)")
    many = class_balance([f"c{i}" for i in range(100)], [1] * 100)
    assert len(many.data[0].x) == 21
    assert many.layout.yaxis.ticktext[-1] == "80 more"
    assert sum(many.data[0].x) == 100


def test_labels_are_not_markup() -> None:
    figure = class_balance(["<b>bold</b><a href='x'>y</a>", "x" * 200], [2, 1])
    assert figure.layout.yaxis.ticktext[0].startswith("&lt;b&gt;bold")
    assert len(figure.layout.yaxis.ticktext[1]) == 28


@pytest.mark.parametrize("max_length", [1, 16, 128, 512])
def test_every_text_is_in_one_bar(max_length: int) -> None:
    lengths = [0, 0, 5, *([3] * 200), 4, 1]
    figure = token_lengths(lengths, max_length)
    drawn = sum(sum(bar.y) for bar in figure.data)
    beyond = sum(lengths) - drawn
    assert beyond == 0 or f"{beyond:,} longer ones" in figure.layout.xaxis.title.text
    whole, cut = figure.data
    assert all(x - whole.width / 2 <= max_length for x in whole.x)
    assert not len(cut.x) or max(cut.x) + 0.5 > max_length


def test_a_cut_far_beyond_the_texts_is_not_drawn() -> None:
    lengths = [0] * 20 + [5] * 10
    assert len(token_lengths(lengths, 32).layout.shapes) == 1
    assert len(token_lengths(lengths, 128).layout.shapes) == 0


def test_nothing_to_draw_is_said() -> None:
    for figure in (class_balance([], []), target_spread([0.0, 1.0], [0]), token_lengths([], 128)):
        assert figure.layout.annotations[0].text


def test_targets_lie_between_their_edges() -> None:
    figure = target_spread([0, 1, 2], [3, 4])
    assert list(figure.data[0].x) == [0.5, 1.5]
    assert list(figure.data[0].y) == [3, 4]
