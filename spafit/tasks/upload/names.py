"""What columns are usually called (`names.toml`), as whole names and as words in a name. Pure functions."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from importlib.resources import files

_NAMES = tomllib.loads((files("spafit.tasks.upload") / "names.toml").read_text(encoding="utf-8"))
TEXT_NAMES = frozenset(_NAMES["texts"].split())
TEXT_WORDS = frozenset(_NAMES["text_words"].split())
SHORT_TEXT_WORDS = frozenset(_NAMES["short_text_words"].split())
SURE_LABEL_NAMES = tuple(_NAMES["labels"].split())
LABEL_NAMES = (*SURE_LABEL_NAMES, *_NAMES["likely_labels"].split())
LABEL_WORDS = frozenset((*LABEL_NAMES, *_NAMES["label_words"].split())) - frozenset(_NAMES["no_label_words"].split())
OTHER_WORDS = frozenset(_NAMES["other_words"].split())
ID_WORDS = frozenset(_NAMES["id_words"].split())
SPLIT_NAMES = frozenset(_NAMES["splits"].split())
SECOND_NAMES = {first: tuple(seconds.split()) for first, seconds in _NAMES["seconds"].items()}
_WHOLE = {*TEXT_NAMES, *LABEL_NAMES, *SPLIT_NAMES, *(name for names in SECOND_NAMES.values() for name in names), "id"}


def plain(name: str) -> str:
    """Return a name in lower case, in one form of Unicode."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def words(name: str) -> frozenset[str]:
    """Return the words of a name: `Recommended IND`, `reviewText` and `gold_label` have two each."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return frozenset(re.split(r"[\W_]+", parted.casefold())) - {""}


def is_usual(name: str) -> bool:
    """Whether a name is one that columns usually have, or is put together, without spaces, from such a word."""
    if plain(name) in _WHOLE:
        return True
    parts = words(name)
    return len(parts) > 1 and not re.search(r"\s", name) and bool(parts & (TEXT_WORDS | LABEL_WORDS) - {"is", "has"})


def is_label(name: str) -> bool:
    """Whether a name is a label's, or has such a word in it."""
    return plain(name) in LABEL_NAMES or bool(words(name) & LABEL_WORDS)


def is_text(name: str) -> bool:
    """Whether a name is a text's, or has such a word in it."""
    if plain(name) in TEXT_NAMES or words(name) & (TEXT_WORDS | SHORT_TEXT_WORDS):
        return True
    return any(plain(name) in seconds for seconds in SECOND_NAMES.values())


def second_of(first: str, names: list[str]) -> str | None:
    """Return the column that is the second text to one of this name, if one is."""
    by_name = {plain(name): name for name in names if name != first}
    known = plain(first)
    for second in SECOND_NAMES.get(known, ()):
        if second in by_name:
            return by_name[second]
    # also “#1 String” and “#2 String”, s1 and s2, text_a and text_b
    for one, two in (("1", "2"), ("_a", "_b"), (" a", " b"), ("first", "second"), ("left", "right"), ("one", "two")):
        if one in known and (counterpart := by_name.get(known.replace(one, two))) is not None:
            return counterpart
    return None
