"""What somebody may have meant who typed a word that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from spafit.errors import SpafitError
from spafit.models.families import FAMILIES
from spafit.stratification import MATRIX_ROLES


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question with the nearest word, to follow a clause; empty when none is near."""
    near = difflib.get_close_matches(word.casefold(), list(known), n=1)
    return f"; did you mean {str(near[0])!r}?" if near else ""


def check_roles(words: Iterable[str]) -> None:
    """Refuse words that are no role: a module's name is told the role that it has, a slip the nearest role.

    Raises:
        SpafitError: a word is none.
    """
    for word in words:
        if word in MATRIX_ROLES:
            continue
        roles = sorted(_roles_of(word))
        if roles:
            raise SpafitError(
                f"LoRA targets are roles, the same for every model, not modules: {word!r} is {' and '.join(roles)}."
            )
        raise SpafitError(
            f"LoRA target {word!r} is no role; the roles are {', '.join(MATRIX_ROLES)}"
            f"{did_you_mean(word, MATRIX_ROLES) or '.'}"
        )


def _roles_of(module: str) -> set[str]:
    """Return the roles that modules of this name have, in any family."""
    found: set[str] = set()
    for family in FAMILIES:
        for path, roles in family.layer_modules.items():
            if path == module or path.endswith(f".{module}"):
                found.update(role for role in roles if role in MATRIX_ROLES)
    return found
