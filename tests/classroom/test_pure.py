"""Addresses that others reach, when runs start, histograms and points, and a CSV without formulas. Pure."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.classroom import guesses
from spafit.classroom.address import join_address, reachable
from spafit.classroom.guesses import CELL, LAYER, SCORE, Guess
from spafit.classroom.outcome import most_changed_layer, outcome
from spafit.classroom.table import COLUMNS, class_csv
from spafit.classroom.turns import outlook
from spafit.runs import classes
from spafit.runs.classes import Class, Member
from tests.classroom.made_up import rules
from tests.pages.conftest import make_run, store
from tests.pages.made_up import FINISHED

__all__ = ["make_run", "store"]
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
COURSE = Class("id", "abc234", "=1+1", NOW, NOW, rules(), False, False, False, False, False, True)


@pytest.mark.parametrize(
    ("seen", "listens", "machine", "base", "address"),
    [
        ("http://127.0.0.1:8501/teach", "0.0.0.0", "192.168.0.7", "", "http://192.168.0.7:8501"),
        ("http://localhost:8501/teach", "0.0.0.0", "192.168.0.7", "spafit", "http://192.168.0.7:8501/spafit"),
        ("https://school.example/spafit/teach", "127.0.0.1", "127.0.0.1", "spafit", "https://school.example/spafit"),
        ("http://10.0.0.2:8501/teach", "0.0.0.0", "192.168.0.7", "", "http://10.0.0.2:8501"),
        ("http://127.0.0.1:8501/teach", "127.0.0.1", "127.0.0.1", "", None),
        ("http://127.0.0.1:8501/teach", "0.0.0.0", "127.0.0.1", "", None),
        (None, "0.0.0.0", "fd00::7", "", "http://[fd00::7]:8501"),
    ],
)
def test_the_address_on_the_wall_is_one_that_others_reach(seen, listens, machine, base, address) -> None:
    assert reachable(seen, "teach", listens, machine, 8501, base) == address


def test_the_code_is_in_the_address() -> None:
    assert join_address("http://10.0.0.2", "abc234") == "http://10.0.0.2/classroom?code=abc234"


def test_runs_start_one_after_the_other() -> None:
    found = outlook([10.0], [("a", 20.0), ("b", 30.0)], between=2.0)
    assert found.starts == {"a": 12.0, "b": 34.0}
    assert found.all_done == 64.0
    assert outlook([], [("a", 20.0)], 2.0).starts == {"a": 0.0}
    assert outlook([], [], 2.0).all_done is None
    unknown = outlook([], [("a", None), ("b", 30.0)], 2.0)
    assert (unknown.starts, unknown.all_done) == ({"a": 0.0}, None)
    assert outlook([None], [("a", 1.0)], 2.0).starts == {}


@given(st.lists(st.floats(0, 100)), st.lists(st.floats(0, 100), max_size=6), st.floats(0, 5))
def test_nobody_starts_before_those_in_front(running, waiting, between) -> None:
    found = outlook(running, [(str(place), seconds) for place, seconds in enumerate(waiting)], between)
    starts = list(found.starts.values())
    assert starts == sorted(starts) and len(starts) == len(waiting)
    assert not starts or (found.all_done or 0) >= starts[-1]


@pytest.mark.parametrize(
    ("kind", "value", "truth", "points"),
    [
        *((CELL, [2, 4], [2, 4], 3), (CELL, [2, 4], [3, 4], 2), (CELL, [2, 4], [3, 5], 1), (CELL, [0, 0], [3, 5], 0)),
        *((SCORE, 0.80, 0.81, 3), (SCORE, 0.80, 0.82, 2), (SCORE, 0.80, 0.85, 1), (SCORE, 0.80, 0.86, 0)),
        *((LAYER, 6, 6, 3), (LAYER, 6, 3, 0)),
    ],
)
def test_a_guess_is_worth_more_the_nearer_it_is(kind, value, truth, points) -> None:
    assert guesses.points(kind, value, truth) == points


def test_the_histogram_counts_students_and_not_what_came_out() -> None:
    made = [Guess(owner, SCORE, value, None) for owner, value in (("a", 0.74), ("b", 0.71), ("c", 0.80))]
    made.append(Guess(classes.TRUTH, SCORE, 0.93, None))
    assert guesses.histogram(made, SCORE) == [("0.70–0.75", 2), ("0.80–0.85", 1)]
    assert guesses.bin_of(SCORE, 0.80) == "0.80–0.85"
    assert guesses.histogram([Guess("a", CELL, [2, 4], None)], CELL) == [("SPAFIT-2-4", 1)]


def test_what_came_out_is_the_best_settings(make_run) -> None:
    runs = [make_run("finished", score=0.7), make_run("finished", score=0.9, method="bitfit"), make_run("failed")]
    truth, winner = outcome(runs, "accuracy")
    assert winner == runs[1]
    assert truth == {SCORE: 0.9, CELL: [runs[0].n1, runs[0].n2]}, "Boundaries of the best setting that has any."
    assert outcome([runs[2]], "accuracy") == ({}, None)
    assert most_changed_layer([FINISHED.to_dict()]) == {LAYER: 3}
    assert most_changed_layer([]) == {}


def test_the_csv_has_a_row_a_run_and_no_formula(make_run) -> None:
    run = replace(make_run("finished", score=0.7), owner_id="ada", class_id="id")
    member = Member("id", "ada", 1, "-Ada", NOW, NOW, True)
    idle = replace(member, owner_id="bob", number=2, nickname="Bob")
    made = [Guess("ada", CELL, [1, 2], 2), Guess("ada", SCORE, 0.5, 1), Guess("bob", LAYER, 4, None)]
    text = class_csv(COURSE, [member, idle], made, [run], "accuracy")
    first, second = csv.DictReader(io.StringIO(text))
    assert tuple(first) == COLUMNS
    assert (first["class"], first["nickname"]) == ("'=1+1", "'-Ada")
    assert (first["guess N1"], first["guess N2"], first["guess score"], first["points"]) == ("1", "2", "0.5", "3")
    assert (first["N1"], first["N2"], first["recipe"], first["seed"]) == ("2", "4", "SPAFIT-2-4", "0")
    assert (first["validation"], first["test"], first["state"]) == ("0.7", "0.8", "finished")
    assert first["queued"].endswith("Z")
    assert (second["nickname"], second["guess layer"], second["run"]) == ("Bob", "4", "")
    closed = class_csv(replace(COURSE, test_revealed=False), [member], made, [run], "accuracy")
    assert next(csv.DictReader(io.StringIO(closed)))["test"] == ""
