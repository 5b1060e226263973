"""One page about several settings, or a whole map of them, to print or hand in: scores with their error, ribbons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from spafit.export.report import page
from spafit.figures.standing import bar_chart
from spafit.figures.strata import svg
from spafit.figures.triangle import triangle
from spafit.palette import CURVE_COLORS
from spafit.stratification import Method, Stratification, method_of, title
from spafit.tasks.metrics import LABELS

COLOR = CURVE_COLORS["metric"]


@dataclass(frozen=True)
class Compared:
    """One setting: the mean of its runs' final validation scores, with its standard error where there are several."""

    stratification: Stratification
    learning_rate: float
    trainable: int
    total: int
    mean: float
    n: int
    standard_error: float | None

    @property
    def called(self) -> str:
        """Its name with what is not as usual."""
        name, chips = title(self.stratification)
        return ", ".join((name, *chips))


def comparison_report(
    heading: str, settings: Sequence[Compared], metric: str, baseline: float | None, remarks: Sequence[str] = ()
) -> str:
    """Return the report of a comparison, the best setting first; with a triangle where a map's cells are among them.

    Args:
        heading: what is compared, such as the model and the task.
        settings: at least one.
        metric: whose scores they are.
        baseline: what always answering the same reaches.
        remarks: what else has to be said, a sentence each.
    """
    label = LABELS[metric]
    ordered = sorted(settings, key=lambda one: -one.mean)
    parts = [
        f"<h1>{escape(heading)}</h1>",
        f"<p>{escape(label)} on the validation part, the mean over seeds; "
        + ("" if baseline is None else f"the baseline reaches {baseline:.4f}; ")
        + f"{len(settings)} settings, {sum(one.n for one in settings)} runs.</p>",
        *(f"<p>{escape(remark)}</p>" for remark in remarks),
        _table(ordered, label),
        bar_chart([(one.called[:24], one.mean, COLOR) for one in ordered[:30]], label=label),
    ]
    if len(cells := _cells(ordered)) > 1:
        layers = ordered[0].stratification.num_layers
        parts += ["<h2>Over the boundaries</h2>", triangle(layers, cells, label)]
    parts += ["<h2>Settings</h2>", *(f"<p>{escape(one.called)}</p>{svg(one.stratification)}" for one in ordered[:10])]
    return page(heading, parts)


def _cells(settings: Sequence[Compared]) -> Mapping[tuple[int, int], float]:
    """Return the scores of SPAFIT's settings by their boundaries; of several with the same ones the best."""
    cells: dict[tuple[int, int], float] = {}
    for one in settings:
        if method_of(one.stratification) is Method.SPAFIT:
            cells.setdefault((one.stratification.n1, one.stratification.n2), one.mean)
    return cells


def _table(settings: Sequence[Compared], label: str) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.called)}</td><td class=n>{one.learning_rate:g}</td><td class=n>{one.trainable:,}</td>"
        f"<td class=n>{100 * one.trainable / one.total:.3g} %</td><td class=n>{one.mean:.4f}</td>"
        f"<td class=n>{'' if one.standard_error is None else f'± {one.standard_error:.4f}'}</td>"
        f"<td class=n>{one.n}</td></tr>"
        for one in settings
    )
    head = "".join(
        f"<th>{escape(name)}</th>" for name in ("setting", "rate", "trained", "share", label, "std. error", "seeds")
    )
    return f"<table><tr>{head}</tr>{rows}</table>"
