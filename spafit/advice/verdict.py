"""What a measured map says about advisors within one budget, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spafit.advice.scoring import ranking_caveat

NOTHING_SCORED = (
    "No proposal within this budget can be scored on the map: it takes proposals whose cells were measured, and at "
    "least two seeds that all measured cells within the budget share."
)
SIMPLE = "thirds"


def verdict(advisors: Sequence[Mapping[str, Any]], budget: float, maps: int) -> list[str]:
    """Return who has the least regret on the map, controls apart, whether thirds wins, and what does not follow.

    Args:
        advisors: as `spafit.advice.report.report` returns them, held against a map.
        budget: of the proposals.
        maps: how many measured maps there are.
    """
    scored = [
        (proposal["regret"], advisor)
        for advisor in advisors
        for proposal in advisor["proposals"]
        if proposal["budget"] == budget and proposal["regret"] is not None
    ]
    asked = [(regret, advisor) for regret, advisor in scored if advisor["kind"] != "control"]
    caveat = ranking_caveat(maps)
    last = [f"No ranking of advisors follows: {caveat}"] if caveat else []
    if not asked:
        return [NOTHING_SCORED, *last]
    least = min(regret for regret, _ in asked)
    best = [advisor for regret, advisor in asked if regret == least]
    names = " and ".join(advisor["name"] for advisor in best)
    said = [f"Least regret on this map within {budget:.0%}: {names}, {least:+.3f}.".replace("-", "−")]
    if any(advisor["key"] == SIMPLE for advisor in best):
        said.append("Thirds wins here: looking at model and data gained nothing over boundaries at thirds.")
    controls = [advisor["name"] for regret, advisor in scored if advisor["kind"] == "control" and regret <= least]
    if controls:
        said.append(f"No better than a control: {', '.join(controls)} has no more regret.")
    return said + last
