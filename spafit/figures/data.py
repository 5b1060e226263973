"""A task's data as pictures: how its labels are spread, and how long its texts are."""

import html
import itertools
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from spafit.figures.base import SERIES_COLORS, empty, styled

SHOWN_CLASSES = 20
BARS = 60
_LABEL_CHARACTERS = 28


def class_balance(labels: Sequence[str], counts: Sequence[int]) -> go.Figure:
    """Draw the rows of each class, the largest first; beyond twenty classes the rest as one bar."""
    if not sum(counts):
        return empty("There are no rows.")
    order = sorted(range(len(labels)), key=lambda i: -counts[i])
    names = [_name(labels[i]) for i in order[:SHOWN_CLASSES]]
    values = [counts[i] for i in order[:SHOWN_CLASSES]]
    if len(order) > SHOWN_CLASSES:
        names.append(f"{len(order) - SHOWN_CLASSES} more")
        values.append(sum(counts[i] for i in order[SHOWN_CLASSES:]))
    total = sum(counts)
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(range(len(values))),
            orientation="h",
            marker={"color": SERIES_COLORS[0]},
            text=[f"{value:,} ({100 * value / total:.0f} %)" for value in values],
            textposition="auto",
            hoverinfo="skip",
        )
    )
    styled(figure, height=max(180, 60 + 28 * len(values)), x="rows")
    figure.update_yaxes(
        showgrid=False, tickmode="array", tickvals=list(range(len(values))), ticktext=names, autorange="reversed"
    )
    return figure


def target_spread(edges: Sequence[float], counts: Sequence[int]) -> go.Figure:
    """Draw how many rows have a regression target between neighboring `edges`."""
    if not sum(counts):
        return empty("There are no rows.")
    figure = go.Figure(
        go.Bar(
            x=[(low + high) / 2 for low, high in itertools.pairwise(edges)],
            y=list(counts),
            width=[(high - low) * 0.94 for low, high in itertools.pairwise(edges)],
            marker={"color": SERIES_COLORS[0]},
            hovertemplate="around %{x:.2f}: %{y:,} rows<extra></extra>",
        )
    )
    return styled(figure, height=260, x="target", y="rows")


def token_lengths(lengths: Sequence[int], max_length: int) -> go.Figure:
    """Draw a histogram of tokens per text, what is cut at `max_length` in another color.

    Args:
        lengths: the number of texts with 0, 1, 2 … tokens.
        max_length: tokens that are kept.
    """
    counts = np.asarray(lengths)
    if not counts.sum():
        return empty("No text was measured.")
    # The longest hundredth of the texts would push all others into a corner.
    usual = max(int(np.searchsorted(np.cumsum(counts), 0.99 * counts.sum())), 1)
    last = max(usual, min(max_length, len(counts) - 1))
    width = max(1, -(-last // BARS))
    starts = np.arange(0, last + 1, width)
    bars = [int(counts[start : start + width].sum()) for start in starts]
    beyond = int(counts[starts[-1] + width :].sum())
    figure = go.Figure()
    for name, color, chosen in (
        ("read whole", SERIES_COLORS[0], starts + width - 1 <= max_length),
        ("cut", SERIES_COLORS[1], starts + width - 1 > max_length),
    ):
        figure.add_bar(
            x=starts[chosen] + (width - 1) / 2,
            y=[bar for bar, mine in zip(bars, chosen, strict=True) if mine],
            width=width * 0.94,
            name=name,
            marker={"color": color},
            hovertemplate=f"about %{{x:.0f}} tokens: %{{y:,}} texts, {name}<extra></extra>",
        )
    if max_length < 2 * last:  # farther off, the line would squeeze all bars into a corner
        figure.add_vline(x=max_length + 0.5, line={"dash": "dash", "width": 1.5, "color": "#808080"})
    title = "tokens" if not beyond else f"tokens ({beyond:,} longer ones not drawn)"
    styled(figure, height=260, x=title, y="texts")
    figure.update_layout(bargap=0, barmode="overlay")
    return figure


def _name(label: str) -> str:
    """Return a label as plotly shows it letter by letter: its own markup is a subset of HTML."""
    short = label if len(label) <= _LABEL_CHARACTERS else label[: _LABEL_CHARACTERS - 1] + "…"
    return html.escape(short, quote=False)
