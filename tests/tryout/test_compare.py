"""Confusions and disagreements against counting by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spafit.training.predictions import Predictions
from spafit.tryout.compare import confusion, disagreements, examples_of


def made(labels: list[int], answered: list[int], rows: list[int] | None = None, classes: int = 3) -> Predictions:
    return Predictions(
        np.eye(classes, dtype=np.float32)[answered], np.array(labels), np.array(rows or range(len(labels)))
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_each_example_is_in_one_cell_and_its_cell_names_it(pairs: list[tuple[int, int]]) -> None:
    labels, answered = map(list, zip(*pairs, strict=True))
    kept = made(labels, answered)
    counts = confusion(kept, 3)
    assert counts.sum() == len(pairs)
    for label in range(3):
        for answer in range(3):
            assert counts[label, answer] == pairs.count((label, answer)) == len(examples_of(kept, label, answer))
            assert all(pairs[row] == (label, answer) for row in examples_of(kept, label, answer))


def test_runs_disagree_where_their_answers_differ_and_only_on_rows_that_all_have() -> None:
    first, second = made([0, 1, 2, 0], [0, 1, 1, 2]), made([0, 2, 0], [0, 2, 1], rows=[0, 2, 3])
    found = disagreements([first, second])
    assert [(each.row, each.label, each.answers) for each in found] == [(2, 2, (1, 2)), (3, 0, (2, 1))]
    assert disagreements([first]) == disagreements([]) == []
