"""The board ranks by the mean validation score, says who, and shows foreign text as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from spafit.classroom import teacher
from spafit.classroom.board import Entry, cells, entries
from spafit.figures.labels import PLACES, beside, round_numbers
from spafit.runs import Run, State, Store
from spafit.runs.run import Origin
from spafit.tasks import get_task
from spafit.ui.classroom.board import figure, triangle
from tests.classroom.made_up import ADA, SETTING, course_of, joined, teaching
from tests.pages.conftest import make_run, open_page, store
from tests.pages.made_up import FINISHED, events_until, words

__all__ = ["make_run", "open_page", "store"]
Maker = Callable[..., Run]


def test_seeds_are_averaged_and_the_best_comes_first(make_run: Maker) -> None:
    runs = [
        make_run("finished", owner="Ada", score=0.70),
        make_run("finished", owner="Bob", score=0.80, seed=1),
        make_run("finished", owner="Cem", score=0.76, method="bitfit"),
        make_run("finished", score=0.60, rate=0.01),
        make_run("failed", owner="Eve", reason="no"),
        make_run("queued", owner="Eve"),
    ]
    found = entries(reversed(runs), "accuracy")
    assert [(e.name, e.owners, e.runs) for e in found] == [
        ("BitFit", ("Cem",), 1),
        (runs[0].stratification, ("Ada", "Bob"), 2),
        (runs[0].stratification, ("no name",), 1),
    ]
    assert [e.score for e in found] == [pytest.approx(0.76), pytest.approx(0.75), pytest.approx(0.60)]
    assert entries(runs, "pearson") == []
    assert entries([replace(run, origin=Origin.RECORDED) for run in runs], "accuracy") == []


def test_the_page_shows_the_best_and_nothing_to_operate(open_page: Callable[..., AppTest], make_run: Maker) -> None:
    app = open_page("pages/board.py")
    assert "No run has finished yet" in words(app)
    make_run("finished", owner="<b>*Ada*</b>", score=0.83)
    app = open_page("pages/board.py")
    assert not app.exception
    assert "0\\.830" in words(app) and "Ada" in words(app)
    assert "<b>" not in words(app)
    assert not (app.button or app.selectbox or app.text_input or app.sidebar.children)


def test_an_address_that_names_nothing_is_one_sentence(open_page: Callable[..., AppTest]) -> None:
    app = open_page("pages/board.py", model="minilm-l6", task="nonsense")
    assert not app.exception
    assert len(app.error) == 1


def test_the_best_is_a_star_and_only_the_first_have_a_number() -> None:
    many = [Entry(f"SPAFIT-{n}-6", ("Ada",), 1000 * n, 0.9 - n / 100, 1) for n in range(9)]
    (dots,) = figure(many, 0.5, get_task("rotten-tomatoes")).data
    assert dots.marker.symbol == ("star", *["circle"] * 8)
    assert dots.text == ("1", "2", "3", "4", "5", "6", "", "", "")
    assert min(dots.x) == 1, "a logarithm has no place for 0"


def test_an_empty_board_fills_by_itself_and_a_class_counts_its_own_runs(
    open_page: Callable[..., AppTest], make_run: Maker, store: Store
) -> None:
    app = open_page("pages/board.py")
    make_run("finished", owner="Bob", score=0.83)
    app.run()
    assert "Best so far 0.830" in words(app), "The same page, not opened anew."
    course = course_of(store)
    joined(store, course)
    run = store.claim(store.submit(SETTING, by=ADA), "a test")
    assert run is not None
    store.record(run, [event.to_dict() for event in events_until(5)])
    store.conclude(run, State.FINISHED, events=[FINISHED.to_dict()])
    app = open_page("pages/board.py", **{"class": course.id})
    assert "Best so far 0.810" in words(app) and "Ada" in words(app) and "Bob" not in words(app)
    assert "test" not in words(app)
    teacher.reveal_test(store, teaching(course), course)
    app.run()
    assert "test 0\\.800" in words(app)
    gone = open_page("pages/board.py", **{"class": "nonsense"})
    assert not gone.exception and len(gone.error) == 1


def test_the_triangle_has_the_best_score_of_each_cell_and_frames_the_best() -> None:
    found = [
        Entry("SPAFIT-1-2", ("Ada",), 10, 0.9, 1, (1, 2)),
        Entry("SPAFIT-1-2", ("Bob",), 10, 0.7, 1, (1, 2)),
        Entry("SPAFIT-0-3", ("Cem",), 10, 0.8, 1, (0, 3)),
        Entry("LoRA", ("Eve",), 10, 0.95, 1),
    ]
    assert cells(found) == {(1, 2): 0.9, (0, 3): 0.8}
    drawn = triangle(cells(found), 3)
    assert drawn.data[0].z[2][1] == 0.9 and drawn.data[0].z[3][0] == 0.8 and drawn.data[0].z[0][0] is None
    assert (drawn.layout.shapes[-1].x0, drawn.layout.shapes[-1].y0) == (0.5, 1.5)


def test_a_nickname_is_no_markup_beside_its_dot() -> None:
    (dots,) = figure(
        [Entry("SPAFIT-1-2", ("<b>x</b>",), 10, 0.9, 1)], None, get_task("rotten-tomatoes"), names=True
    ).data
    assert dots.text == ("1 &lt;b&gt;x&lt;/b&gt;",)


def test_a_class_sees_whose_each_dot_is_while_there_is_room() -> None:
    apart = [Entry(f"SPAFIT-{n}-6", (f"Student {n}",), 10 ** (n + 3), 0.9 - n / 10, 1) for n in range(4)]
    drawn = figure(apart, 0.5, get_task("rotten-tomatoes"), names=True)
    assert drawn.data[0].text == ("1 Student 0", "2 Student 1", "3 Student 2", "4 Student 3")
    assert drawn.layout.xaxis.tickangle == 0 and 2 <= len(drawn.layout.xaxis.tickvals) <= 4
    same = [Entry(f"SPAFIT-{n}-6", ("Ada",), 1000, 0.8, 1) for n in range(9)]
    assert "" in figure(same, None, get_task("rotten-tomatoes"), names=True).data[0].text


coordinates = st.tuples(st.floats(0, 400), st.floats(0, 200))


@given(st.lists(st.tuples(coordinates, st.text("ab", max_size=12)), max_size=12))
def test_no_name_covers_another_or_a_dot(dots: list[tuple[tuple[float, float], str]]) -> None:
    points, names = [point for point, _name in dots], [name for _point, name in dots]
    found = beside(points, names, letter=10, line=20, dot=20, width=400)
    boxes = []
    for (x, y), (name, place) in zip(points, found, strict=True):
        right, down = PLACES[place]
        if name:
            middle = x + right * (12 + 5 * len(name)), y + down * 22
            boxes.append((middle[0] - 5 * len(name), middle[1] - 10, middle[0] + 5 * len(name), middle[1] + 10))
    assert all(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1] for a, b in combinations(boxes, 2))
    assert all(not (box[0] < x < box[2] and box[1] < y < box[3]) for box in boxes for x, y in points)


@given(st.floats(1, 1e9), st.floats(1.5, 1e6))
def test_an_axis_has_two_to_four_numbers(low: float, times: float) -> None:
    found = round_numbers(low, low * times)
    assert 2 <= len(found) <= 4 and found == sorted(found) and low <= found[0] and found[-1] <= low * times
