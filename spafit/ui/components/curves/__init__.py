"""A line chart that grows in place: unlike st.plotly_chart it keeps its node, so nothing blinks once a second.

What a visitor zoomed into is kept on that node too, and so survives new points.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import streamlit as st

from spafit.ui.components import source

MAX_POINTS = 800
"""Points of one line that reach the browser: about one a pixel."""

_UNZOOM = '<button class="unzoom" type="button" hidden>Show all</button>'
_PLOT = f'<div class="plot"><svg></svg>{_UNZOOM}<div class="tip" hidden></div></div>'
_HTML = f'<div class="curves"><div class="legend"></div>{_PLOT}</div>'
_mount = st.components.v2.component(
    "spafit_curves",
    html=_HTML,
    css=source("curves/curves.css"),
    js=source("curves/curves.js"),
)


@dataclass(frozen=True)
class Line:
    """One line of a chart; `x` and `y` have the same length, `x` does not fall."""

    name: str
    color: str
    x: Sequence[float]
    y: Sequence[float]
    faint: bool = False
    dots: bool = False
    dash: str = ""
    """An SVG dash pattern, so that lines are told apart without their colours too."""
    low: Sequence[float] | None = None
    """With `high`, the edges of a band around the line."""
    high: Sequence[float] | None = None

    def thinned(self, limit: int = MAX_POINTS) -> "Line":
        """Return the same line with at most `limit` + 1 points: every k-th and the last."""
        step = -(-len(self.x) // limit)
        if step <= 1:
            return self
        kept = [*range(0, len(self.x) - 1, step), len(self.x) - 1]
        low, high = (None if edge is None else [edge[i] for i in kept] for edge in (self.low, self.high))
        return replace(self, x=[self.x[i] for i in kept], y=[self.y[i] for i in kept], low=low, high=high)


def smoothed(values: Sequence[float], weight: float = 0.9) -> list[float]:
    """Exponential moving average, corrected for its start (Kingma and Ba 2015, section 3), same length."""
    average, result = 0.0, []
    for index, value in enumerate(values, 1):
        average = weight * average + (1 - weight) * value
        result.append(average / (1 - weight**index))
    return result


def curves(
    lines: Sequence[Line],
    *,
    key: str,
    title: str,
    x_label: str,
    y_label: str,
    height: int = 240,
    x_max: float | None = None,
    y_range: tuple[float, float] | None = None,
    reference: tuple[str, float] | None = None,
    when_empty: str = "waiting for the first point",
) -> None:
    """Draw lines in one chart.

    Args:
        lines: what to draw; none, or only empty ones, are a chart that says `when_empty`.
        key: the chart's own; one per chart on a page.
        title: above the chart.
        x_label: with its unit, if it has one.
        y_label: likewise.
        height: pixels, axis titles included.
        x_max: keeps room for what is to come.
        y_range: the vertical axis has at least this, so that it need not move as the curve grows.
        reference: name and value of a horizontal line.
        when_empty: what the chart says while it has no point.
    """
    st.markdown(f"**{title}**")
    _mount(
        key=key,
        data={
            "lines": [asdict(line.thinned()) for line in lines],
            "title": title,
            "xLabel": x_label,
            "yLabel": y_label,
            "yRange": y_range,
            "whenEmpty": when_empty,
            "height": height,
            "xMax": x_max,
            "reference": None if reference is None else {"name": reference[0], "y": reference[1]},
        },
        height="content",
    )
