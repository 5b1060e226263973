"""Hostile nicknames are refused in a sentence, and no two look alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spafit.classroom import nicknames
from spafit.runs.class_rules import ClassError


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        " \t",
        "x" * 25,
        "<b>Ada</b>",
        "=1+1",
        "@Ada",
        "[a](b)",
        "A\u202ed\u200ba",
        "...",
        "Z\u0335\u0336\u0337",
        "Adа",
    ],
)
def test_hostile_nicknames_are_refused(hostile: str) -> None:
    with pytest.raises(ClassError) as caught:
        nicknames.checked(hostile)
    assert str(caught.value).count(".") <= 2


@pytest.mark.parametrize("name", ["Ada", "Zoë", "O'Neil", "Anna-Lena 2", "李雷", "Ольга", "さくら子", "محمد", "J. R."])
def test_names_of_people_are_taken(name: str) -> None:
    assert nicknames.checked(f" {name}  ") == name


@pytest.mark.parametrize(
    ("one", "other"), [("Ada", "ADA"), ("Oscar", "0scar"), ("Zoë", "Zoe"), ("Аса", "Aca"), ("A-b", "Ab")]
)
def test_names_that_look_alike_have_one_key(one: str, other: str) -> None:
    assert nicknames.key(nicknames.checked(one)) == nicknames.key(nicknames.checked(other))


@given(st.text(max_size=40))
def test_what_is_accepted_is_one_short_printable_line_and_stays_as_it_is(text: str) -> None:
    try:
        name = nicknames.checked(text)
    except ClassError:
        return
    assert nicknames.checked(name) == name
    assert 0 < len(name) <= nicknames.MOST_LETTERS and name.isprintable() and not set(name) & set("<>*[]()=+@`$|\\")
    assert nicknames.key(name)
