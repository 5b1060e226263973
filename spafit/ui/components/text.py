"""Words for people: durations, counts, and names that visitors typed, safe to put into Markdown."""

import re

from spafit.tasks.metrics import LABELS

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$^=&@/])")
JOINER = "\u2060"  # invisible, and keeps what it stands in from being taken for an address or an icon's name


def plain(text: str) -> str:
    """Return the text as Markdown that shows it letter by letter: no formatting, links, icons, formulas or HTML."""
    escaped = _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
    return re.sub(r"(\\[:@]|www)", rf"\1{JOINER}", escaped, flags=re.IGNORECASE)


def duration(seconds: float | None) -> str:
    """`8 s`, `1 min 20 s`, `2 h 5 min`; a dash when unknown."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def time_left(seconds: float) -> str:
    """`about 8 s left`; `almost done` within the last second."""
    return f"about {duration(seconds)} left" if seconds >= 1 else "almost done"


def share(trainable: int, total: int) -> str:
    """`65,154 of 22,778,626 (0.286 %)`: exact integers, the percentage to three significant digits."""
    percent = 100 * trainable / total if total else 0.0
    return f"{trainable:,} of {total:,} ({percent:.3g} %)"


def metric_name(metric: str) -> str:
    """Return a metric inside a sentence: `accuracy`, `Pearson correlation`, `F1`."""
    label = LABELS[metric]
    return label.lower() if metric == "accuracy" else label
