"""Names of stratifications: read back from text, and as a person reads them."""

from __future__ import annotations

import re
from typing import Any

from spafit.stratification.kinds import MATRIX_ROLES, Method, Recipe
from spafit.stratification.presets import preset
from spafit.stratification.values import NAMED, Stratification, StratificationError, method_of

_NAME = re.compile(
    r"(?P<base>[A-Za-z]+)(?:-(?P<n1>\d{1,4})-(?P<n2>\d{1,4}))?"
    r"(?P<recipes>(?:-[a-z_]+){3})?(?P<changes>(?:\+[a-z]+=[^+]+)*)"
)
_WORDS = {
    "embeddings": "embeddings: {}",
    "pooler": "pooler: {}",
    "fresh": "new head: {}",
    "rank": "rank {}",
    "alpha": "alpha {:g}",
    "dropout": "dropout {:g}",
    "targets": "targets: {}",
}


def parse_name(name: str, num_layers: int) -> Stratification:
    """Return the stratification a `Stratification.name` stands for on a model of ``num_layers`` layers.

    Raises:
        StratificationError: the text is not such a name, or does not fit the model's depth.
    """
    match = _NAME.fullmatch(name)
    methods = {method.written.lower(): method for method in Method}
    base = match["base"].lower() if match else ""
    if not match or (base not in methods and base != "strata"):
        raise StratificationError(
            f"{name!r} names no stratification; "
            "write SPAFIT-4-9, BitFit, LoRA, Full, Probe or Strata-4-9-frozen-bias-full."
        )
    bounds = (int(match["n1"]), int(match["n2"])) if match["n1"] else ()
    if (base in ("strata", "spafit")) != bool(bounds) or (base == "strata") != bool(match["recipes"]):
        raise StratificationError(f"{name!r} is incomplete; write SPAFIT-4-9 or Strata-4-9-frozen-bias-full.")
    if base == "strata":
        recipes = match["recipes"].strip("-").split("-")
        point = Stratification(num_layers, *bounds, tuple(recipes))  # ty: ignore[invalid-argument-type]
    else:
        point = preset(methods[base], num_layers, *bounds)
    document = point.to_dict()
    for change in filter(None, match["changes"].split("+")):
        _apply_change(document, *change.split("=", 1))
    return Stratification.from_dict(document)


def _apply_change(document: dict[str, Any], key: str, value: str) -> None:
    """Write one ``+key=value`` of a name into a stratification's document."""
    if key not in NAMED:
        *others, last = NAMED
        raise StratificationError(f"A name cannot change {key!r}; it can change {', '.join(others)} and {last}.")
    part, _, field = NAMED[key].rpartition(".")
    place = document[part] if part else document
    kind = type(place[field])
    try:
        place[field] = value.split(".") if kind is list else kind(value)
    except ValueError as error:
        raise StratificationError(f"In the name, {key} is {value!r} but must be a number.") from error


def title(stratification: Stratification) -> tuple[str, list[str]]:
    """Return what a person reads: a heading such as ``SPAFIT-2-4`` or ``Linear probe``, and its differences, briefly.

    The differences are what the heading does not say: the corner of the triangle that it is, the recipes of strata that
    are nobody's method, and everything that is not as the method usually has it.
    """
    s, method = stratification, method_of(stratification)
    filled = [stratum for stratum in s.strata() if stratum.size]
    chips: list[str] = []
    if method is None:
        chips = [f"{stratum.span}: {stratum.recipe.label}" for stratum in filled]
    elif method.point is None and len(filled) == 1:
        chips = [_everywhere(s, filled[0].recipe)]
    chips += [_WORDS[key].format(_words(value)) for key, value in s.differences().items()]
    return (method.label if method and method.point else f"{method.label if method else 'Strata'}-{s.n1}-{s.n2}"), chips


def _words(value: Any) -> Any:
    if isinstance(value, Recipe):
        return value.label
    if isinstance(value, tuple):
        return "all six matrices" if value == MATRIX_ROLES else ", ".join(role.label for role in value)
    return value


def corner_labels(stratification: Stratification) -> tuple[str, str, str]:
    """Return what (0, 0), (0, L) and (L, L) are, the corners of the triangle, where one stratum has every layer."""
    first, second, third = (_everywhere(stratification, recipe) for recipe in stratification.recipes)
    return third, second, first


def _everywhere(stratification: Stratification, recipe: Recipe) -> str:
    """Return what a stratification is when one recipe has every layer.

    Frozen layers leave the head. The linear probe trains its new parts alone; SPAFIT the biases of the pooler and the
    final norm too, where the model has them, which is called head only.
    """
    s = stratification
    if not recipe.idle:
        return f"{recipe.label} in every layer"
    new_alone = s.embeddings.idle and s.head.pretrained_pooler.idle and s.final_norm.idle
    return Method.PROBE.label.lower() if new_alone else "head only"
