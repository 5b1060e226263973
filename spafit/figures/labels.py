"""Names beside dots, where they cover neither each other nor a dot; and few round numbers for a logarithmic axis."""

import math
from collections.abc import Sequence

PLACES = {"top center": (0, -1), "bottom center": (0, 1), "middle right": (1, 0), "middle left": (-1, 0)}
PLACES |= {"top right": (1, -1), "top left": (-1, -1), "bottom right": (1, 1), "bottom left": (-1, 1)}
"""Where a name can stand, as plotly calls it, and the way there."""
_Box = tuple[float, float, float, float]


def beside(
    points: Sequence[tuple[float, float]], names: Sequence[str], *, letter: float, line: float, dot: float, width: float
) -> list[tuple[str, str]]:
    """Return each dot's name and its place; an empty name where none is free. The first dots choose first.

    Args:
        points: of the dots' middles, in pixels from the left and the top.
        names: what would stand beside them.
        letter: pixels that a letter takes, on average.
        line: pixels that a line takes.
        dot: a dot's diameter.
        width: of the picture; names beyond it would be cut.
    """
    taken: list[_Box] = [(x - dot / 2, y - dot / 2, x + dot / 2, y + dot / 2) for x, y in points]
    found = []
    for number, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        others = [box for at, box in enumerate(taken) if at != number]
        choice = ("", "top center")
        for place, (right, down) in PLACES.items():
            wide, reach = letter * len(name), dot / 2 + 2
            middle = x + right * (reach + wide / 2), y + down * (reach + line / 2)
            box = (middle[0] - wide / 2, middle[1] - line / 2, middle[0] + wide / 2, middle[1] + line / 2)
            if name and box[0] >= 0 and box[2] <= width and not any(_overlap(box, other) for other in others):
                choice = (name, place)
                taken.append(box)
                break
        found.append(choice)
    return found


def round_numbers(low: float, high: float, most: int = 4) -> list[float]:
    """Return at most so many of 1, 2 and 5 times powers of ten from a range above 0; its ends where it has too few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if len(found) <= most:
            return found if len(found) >= 2 else sorted({low, high})
    return found[:: math.ceil(len(found) / most)]


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
