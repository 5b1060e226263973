"""Stratifications: which layers of a Transformer learn what, as plain values (standard library only).

SPAFIT (Arora and Wang 2024, arXiv 2405.00201) divides the L encoder layers by two boundaries N1 <= N2. Here that idea
is one space: a `Stratification` names the boundaries, one recipe per stratum, and recipes for what lies below layer 1
and above layer L. Full fine-tuning, BitFit, LoRA and the linear probe are points in it (see `preset`), not code paths.
"""

from spafit.stratification.kinds import MATRIX_ROLES, WITHOUT_LORA, Method, Recipe, Role
from spafit.stratification.names import corner_labels, parse_name, title
from spafit.stratification.presets import default_boundaries, learning_rate_method, preset
from spafit.stratification.values import (
    MAX_LAYERS,
    SCHEMA_VERSION,
    HeadRecipe,
    LoraSettings,
    Stratification,
    StratificationError,
    Stratum,
    method_of,
)

__all__ = [
    "MATRIX_ROLES",
    "MAX_LAYERS",
    "SCHEMA_VERSION",
    "WITHOUT_LORA",
    "HeadRecipe",
    "LoraSettings",
    "Method",
    "Recipe",
    "Role",
    "Stratification",
    "StratificationError",
    "Stratum",
    "corner_labels",
    "default_boundaries",
    "learning_rate_method",
    "method_of",
    "parse_name",
    "preset",
    "title",
]
