"""One page about a run, to print or hand in: setting, layers, curve, scores beside the baseline, what changed inside.

Self-contained HTML without a script; everything that people named is written letter by letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from spafit.figures.standing import bar_chart, line_chart
from spafit.figures.strata import svg
from spafit.palette import CURVE_COLORS, KIND_COLORS, KIND_LABELS
from spafit.stratification import Stratification, title
from spafit.tasks.metrics import LABELS
from spafit.training.events import Change

_CSS = """
body{font:14px/1.45 system-ui,sans-serif;color:#10151C;background:#fff;max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:1.4rem 0 .4rem}
svg{max-width:100%;height:auto}table{border-collapse:collapse}
td,th{padding:.15rem .8rem .15rem 0;text-align:left;vertical-align:top}th{font-weight:600}td.n{text-align:right}
.chips span{border:1px solid #9AA4B2;border-radius:1em;padding:0 .6em;margin-right:.4em;font-size:.85em}
footer{margin-top:1.5rem;color:#3A424E;font-size:.85em}
@media print{body{margin:0}h2{break-after:avoid}svg{break-inside:avoid}}
"""


def report(
    document: Mapping[str, Any],
    metric: str,
    curve: Sequence[tuple[float, float]],
    changed: Sequence[Change],
) -> str:
    """Return the report of a run.

    Args:
        document: what `spafit.json` records of it.
        metric: the task's primary metric.
        curve: that metric on the live validation examples, as (step, value).
        changed: what changed inside, row by row.
    """
    stratification = Stratification.from_dict(document["spec"]["stratification"])
    name, chips = title(stratification)
    label = LABELS.get(metric, metric)
    marks = "".join(f"<span>{escape(chip)}</span>" for chip in chips)
    share = 100 * document["trainable"] / document["total"]
    parts = [
        f"<h1>{escape(name)} on {escape(str(document['task']))}</h1>",
        f'<p class="chips">{marks}</p>' if marks else "",
        f"<p>{escape(str(document['model']))}; trained {document['trainable']:,} of {document['total']:,} parameters "
        f"({share:.3g} %), seed {document['seed']}.</p>",
        svg(stratification),
        "<h2>Scores</h2>",
        _scores(document),
    ]
    if curve:
        parts += [
            f"<h2>{escape(label)} on the live validation examples</h2>",
            curve_figure(curve, metric, document),
        ]
    if figure := changes_figure(changed):
        parts += [
            "<h2>What changed inside</h2>",
            "<p>Norm of the change over the norm before training; frozen parts did not change.</p>",
            figure,
        ]
    parts += ["<h2>Setting</h2>", _setting(document["spec"]["settings"]), _footer(document)]
    return page(f"{name} on {document['task']}", parts)


def page(heading: str, parts: Sequence[str]) -> str:
    """Return parts of HTML as one page that stands by itself and prints well."""
    body = "\n".join(part for part in parts if part)
    heading = escape(heading)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{heading}</title>'
        f"<style>{_CSS}</style></head><body>\n{body}\n</body></html>\n"
    )


def curve_figure(curve: Sequence[tuple[float, float]], metric: str, document: Mapping[str, Any]) -> str:
    """Return the live validation curve, with the baseline, as SVG."""
    floor = document["baseline"].get(metric) if document["baseline"] else None
    return line_chart(
        curve,
        x_label="step",
        y_label=LABELS.get(metric, metric),
        color=CURVE_COLORS["metric"],
        floor=None if floor is None else (floor, "baseline"),
    )


def live_curve(events: Iterable[Mapping[str, Any]], metric: str) -> list[tuple[float, float]]:
    """Return a metric on the live validation examples as (step, value), out of a run's events."""
    evaluated = (event for event in events if event["kind"] == "evaluated" and metric in event["metrics"])
    return [(float(event["step"]), float(event["metrics"][metric])) for event in evaluated]


def changes_figure(changed: Sequence[Change]) -> str:
    """Return how much each part changed as SVG; empty where nothing can be compared."""
    bars = [
        (row_name(change) + f", {KIND_LABELS[change.kind].lower()}", change.ratio, KIND_COLORS[change.kind])
        for change in changed
        if not change.absolute
    ]
    return bar_chart(bars, label="Norm of the change over the norm before training") if bars else ""


def row_name(change: Change) -> str:
    """Return what part of the model a change is in."""
    return f"layer {change.layer}" if change.layer is not None else change.row


def _scores(document: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td>validation</td><td>{escape(LABELS[name])}</td><td class=n>{value:.4f}</td><td></td></tr>"
        for name, value in document["validation_metrics"].items()
    ]
    parts = {"test": (document["metrics"], document["baseline"])}
    parts |= {
        part.replace("_", " "): (found["metrics"], found["baseline"])
        for part, found in (document["further_tests"] or {}).items()
    }
    for part, (scores, baseline) in parts.items():
        for name, value in (scores or {}).items():
            floor = f"{baseline[name]:.4f}" if name in baseline else ""
            rows.append(
                f"<tr><td>{escape(part)}</td><td>{escape(LABELS[name])}</td><td class=n>{value:.4f}</td>"
                f"<td class=n>{floor}</td></tr>"
            )
    return (
        "<table><tr><th>part</th><th>metric</th><th>score</th><th>baseline</th></tr>"
        + "".join(rows)
        + "</table><p>One run with one seed: another seed gives other figures, often by a point or more.</p>"
    )


def _setting(settings: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{escape(str(value))}</td></tr>"
        for name, value in settings.items()
        if value is not None
    )
    return f"<table>{rows}</table>"


def _footer(document: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted((document["versions"] or {}).items()))
    processor = (document["hardware"] or {}).get("cpu", "")
    words = f"Run {document['run']} on {document['device']} ({processor}); {versions}."
    return f"<footer>{escape(words)}</footer>"
