"""Explore's controls beyond the preset: a recipe per stratum, LoRA, the embeddings and the head."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from spafit.errors import SpafitError
from spafit.glossary import term, tip
from spafit.models.anatomy import Anatomy
from spafit.runs.class_rules import BOUNDARIES, LORA, RECIPES, Rules
from spafit.stratification import MATRIX_ROLES, WITHOUT_LORA, Recipe, Stratification
from spafit.ui.choice import commit, current, say
from spafit.ui.classroom.mine import is_open
from spafit.ui.drawn import key_of
from spafit.ui.explore.assumptions import ASSUMED
from spafit.ui.explore.costs import control
from spafit.ui.explore.stack import boundary_numbers

MEANING = "  \n".join(f"**{recipe.label}**: {recipe.description.meaning}." for recipe in Recipe)


def _change(key: str, changed: Callable[[Stratification, Any], Stratification]) -> None:
    """Apply a widget's new value; what the model cannot do is said and not applied."""
    try:
        commit(stratification=changed(current().stratification, st.session_state[key]))
    except SpafitError as error:
        say(str(error))


def _with_recipe(number: int) -> Callable[[Stratification, Recipe], Stratification]:
    def changed(before: Stratification, recipe: Recipe) -> Stratification:
        recipes = list(before.recipes)
        recipes[number] = recipe
        return replace(before, recipes=tuple(recipes))

    return changed


def _recipe_box(label: str, key: str, value: Recipe, options: tuple[Recipe, ...], changed: Any, help_text: str) -> None:
    key = key_of(key, value)
    st.selectbox(
        label,
        options,
        format_func=lambda recipe: recipe.label,
        key=key,
        on_change=_change,
        args=(key, changed),
        help=help_text,
    )


def recipes_tab(anatomy: Anatomy, stratification: Stratification, rules: Rules | None = None) -> None:
    """Everything a stratification has, as ordinary controls; what ``rules`` of the visitor's class fix is left out."""
    if is_open(rules, BOUNDARIES, RECIPES):
        st.markdown("**The layers**")
    if is_open(rules, BOUNDARIES):
        boundary_numbers(stratification)
    if is_open(rules, RECIPES):
        _strata(stratification)
    if is_open(rules, LORA):
        st.markdown("**The LoRA adapters**")
        _lora(stratification)
    if is_open(rules, RECIPES):
        st.markdown("**Below and above the layers**")
        _ends(anatomy, stratification)


def _strata(stratification: Stratification) -> None:
    for stratum, column in zip(stratification.strata(), st.columns(3), strict=True):
        with column:
            number = stratum.number
            _recipe_box(
                f"Stratum {number}: {stratum.span}",
                f"explore_recipe_{number}",
                stratum.recipe,
                tuple(Recipe),
                _with_recipe(number - 1),
                MEANING,
            )


def _lora(stratification: Stratification) -> None:
    lora = stratification.lora
    rank, alpha, dropout, targets = st.columns([1, 1, 1, 3])
    for column, name, shown, low, high, step in (
        (rank, "rank", term("rank"), 1, 65_536, 1),
        (alpha, "alpha", term("alpha"), 0.5, 1e6, 1.0),
        (dropout, "dropout", term("lora_dropout"), 0.0, 0.95, 0.05),
    ):
        key = key_of(f"explore_lora_{name}", getattr(lora, name))
        column.number_input(
            shown.name, low, high, step=step, key=key, on_change=_change, args=(key, _with_lora(name)), help=shown.tip
        )
    key = key_of("explore_lora_targets", list(lora.targets))
    targets.multiselect(
        term("targets").name,
        MATRIX_ROLES,
        format_func=lambda role: role.label,
        key=key,
        on_change=_change,
        args=(key, _with_lora("targets")),
        help=tip("targets"),
    )


def _with_lora(name: str) -> Callable[[Stratification, Any], Stratification]:
    return lambda before, value: replace(before, lora=replace(before.lora, **{name: value}))


def _ends(anatomy: Anatomy, stratification: Stratification) -> None:
    embeddings, pooler, fresh, labels = st.columns(4)
    with embeddings:
        _recipe_box(
            term("embeddings").name,
            "explore_embeddings",
            stratification.embeddings,
            WITHOUT_LORA,
            lambda before, recipe: replace(before, embeddings=recipe),
            tip("embeddings"),
        )
    with pooler:
        _recipe_box(
            "Pretrained pooler",
            "explore_pooler",
            stratification.head.pretrained_pooler,
            WITHOUT_LORA,
            lambda before, recipe: replace(before, head=replace(before.head, pretrained_pooler=recipe)),
            tip("pooler"),
        )
    with fresh:
        _recipe_box(
            term("new_head").name,
            "explore_fresh",
            stratification.head.fresh,
            WITHOUT_LORA,
            lambda before, recipe: replace(before, head=replace(before.head, fresh=recipe)),
            tip("new_head"),
        )
    control(labels, "assumptions", ASSUMED["num_labels"])
    inert = sum(tensor.inert for tensor in anatomy.tensors)
    if inert:
        st.caption(
            f"{inert:,} key biases of this model are inert: training them changes nothing, because softmax ignores "
            "what is added to all scores alike. They are counted, since BitFit trains them."
        )
