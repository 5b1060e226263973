"""What a map says about advisors, in sentences."""

from __future__ import annotations

from typing import Any

from spafit.advice.verdict import NOTHING_SCORED, verdict


def advisor(key: str, regret: float | None, kind: str = "measured") -> dict[str, Any]:
    return {"key": key, "name": key.title(), "kind": kind, "proposals": [{"budget": 0.5, "regret": regret}]}


def test_the_least_regret_is_named_and_thirds_only_where_it_wins() -> None:
    said = verdict([advisor("cka", -0.01), advisor("thirds", 0.02, "free")], 0.5, 5)
    assert said == ["Least regret on this map within 50%: Cka, −0.010."]
    said = verdict([advisor("cka", 0.03), advisor("thirds", 0.02, "free"), advisor("kappa", None)], 0.5, 5)
    assert said[0].endswith("Thirds, +0.020.")
    assert said[1].startswith("Thirds wins here")


def test_a_control_never_wins_and_is_named_where_it_is_no_worse() -> None:
    said = verdict([advisor("cka", 0.03), advisor("random", 0.01, "control")], 0.5, 5)
    assert said[0].endswith("Cka, +0.030.")
    assert said[1] == "No better than a control: Random has no more regret."


def test_few_maps_rank_nobody_and_nothing_scored_is_said() -> None:
    assert "No ranking of advisors follows: 4 measured maps" in verdict([advisor("cka", 0.0)], 0.5, 4)[-1]
    assert verdict([advisor("cka", None)], 0.5, 9) == [NOTHING_SCORED]
