"""What a run made now would be made of: hashes of weights and data, and the versions that decide results. No torch."""

from __future__ import annotations

from typing import Any

from spafit import tasks
from spafit.errors import SpafitError
from spafit.home import spafit_home
from spafit.maps.series import Contents
from spafit.models import registry
from spafit.models.weights import check_weights, weights_digest
from spafit.runs import facts
from spafit.training.config import ENGINE_GENERATION

DECISIVE = ("torch", "transformers", "peft", "tokenizers")
"""Packages whose version may change a score."""


def contents_now(model: str, task: str) -> Contents | None:
    """Return the contents of a run of this model on this task; None while its weights or data are not here yet.

    The first time this reads the weights and prepares the data, which takes seconds; later it is remembered.
    """
    try:
        weights = weights_digest(
            check_weights(registry.weights_folder(model, allow_download=False)), spafit_home() / "cache"
        )
        return Contents(weights, tasks.content_digest(task), ENGINE_GENERATION)
    except SpafitError:
        return None


def decisive(versions: dict[str, str]) -> dict[str, str | None]:
    """Return those of the versions that may change a score."""
    return {package: versions.get(package) for package in DECISIVE}


def surroundings(contents: Contents | None) -> dict[str, Any]:
    """Return everything beside the specification that decides a run made now, as JSON types."""
    found = None if contents is None else [contents.weights, contents.data, contents.engine]
    return {"contents": found, "versions": decisive(facts.versions())}
