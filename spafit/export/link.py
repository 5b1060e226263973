"""What a visitor can take along: a link that restores a setting, and the command line (`script` writes Python)."""

from __future__ import annotations

import base64
import binascii
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spafit.errors import SpafitError
from spafit.quantities import is_whole
from spafit.stratification import MAX_LAYERS, LoraSettings, Method, Stratification, method_of, parse_name, preset
from spafit.training.config import SETTINGS, RunSpec, TrainSettings
from spafit.training.setting import Setting

LINK_SCHEMA = 1
MAX_LINK_CHARS = 4000
MAX_TEXT_CHARS = 500


class LinkError(SpafitError):
    """A share link that cannot be read, said in one sentence."""


@dataclass(frozen=True)
class Shared:
    """What a link carries: the model's key, the setting, a second one to compare with, and the page's own settings."""

    model: str
    stratification: Stratification
    other: Stratification | None = None
    settings: Mapping[str, bool | int | str] = field(default_factory=dict)
    """Only what differs from the page's defaults; the page checks names and values."""


def to_link(shared: Shared) -> str:
    """Return the value of the query parameter ``s`` for this content."""
    document: dict[str, Any] = {
        "v": LINK_SCHEMA,
        "model": shared.model,
        "layers": shared.stratification.num_layers,
        "a": shared.stratification.name,
    }
    if shared.other is not None:
        document["b"] = shared.other.name
    if shared.settings:
        document["set"] = dict(shared.settings)
    return packed(document)


def from_link(text: str) -> Shared:
    """Return what `to_link` wrote.

    Raises:
        LinkError: damaged, not such a link, or made by a newer version.
    """
    document = unpacked(text, "This link is")
    version = document.get("v")
    if type(version) is not int or version < LINK_SCHEMA:
        raise LinkError("This link is damaged: it does not say which version made it.")
    if version > LINK_SCHEMA:
        raise LinkError(
            f"This link was made by a newer version of spafit (schema {version}); this one reads up to {LINK_SCHEMA}."
        )
    model, layers, settings = document.get("model"), document.get("layers"), document.get("set", {})
    if not isinstance(model, str) or not 0 < len(model) <= MAX_TEXT_CHARS:
        raise LinkError("This link is damaged: it names no model.")
    if not is_whole(layers, 1, MAX_LAYERS):
        raise LinkError("This link is damaged: it does not say how many layers its model has.")
    if not isinstance(settings, dict) or not all(isinstance(value, bool | int | str) for value in settings.values()):
        raise LinkError("This link is damaged: its settings cannot be read.")
    first = _stratification(document.get("a"), layers)
    second = _stratification(document["b"], layers) if "b" in document else None
    return Shared(model, first, second, settings)


def packed(document: Mapping[str, Any]) -> str:
    """Return a document as a part of an address."""
    text = json.dumps(document, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpacked(text: str, what: str) -> dict[str, Any]:
    """Return what `packed` was given; ``what`` begins the sentence that says why not (`LinkError`)."""
    damaged = LinkError(f"{what} damaged or incomplete; copy it again in full.")
    if len(text) > MAX_LINK_CHARS:
        raise LinkError(f"{what} damaged: longer than the {MAX_LINK_CHARS:,} characters that are read.")
    try:
        document = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise damaged from error
    if not isinstance(document, dict):
        raise damaged
    return document


def _stratification(name: object, layers: int) -> Stratification:
    if not isinstance(name, str) or len(name) > MAX_TEXT_CHARS:
        raise LinkError("This link is damaged: it holds no setting.")
    try:
        return parse_name(name, layers)
    except SpafitError as error:
        raise LinkError(f"This link's setting cannot be read: {error}") from error


def count_command(model: str, stratification: Stratification, num_labels: int = 2) -> str:
    """Return the command line that counts this setting; a setting beyond the options goes through a file."""
    return " ".join(["spafit", "count", shlex.quote(model), *_options(stratification, num_labels)])


def train_command(spec: RunSpec) -> str:
    """Return the command line that does this run."""
    what = [shlex.quote(spec.model), shlex.quote(spec.task), *_options(spec.stratification, 2)]
    return " ".join(["spafit", "train", *what, *settings_options(spec.settings)])


def settings_options(settings: TrainSettings) -> list[str]:
    """Return the options for whatever differs from the defaults."""
    changes = settings.changes(TrainSettings())
    return [_option(SETTINGS[name], value) for name, value in changes.items()]


def _option(setting: Setting, value: object) -> str:
    if value is True:
        return setting.flag
    return f"{setting.flag} {setting.empty if value is None else value}"


STRATIFICATION_FILE = "stratification.json"


def needs_file(stratification: Stratification) -> bool:
    """Whether the command line's options cannot say this setting, so that it reads its JSON from a file."""
    return stratification.head != _starting_point(stratification)[1].head


def _options(stratification: Stratification, num_labels: int) -> list[str]:
    lora, usual = stratification.lora, LoraSettings()
    options, point = _starting_point(stratification)
    if stratification.embeddings is not point.embeddings:
        options.append(f"--embeddings {stratification.embeddings}")
    for name in ("rank", "alpha", "dropout"):
        if getattr(lora, name) != getattr(usual, name):
            options.append(f"--lora-{name} {getattr(lora, name)!r}")
    if lora.targets != usual.targets:
        options.append(f"--lora-targets {','.join(lora.targets)}")
    if needs_file(stratification):
        options = [f"--stratification {STRATIFICATION_FILE}"]
    return options + ([f"--num-labels {num_labels}"] if num_labels != 2 else [])


def _starting_point(stratification: Stratification) -> tuple[list[str], Stratification]:
    """Return the options for the strata, and the stratification that they alone stand for."""
    layers, n1, n2 = stratification.num_layers, stratification.n1, stratification.n2
    boundaries = [f"--n1 {n1}", f"--n2 {n2}"]
    method = method_of(stratification)
    if method is Method.SPAFIT:
        return boundaries, preset(method, layers, n1, n2)
    if method is not None:
        return [f"--method {method}"], preset(method, layers)
    return [*boundaries, f"--recipes {','.join(stratification.recipes)}"], preset(Method.SPAFIT, layers, n1, n2)
