"""What changed inside: the size of each part's change along the layers, on the strata's colours."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from spafit.figures.base import drawn, empty
from spafit.figures.layers import layer_axis
from spafit.palette import KIND_COLORS, KIND_LABELS
from spafit.stratification import Stratification

NOTHING = "This run is from before changes were measured, or it ended before they could be."
FROZEN = "exactly 0"
_BESIDE = {"bias": -0.2, "lora": 0.0, "weight": 0.2}


def changes(found: Sequence[Mapping[str, Any]], stratification: Stratification) -> go.Figure:
    """Draw the changes that a run told, as dots on a log axis; hollow ones are absolute.

    Args:
        found: as `spafit.training.events.Change`, as JSON types.
        stratification: of the run.
    """
    if not found:
        return empty(NOTHING)
    depth = stratification.num_layers
    column = {"embeddings": 0, "head": depth + 1}
    traces = []
    for kind, label in KIND_LABELS.items():
        mine = [change for change in found if change["kind"] == kind and change["ratio"] > 0]
        if not mine:
            continue
        places = [change["layer"] or column[change["row"]] for change in mine]
        words = [
            (
                f"layer {change['layer']}" if change["layer"] else change["row"],
                "absolute: it was zero before" if change["absolute"] else "of its starting norm",
            )
            for change in mine
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": label,
                "x": [place + _BESIDE[kind] for place in places],
                "y": [change["ratio"] for change in mine],
                "marker": {
                    "color": KIND_COLORS[kind],
                    "size": 10 if depth <= 32 else 6,
                    "symbol": ["circle-open" if change["absolute"] else "circle" for change in mine],
                    "line": {"width": 2, "color": KIND_COLORS[kind]},
                },
                "customdata": words,
                "hovertemplate": f"%{{customdata[0]}}<br>{label}: %{{y:.3g}}<br>%{{customdata[1]}}<extra></extra>",
            }
        )
    changed = {change["layer"] for change in found}
    still = [layer for layer in range(1, depth + 1) if layer not in changed]
    up = {"type": "log", "title": {"text": "change / start"}, "dtick": "D2", "tickformat": "~g"}
    rows = ["embeddings", *(f"layer {layer}" for layer in range(1, depth + 1)), "head"]
    return drawn(
        traces,
        height=300,
        x=layer_axis(rows),
        y=up,
        shapes=_bands(stratification),
        annotations=[_zero(still)] if still else [],
        showlegend=True,
    )


def _bands(stratification: Stratification) -> list[dict[str, Any]]:
    """Return a band behind the layers of each stratum."""
    return [
        {
            "type": "rect",
            "xref": "x",
            "yref": "paper",
            "x0": stratum.first - 0.5,
            "x1": stratum.last + 0.5,
            "y0": 0,
            "y1": 1,
            "fillcolor": stratum.recipe.color,
            "opacity": 0.22,
            "line": {"width": 0},
            "layer": "below",
        }
        for stratum in stratification.strata()
        if stratum.size
    ]


def _zero(still: Sequence[int]) -> dict[str, Any]:
    middle = still[len(still) // 2] if len(still) % 2 else (still[len(still) // 2 - 1] + still[len(still) // 2]) / 2
    return {"x": middle, "y": 0.5, "xref": "x", "yref": "paper", "text": FROZEN, "showarrow": False}
