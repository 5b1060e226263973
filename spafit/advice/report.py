"""Every advisor beside the others: scores, proposals within each budget, and how a measured map judges them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spafit.advice.advisors import CONTROLS, FREE, MEASURED, Advisor
from spafit.advice.rules import last_quarter, random_cell, reversed_scores, thirds
from spafit.advice.scoring import score
from spafit.advice.split import BUDGETS, Proposal, propose, trainable_parameters, within
from spafit.maps.cells import Cell
from spafit.maps.statistics import Scores
from spafit.models.anatomy import Anatomy
from spafit.stratification import LoraSettings

SCHEMA_VERSION = 1
NO_SCORES = "this advisor has no scores for this model"

Propose = Callable[[Sequence[Cell]], Proposal]


def report(
    anatomy: Anatomy,
    answers: Mapping[str, Mapping[str, Any]],
    measured: Mapping[Cell, Scores] | None = None,
    lora: LoraSettings | None = None,
) -> dict[str, Any]:
    """Return the advice for a model as JSON types.

    Args:
        anatomy: of the model.
        answers: what `spafit.advice.measured.measure` returned; empty where nothing was measured.
        measured: scores by seed of the cells of a map, to hold the proposals against.
        lora: of the cells.

    Returns:
        "advisors", each with what `Advisor` says of it, "scores", "seconds", "remark" and a list of "proposals", one a
        budget.
    """
    trainable = trainable_parameters(anatomy, lora)
    allowed = {budget: within(trainable, budget) for budget in BUDGETS}

    def described(
        advisor: Advisor, kind: str, advise: Propose, answer: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        proposals = [
            _proposal(budget, advise(allowed[budget]), trainable, measured, allowed[budget]) for budget in BUDGETS
        ]
        answer = answer or {"scores": None, "seconds": 0.0, "remark": ""}
        return {**vars(advisor), "kind": kind, **answer, "proposals": proposals}

    depth = anatomy.num_layers
    turned, chance = CONTROLS
    found = []
    for advisor in MEASURED:
        if answer := answers.get(advisor.key):
            found.append(described(advisor, "measured", _by_scores(answer["scores"]), answer))
    for advisor, rule in zip(FREE, (thirds, last_quarter), strict=True):
        found.append(described(advisor, "free", lambda cells, rule=rule: rule(depth, cells)))
    for advisor in MEASURED:
        if answer := answers.get(advisor.key):
            scores = reversed_scores(answer["scores"])
            name = f"{turned.name}: {advisor.name.lower()}"
            control = Advisor(f"{turned.key}_{advisor.key}", name, turned.looks_at, turned.source, turned.against)
            found.append(
                described(control, "control", _by_scores(scores), {"scores": scores, "seconds": 0.0, "remark": ""})
            )
    found.append(described(chance, "control", random_cell))
    return {"schema": SCHEMA_VERSION, "budgets": list(BUDGETS), "advisors": found}


def _by_scores(scores: Sequence[float | None]) -> Propose:
    def advise(cells: Sequence[Cell]) -> Proposal:
        return propose(scores, cells) if scores else Proposal(None, NO_SCORES)

    return advise


def _proposal(
    budget: float,
    proposal: Proposal,
    trainable: Mapping[Cell, int],
    measured: Mapping[Cell, Scores] | None,
    allowed: Sequence[Cell],
) -> dict[str, Any]:
    cell = proposal.cell
    row = {
        "budget": budget,
        "cell": None if cell is None else list(cell),
        "reason": proposal.reason,
        "means": list(proposal.means),
        "trainable": None if cell is None else trainable[cell],
    }
    scored = None if cell is None or not measured else score(measured, cell, allowed)
    if scored is None:
        return row | {"regret": None, "standard_error": None, "seeds": None, "rank": None, "cells": None}
    regret = {"regret": scored.regret.mean, "standard_error": scored.regret.standard_error, "seeds": scored.regret.n}
    return row | regret | {"rank": scored.rank, "cells": scored.cells}
