"""Splits as pure functions: no text in two parts, proportions kept, the same everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.tasks.splits import Preparation, arrange, normalize, order_of, pick, quotas, shuffled, strata, text_keys
from spafit.tasks.task import Examples, TaskError

words = st.text(alphabet="abcAB \t\u00a0\u00e9", min_size=1, max_size=4)


def examples(texts: list[str], labels: list[int]) -> Examples:
    return Examples(texts, None, np.array(labels, dtype=np.int64))


@given(st.lists(st.tuples(words, st.integers(0, 3)), min_size=12, max_size=80), st.integers(1, 8), st.integers(1, 8))
def test_no_text_in_two_parts_and_none_lost(rows: list[tuple[str, int]], validation: int, test: int) -> None:
    source = examples([text for text, _ in rows], [label for _, label in rows])
    try:
        parts, done = arrange({"train": source}, validation=validation, test=test)
    except TaskError:
        return  # too few different texts
    normalized = {name: [normalize(text) for text in part.text] for name, (part, _) in parts.items()}
    together = [text for texts in normalized.values() for text in texts]
    assert len(together) == len(set(together))
    assert set(together) == {normalize(text) for text in source.text}
    assert done.duplicates_removed == len(rows) - len(together)
    assert done.splits == {name: len(texts) for name, texts in normalized.items()}
    assert len(normalized["validation"]) <= validation
    assert len(normalized["test"]) <= test
    # every class that is anywhere is in train
    everywhere = {int(label) for part, _ in parts.values() for label in part.labels}
    assert everywhere == {int(label) for label in parts["train"][0].labels}


@given(st.lists(st.tuples(words, st.integers(0, 1)), min_size=12, max_size=60), st.randoms(use_true_random=False))
def test_the_parts_do_not_depend_on_the_order_of_the_file(rows: list[tuple[str, int]], random) -> None:
    rows = list({normalize(text): (text, label) for text, label in rows}.values())
    again = list(rows)
    random.shuffle(again)
    if len(rows) < 8:
        return
    results = []
    for version in (rows, again):
        try:
            parts, _ = arrange(
                {"train": examples([t for t, _ in version], [y for _, y in version])}, validation=2, test=2
            )
        except TaskError as error:
            results.append(str(error))
        else:
            results.append({name: part.text for name, (part, _) in parts.items()})
    assert results[0] == results[1]


def test_given_test_part_stays_and_what_repeats_it_goes() -> None:
    test = examples(["One  fish", "two fish", "two fish"], [0, 1, 1])
    train = examples(
        ["one FISH", "red fish", "red fish", "blue fish", "old fish", "new fish", "a", "b"], [0] * 4 + [1] * 4
    )
    parts, done = arrange({"train": train, "test": test}, validation=2, test=99)
    assert parts["test"][0] is test
    assert done.found_in_test == 1
    assert done.duplicates_in_test == 1
    assert done.duplicates_removed == 1
    assert done.contradictions == 0
    assert done.splits == {"train": 4, "validation": 2, "test": 3}
    assert done.rows_read == 11


def test_a_text_with_two_labels_is_counted_once_and_keeps_its_first() -> None:
    texts = ["same", "SAME", "same ", "b", "c", "d", "e", "f"]
    parts, done = arrange({"train": examples(texts, [1, 0, 0, 0, 0, 1, 1, 1])}, validation=1, test=1)
    assert (done.contradictions, done.duplicates_removed) == (1, 2)
    [label] = [part.labels[i] for part, _ in parts.values() for i, text in enumerate(part.text) if text == "same"]
    assert label == 1


def test_the_same_first_text_with_another_second_is_another_example() -> None:
    keys = text_keys(["a", "a", "a b"], ["b c", "b  C", "c"])
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]
    assert text_keys(["a"])[0] != text_keys(["a"], [""])[0]


def test_too_few_texts_is_refused() -> None:
    with pytest.raises(TaskError, match="too few different texts"):
        arrange({"train": examples(["a", "A"], [0, 1])}, validation=1, test=1)


def test_split_is_pinned() -> None:
    """The parts of published figures: a change of the hash would silently change them all."""
    texts = [f"text {i}" for i in range(20)]
    parts, _ = arrange({"train": examples(texts, [0, 1] * 10)}, validation=4, test=4)
    assert sorted(parts["test"][0].text) == PINNED_TEST
    assert sorted(parts["validation"][0].text) == PINNED_VALIDATION


PINNED_TEST = ["text 11", "text 18", "text 5", "text 6"]
PINNED_VALIDATION = ["text 10", "text 13", "text 14", "text 17"]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.integers(0, 400), st.data())
def test_quotas_add_up_and_stay_near_their_share(available: list[int], total: int, data: st.DataObject) -> None:
    caps = np.array([data.draw(st.integers(0, n)) for n in available])
    given_out = quotas(np.array(available), total, caps)
    assert (given_out <= caps).all()
    assert given_out.sum() == min(total, caps.sum())
    free = quotas(np.array(available), total)
    if sum(available):
        share = np.array(available) * min(total, sum(available)) / sum(available)
        assert (np.abs(free - share) < 1).all()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.integers(1, 250), st.integers(0, 5))
def test_pick_is_stratified_and_fixed(labels: list[int], total: int, seed: int) -> None:
    groups = np.array(labels)
    order = shuffled(order_of(text_keys([f"text {i}" for i in range(len(labels))])), seed)
    rows = pick(order, groups, total)
    assert len(rows) == min(total, len(labels))
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, pick(order, groups, total))
    for group in set(labels):
        share = (groups == group).mean() * len(rows)
        assert abs((groups[rows] == group).sum() - share) < 1


def test_seeds_choose_differently() -> None:
    order = order_of(text_keys([f"text {i}" for i in range(500)]))
    groups = np.zeros(500, dtype=np.int64)
    chosen = [set(pick(shuffled(order, seed), groups, 50)) for seed in range(4)]
    assert all(len(a & b) < 25 for a in chosen for b in chosen if a is not b)
    assert set(pick(shuffled(order, 3), groups, 20)) <= chosen[3]


def test_regression_targets_are_stratified_by_size() -> None:
    labels = np.linspace(0, 5, 100, dtype=np.float32)
    groups = strata(labels)
    assert np.bincount(groups).tolist() == [20] * 5
    assert set(strata(np.zeros(7, dtype=np.float32))) == {strata(np.zeros(1, dtype=np.float32))[0]}


def test_preparation_round_trips() -> None:
    done = Preparation(9, {"train": 5, "validation": 2, "test": 2}, 1, 2, 3, 4, {"empty": 1}, ("a:1 has no text",))
    assert Preparation.from_dict(done.to_dict()) == done
