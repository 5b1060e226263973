"""What people type for a model: an address copied from the Hub, another case, half a name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

from spafit.errors import SpafitError

_HOST = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/", re.IGNORECASE)
_VIEWS = ("tree", "blob", "resolve", "raw", "commits", "discussions")
_OTHERS = {"datasets": "a data set", "spaces": "a Space", "collections": "a collection"}


def plain_name(text: str) -> str:
    """Return a model's name out of what was pasted: no address, no page of its repository, no slash at the end.

    Raises:
        SpafitError: an address of something on the Hub that is no model.
    """
    name = text.strip()
    host = _HOST.match(name)
    parts = [part for part in re.split(r"[?#]", name[host.end() if host else 0 :])[0].split("/") if part]
    if host and parts and parts[0] in _OTHERS:
        raise SpafitError(f"{text.strip()[:120]!r} is the address of {_OTHERS[parts[0]]}, not of a model.")
    if host or (len(parts) > 2 and parts[2] in _VIEWS):
        return "/".join(parts[:2])
    return name.rstrip("/") or name


def in_any_case(text: str, keys: Iterable[str]) -> str | None:
    """Return the key that a text is but for its case, if there is one."""
    return next((key for key in keys if key.casefold() == text.casefold()), None)


def similar(text: str, names: Mapping[str, str], most: int = 4) -> list[str]:
    """Return the keys that somebody may have meant: those with every word of the text, else those spelt most alike.

    Args:
        text: what was typed.
        names: key -> further words by which the model is known.
        most: how many at most.
    """
    words = _words(text)
    known = {key: _words(f"{key} {more}") for key, more in names.items()}
    # every word of the text, or its beginning as it is while somebody types it
    holding = [key for key, own in known.items() if words and all(any(o.startswith(w) for o in own) for w in words)]
    holding.sort(key=lambda key: not words <= known[key])
    if holding:
        return holding[:most]
    return difflib.get_close_matches(text.rpartition("/")[2].casefold(), names, n=most, cutoff=0.6)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+|[0-9.]+", text.casefold()))
