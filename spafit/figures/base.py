"""What all figures share: transparent ground, room for 400 px, and a sentence instead of an empty chart."""

from collections.abc import Sequence

import plotly.graph_objects as go

SERIES_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6BB1", "#7F7F7F")
"""Okabe and Ito's hues in an order in which neighbors differ in lightness too; repeated after eight."""
DASHES = ("solid", "dash", "dot", "dashdot")
"""Changes after each full turn through the colors, so that no two of 32 series look alike."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
GRID = "rgba(128,128,128,0.22)"


def styled(figure: go.Figure, *, height: int, title: str = "", x: str = "", y: str = "") -> go.Figure:
    """Give a figure the common layout and return it; ``title`` is also what a screen reader is told."""
    figure.update_layout(
        height=height,
        title={"text": title, "font": {"size": 14}} if title else None,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 8, "r": 8, "t": 40 if title else 8, "b": 8},
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.02,
            "xanchor": "left",
            "x": 0,
            "title": {"text": ""},
            "traceorder": "normal",
        },
        hoverlabel={"namelength": -1},
        modebar={"bgcolor": "rgba(0,0,0,0)"},
        separators=".,",
    )
    figure.update_xaxes(title_text=x or None, automargin=True, gridcolor=GRID, zeroline=False)
    figure.update_yaxes(title_text=y or None, automargin=True, gridcolor=GRID, zeroline=False)
    return figure


def empty(sentence: str, *, height: int = 220) -> go.Figure:
    """A figure that says why there is nothing to draw."""
    figure = go.Figure()
    figure.add_annotation(text=sentence, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"size": 14})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return styled(figure, height=height)


def series_style(number: int) -> tuple[str, str, str]:
    """Color, dash and marker symbol of the ``number``-th series of a figure."""
    turn = number // len(SERIES_COLORS)
    color = SERIES_COLORS[number % len(SERIES_COLORS)]
    return color, DASHES[turn % len(DASHES)], SYMBOLS[turn % len(SYMBOLS)]


def in_order(values: Sequence[str]) -> list[str]:
    """The distinct values in their first order."""
    return list(dict.fromkeys(values))
