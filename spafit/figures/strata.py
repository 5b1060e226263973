"""A stratification as one standing picture: a self-contained SVG for notebooks, reports and cards."""

from __future__ import annotations

from xml.sax.saxutils import escape

from spafit.palette import TEXT_ON_COLOR
from spafit.stratification import Stratification

WIDTH, GAP = 640, 6
TOP, LAYER_HEIGHT, BAND_HEIGHT = 8, 56, 34
MIN_LAYER, ENDS = 2.0, 64  # pixels: the narrowest layer, and what is kept for text and label at the sides
FONT = 'font-family="system-ui, sans-serif"'


def svg(stratification: Stratification) -> str:
    """Return the layers from left (layer 1) to right (layer L) in their strata's colours, as SVG text."""
    strata = [stratum for stratum in stratification.strata() if stratum.size]
    room = WIDTH - 2 * ENDS - GAP * (len(strata) - 1)
    step = room / stratification.num_layers
    gap = 2 if step > 2 * MIN_LAYER else 0
    parts, x = [_end(0, "Text in")], float(ENDS)
    for stratum in strata:
        width = stratum.size * step
        color, text = stratum.recipe.color, TEXT_ON_COLOR
        for number in range(stratum.size):
            parts.append(
                f'<rect x="{x + number * step:.1f}" y="{TOP}" width="{step - gap:.1f}" height="{LAYER_HEIGHT}" '
                f'rx="2" fill="{color}"/>'
            )
        y = TOP + LAYER_HEIGHT + 6
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{width - gap:.1f}" height="{BAND_HEIGHT}" rx="3" fill="{color}"/>'
        )
        for line, words in enumerate((stratum.recipe.label, stratum.span)):
            weight = ' font-weight="600"' if line == 0 else ""
            size = min(11.0, (width - 4) / (0.62 * len(words)))
            parts.append(
                f'<text x="{x + (width - gap) / 2:.1f}" y="{y + 14 + 13 * line}" text-anchor="middle" {FONT} '
                f'font-size="{size:.1f}"{weight} fill="{text}">{escape(words)}</text>'
            )
        x += width + GAP
    parts.append(_end(WIDTH - ENDS + GAP, "Label out"))
    height = TOP + LAYER_HEIGHT + 6 + BAND_HEIGHT + 8
    title = escape(f"{stratification.name}: " + "; ".join(f"{s.span} {s.recipe.label}" for s in strata))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img"><title>{title}</title>{"".join(parts)}</svg>'
    )


def _end(x: float, words: str) -> str:
    return f'<text x="{x}" y="{TOP + LAYER_HEIGHT / 2 + 4}" {FONT} font-size="11" fill="#808894">{words}</text>'
