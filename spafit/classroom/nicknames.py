"""Nicknames: what a student may be called in a class, and which names would be taken for one another. Pure."""

from __future__ import annotations

import unicodedata

from spafit.runs.class_rules import ClassError

MOST_LETTERS = 24
_BESIDE_LETTERS = frozenset(" -_.'")
_MOST_MARKS = 2
"""Accents on one letter; more of them cover the lines around it."""
# Letters of other alphabets that look like Latin ones.
_CONFUSABLES = str.maketrans("аеорсухіјѕһԁκινορτυχαγωβ01", "aeopcyxijshdkivoptuxaywbol")


def checked(nickname: str) -> str:
    """Return a nickname as it is kept: in one form, with single spaces.

    Raises:
        ClassError: it is empty, too long, or has letters that could pass for something else.
    """
    name = unicodedata.normalize("NFKC", " ".join(nickname.split())).strip()
    if not name:
        raise ClassError("Choose a nickname; it is what the class sees of you.")
    if len(name) > MOST_LETTERS:
        raise ClassError(f"A nickname has at most {MOST_LETTERS} letters; this one has {len(name):,}.")
    if not all(_allowed(letter) for letter in name) or not any(letter.isalnum() for letter in name):
        raise ClassError("A nickname is made of letters, digits, spaces and - _ . ' alone.")
    if _most_marks(name) > _MOST_MARKS:
        raise ClassError("A nickname has at most two accents on a letter.")
    if len({_script(letter) for letter in name if letter.isalpha()}) > 1:
        raise ClassError("A nickname is written in one alphabet, so that nobody is taken for somebody else.")
    return name


def key(nickname: str) -> str:
    """Return the same text for nicknames that would be taken for one another."""
    plain = unicodedata.normalize("NFKD", nickname.casefold())
    letters = (letter for letter in plain.translate(_CONFUSABLES) if letter.isalnum())
    return "".join(letters).replace("rn", "m") or nickname


def _allowed(letter: str) -> bool:
    return letter in _BESIDE_LETTERS or unicodedata.category(letter)[0] in "LM" or letter.isdigit()


def _most_marks(name: str) -> int:
    most = found = 0
    for letter in unicodedata.normalize("NFD", name):
        found = found + 1 if unicodedata.category(letter)[0] == "M" else 0
        most = max(most, found)
    return most


def _script(letter: str) -> str:
    """Return the alphabet of a letter by its Unicode name; what Japanese and Korean mix counts as one."""
    script = unicodedata.name(letter, "?").split()[0]
    return "CJK" if script in ("HIRAGANA", "KATAKANA", "HANGUL", "CJK") else script
