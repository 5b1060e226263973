"""A class with students, made up for tests of the store and of pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from spafit.classroom import guesses, roster, teacher
from spafit.runs import Actor, Store
from spafit.runs.class_rules import Limits, Rules
from spafit.runs.classes import Class, Member
from spafit.stratification import preset
from spafit.training.config import QUICK, RunSpec

SETTING = RunSpec("minilm-l6", "rotten-tomatoes", preset("spafit", 6, 2, 4), QUICK)
TEACHER, ADA, BOB = Actor("teacher"), Actor("ada", "somebody else"), Actor("bob", "Bob")
FIRST_GUESS = {guesses.CELL: [2, 4], guesses.SCORE: 0.8, guesses.LAYER: 6}


def rules(limits: Limits | None = None, **changed: Any) -> Rules:
    """Rules of which tests change something."""
    return replace(Rules(SETTING, limits=limits or Limits(), guess_first=False), **changed)


def course_of(store: Store, of: Rules | None = None, *, minutes: int = 45, by: Actor = TEACHER, **more: Any) -> Class:
    """Return a class that goes on."""
    return teacher.create(store, by, "Room 3", of or rules(), minutes=minutes, **more)[0]


def teaching(course: Class, actor: Actor = TEACHER) -> Actor:
    """Its teacher, as the store knows them."""
    return replace(actor, teaches=frozenset({course.id}))


def joined(store: Store, course: Class, actor: Actor = ADA, nickname: str = "Ada") -> Member:
    """Return a student of it."""
    return roster.join(store, actor, course.code, nickname)


def asking(n1: int = 2, n2: int = 4, **settings: Any) -> RunSpec:
    """Return the class's setting with something changed."""
    changed = replace(SETTING.settings, **settings)
    return replace(SETTING, stratification=SETTING.stratification.with_boundaries(n1, n2), settings=changed)
