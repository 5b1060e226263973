"""Charts that stand by themselves: SVG text for reports, without a script or a network."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 90, 12, 34
FONT = 'font-family="system-ui, sans-serif" font-size="11"'
INK, GRID = "#3A424E", "#D8DEE6"


def line_chart(
    points: Sequence[tuple[float, float]],
    *,
    x_label: str,
    y_label: str,
    color: str,
    floor: tuple[float, str] | None = None,
) -> str:
    """Return a line through points (x, y) as SVG, its last value written at its end.

    Args:
        points: in order of x; at least one.
        x_label: what x is.
        y_label: what y is.
        color: of the line.
        floor: a level to draw as a dashed line, and its name.
    """
    xs, ys = [x for x, _ in points], [y for _, y in points]
    levels = [*ys, *([floor[0]] if floor else [])]
    low, high = min(levels), max(levels)
    margin = 0.08 * (high - low) or 0.05
    low, high = low - margin, high + margin
    first, last = min(xs), max(xs)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - first) / (last - first) if last > first else 1.0
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [_axis(level, place(first, level)[1]) for level in _ticks(low, high)]
    if floor is not None:
        y = place(first, floor[0])[1]
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{INK}" stroke-dasharray="4 3"/>'
            f'<text x="{WIDTH - RIGHT + 4}" y="{y + 4:.1f}" {FONT} fill="{INK}">{escape(floor[1])}</text>'
        )
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
    parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill-opacity="0"><title>{at:g}: {value:.3f}</title></circle>'
        for (at, value), (x, y) in zip(points, (place(*point) for point in points), strict=True)
    ]
    x, y = place(*points[-1])
    parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>')
    parts.append(f'<text x="{x + 6:.1f}" y="{y - 5:.1f}" {FONT} font-weight="600" fill="{INK}">{ys[-1]:.3f}</text>')
    foot = f'<text x="{LEFT}" y="{HEIGHT - 8}" {FONT} fill="{INK}">{escape(x_label)}: {first:g} to {last:g}</text>'
    title = f"<title>{escape(y_label)}: {ys[0]:.3f} at first, {ys[-1]:.3f} at last</title>"
    return _svg(HEIGHT, title + "".join(parts) + foot)


def bar_chart(bars: Sequence[tuple[str, float, str]], *, label: str) -> str:
    """Return horizontal bars (name, value, colour) as SVG, each with its value; negative ones go left from zero."""
    height, name_width = 18, 150
    values = [value for _, value, _ in bars]
    low, high = min([0.0, *values]), max([0.0, *values])
    room = WIDTH - name_width - 80
    zero = name_width + (-low / (high - low) * room if low else 0.0)
    parts = [f"<title>{escape(label)}</title>"]
    if low:
        parts.append(f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{len(bars) * height}" stroke="{INK}"/>')
    for number, (name, value, color) in enumerate(bars):
        y, width = number * height, abs(value) / ((high - low) or 1.0) * room
        start = zero - width if value < 0 else zero
        parts.append(
            f'<text x="{name_width - 8}" y="{y + 12}" text-anchor="end" {FONT} fill="{INK}">{escape(name)}</text>'
            f'<rect x="{start:.1f}" y="{y + 2}" width="{max(width, 0.5):.1f}" height="{height - 5}" fill="{color}"/>'
            f'<text x="{max(zero, start + width) + 5:.1f}" y="{y + 12}" {FONT} fill="{INK}">{value:.3g}</text>'
        )
    return _svg(len(bars) * height + 4, "".join(parts))


def _ticks(low: float, high: float) -> list[float]:
    return [low + share * (high - low) for share in (0.1, 0.5, 0.9)]


def _axis(level: float, y: float) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" {FONT} fill="{INK}">{level:.2f}</text>'
    )


def _svg(height: int, inside: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img">{inside}</svg>'
    )
