"""The triangle of boundaries as one standing picture: SVG text for reports, a score in each measured cell."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from spafit.figures.standing import FONT, GRID, INK
from spafit.palette import CURVE_COLORS

WIDTH, LEFT, FOOT = 640, 40, 30


def triangle(layers: int, cells: Mapping[tuple[int, int], float], label: str) -> str:
    """Return a square for every (N1, N2), darker the better its score; those that were not measured stay empty."""
    side = (WIDTH - LEFT) / (layers + 1)
    low, high = min(cells.values()), max(cells.values())
    parts = [f"<title>{escape(label)}: {low:.3f} to {high:.3f}</title>"]
    for n2 in range(layers + 1):
        y = (layers - n2) * side
        parts.append(
            f'<text x="{LEFT - 6}" y="{y + side / 2 + 4:.1f}" text-anchor="end" {FONT} fill="{INK}">{n2}</text>'
        )
        for n1 in range(n2 + 1):
            x, score = LEFT + n1 * side, cells.get((n1, n2))
            share = 0.0 if score is None else 0.15 + 0.75 * ((score - low) / (high - low) if high > low else 1.0)
            parts.append(
                f'<rect x="{x + 1:.1f}" y="{y + 1:.1f}" width="{side - 2:.1f}" height="{side - 2:.1f}" '
                f'fill="{CURVE_COLORS["metric"]}" fill-opacity="{share:.2f}" stroke="{GRID}"/>'
            )
            if score is not None and side > 30:
                ink = "#FFFFFF" if share > 0.55 else INK
                parts.append(
                    f'<text x="{x + side / 2:.1f}" y="{y + side / 2 + 4:.1f}" text-anchor="middle" {FONT} '
                    f'fill="{ink}">{score:.3f}</text>'
                )
    height = (layers + 1) * side + FOOT
    for n1 in range(layers + 1):
        parts.append(
            f'<text x="{LEFT + (n1 + 0.5) * side:.1f}" y="{height - FOOT + 14:.1f}" text-anchor="middle" {FONT} '
            f'fill="{INK}">{n1}</text>'
        )
    parts.append(f'<text x="{LEFT}" y="{height - 4:.1f}" {FONT} fill="{INK}">N1 across, N2 upwards</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img">{"".join(parts)}</svg>'
    )
