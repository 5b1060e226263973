"""Hypothesis strategies shared by tests."""

from typing import Any

from hypothesis import strategies as st

from spafit.stratification import MATRIX_ROLES, WITHOUT_LORA, HeadRecipe, LoraSettings, Recipe, Stratification
from spafit.training.config import SETTINGS, TrainSettings
from spafit.training.setting import Kind, Setting


@st.composite
def stratifications(draw: st.DrawFn, num_layers: int, max_rank: int = 8) -> Stratification:
    """Any stratification of a model of this depth."""
    n1, n2 = sorted(draw(st.tuples(*[st.integers(0, num_layers)] * 2)))
    outside = st.sampled_from(WITHOUT_LORA)
    targets = tuple(draw(st.sets(st.sampled_from(MATRIX_ROLES), min_size=1)))
    return Stratification(
        num_layers,
        n1,
        n2,
        draw(st.tuples(*[st.sampled_from(Recipe)] * 3)),
        draw(outside),
        HeadRecipe(draw(outside), draw(outside)),
        LoraSettings(draw(st.integers(1, max_rank)), draw(st.sampled_from([8.0, 16.0])), 0.0, targets),
    )


LORAS = st.builds(
    LoraSettings,
    rank=st.integers(1, 4096),
    alpha=st.floats(1e-6, 1e30, exclude_min=True),
    dropout=st.floats(0, 1, exclude_max=True),
    targets=st.lists(st.sampled_from(MATRIX_ROLES), min_size=1).map(tuple),
)
HEADS = st.builds(HeadRecipe, st.sampled_from(WITHOUT_LORA), st.sampled_from(WITHOUT_LORA))


@st.composite
def any_stratifications(draw: st.DrawFn) -> Stratification:
    """Any stratification of 1 to 130 layers."""
    layers = draw(st.integers(1, 130))
    n1, n2 = sorted((draw(st.integers(0, layers)), draw(st.integers(0, layers))))
    recipes = tuple(draw(st.sampled_from(Recipe)) for _ in range(3))
    return Stratification(layers, n1, n2, recipes, draw(st.sampled_from(WITHOUT_LORA)), draw(HEADS), draw(LORAS))


def allowed_values(setting: Setting) -> st.SearchStrategy[Any]:
    """Every value that a training setting may have."""
    match setting.kind:
        case Kind.SWITCH:
            return st.booleans()
        case Kind.CHOICE:
            return st.sampled_from(setting.choices)
        case Kind.WHOLE:
            values: st.SearchStrategy[Any] = st.integers(int(setting.low), int(setting.high))
        case Kind.NUMBER:
            values = st.floats(setting.low, setting.high, exclude_min=setting.above)
    return values | st.none() if setting.empty else values


def train_settings() -> st.SearchStrategy[TrainSettings]:
    """Any training settings that do not contradict each other."""
    values = st.fixed_dictionaries({name: allowed_values(setting) for name, setting in SETTINGS.items()})
    agree = values.filter(lambda given: not (given["frozen_dropout"] and given["prefix_cache"] == "on"))
    return agree.map(lambda given: TrainSettings(**given))
