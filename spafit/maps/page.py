"""A map as one page that needs neither spafit nor a network: ribbon, triangle, curves, replay.

Data travels as JSON inside the page, where no text can end it; scripts write texts letter by letter.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from spafit.maps.file import CHOSE_RATE, MapFile
from spafit.palette import CURVE_COLORS, TEXT_ON_COLOR
from spafit.stratification import Method, Recipe, Stratification, method_of
from spafit.tasks.metrics import LABELS

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def map_page(made: MapFile) -> str:
    """Return the page of a map."""
    heading = f"Map of {made.model} on {made.task}"
    text = json.dumps(page_data(made), separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    style, script = ((HERE / f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(heading)}</title>'
        f'<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        f'content="{POLICY}"><style>{style}</style></head><body><main id="map"></main>'
        f'<script type="application/json" id="data">{text}</script><script>{script}</script></body></html>\n'
    )


def page_data(made: MapFile) -> dict[str, Any]:
    """Return what the page draws, as JSON types: the recorded runs in order, and what each of their points is."""
    document, metric = made.document, made.document["metric"]
    points = [Stratification.from_dict(point) for point in document["points"]]
    runs = []
    for run in made.runs:
        record = made.recorded[run.id]
        if metric not in run.validation_metrics:
            continue
        runs.append(
            {
                "point": record["point"],
                "rate": run.learning_rate,
                "seed": run.seed,
                "chose": CHOSE_RATE in run.tags,
                "score": run.validation_metrics[metric],
                "trainable": run.trainable,
                "seconds": run.seconds,
                "loss": [[point[0], point[3]] for point in record["curve"]],
                "scores": [[point[0], point[4][metric]] for point in record["evaluations"] if metric in point[4]],
            }
        )
    return {
        "model": made.model,
        "task": made.task,
        "origin": document["origin"],
        "recorded": made.origin.value,
        "metric": LABELS[metric],
        "layers": points[0].num_layers,
        "baseline": document["validation_baseline"].get(metric),
        "machines": sorted(
            {str(m["hardware"].get("card") or m["hardware"].get("cpu", "")) for m in document["machines"]}
        ),
        "recipes": {
            r.value: {"label": r.label, "color": r.color} for r in (Recipe.FROZEN, Recipe.BIAS, Recipe.LORA_BIAS)
        },
        "ink": TEXT_ON_COLOR,
        "colors": CURVE_COLORS,
        "points": [_point(point) for point in points],
        "runs": runs,
    }


def _point(point: Stratification) -> dict[str, Any]:
    method = method_of(point)
    is_cell = method is Method.SPAFIT
    name = point.name if method is None or is_cell else method.label
    return {"name": name, "n1": point.n1 if is_cell else None, "n2": point.n2 if is_cell else None}
