"""A run's figures as files: each as SVG, and as an HTML page that stands by itself, with its numbers below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from spafit.export.report import changes_figure, curve_figure, page, row_name
from spafit.figures.strata import svg
from spafit.palette import KIND_LABELS
from spafit.stratification import Stratification
from spafit.tasks.metrics import LABELS
from spafit.training.events import Change


def figure_files(
    document: Mapping[str, Any], metric: str, curve: Sequence[tuple[float, float]], changed: Sequence[Change]
) -> dict[str, str]:
    """Return the figures by file name; those that a run has nothing for are left out. Arguments: see `report`."""
    stratification = Stratification.from_dict(document["spec"]["stratification"])
    about = f"{stratification.name} on {document['task']}, run {document['run']}"
    strata = [(s.number, s.span, s.recipe.label, s.size) for s in stratification.strata() if s.size]
    label = LABELS.get(metric, metric)
    parts = [
        (row_name(change), KIND_LABELS[change.kind], f"{change.ratio:.4g}", "absolute" if change.absolute else "")
        for change in changed
    ]
    figures = (
        ("strata", "Method per stratum", svg(stratification), ("stratum", "layers", "method", "number"), strata),
        (
            "curve",
            f"{label} on the live validation examples",
            curve_figure(curve, metric, document) if curve else "",
            ("step", label),
            [(f"{step:g}", f"{value:.4f}") for step, value in curve],
        ),
        (
            "changes",
            "Norm of the change over the norm before training",
            changes_figure(changed),
            ("part", "parameters", "change", "where nothing was before"),
            parts,
        ),
    )
    files: dict[str, str] = {}
    for name, heading, drawn, header, rows in figures:
        if drawn:
            files |= {f"{name}.svg": drawn, f"{name}.html": _page(heading, about, drawn, header, rows)}
    return files


def _page(heading: str, about: str, drawn: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><tr>{head}</tr>{body}</table>"
    return page(heading, [f"<h1>{escape(heading)}</h1>", f"<p>{escape(about)}</p>", drawn, table])
