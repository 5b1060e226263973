"""The statistics as questions in JSON, for a process of its own: pages never load scipy.

``spafit.helper.call("spafit.maps.comparison:two_settings", {...}, doing="Comparing", seconds=60)``
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from spafit.errors import SpafitError
from spafit.maps.outputs import outputs_of, require_same
from spafit.maps.resampling import ExampleNoise, bootstrap
from spafit.maps.statistics import Comparisons, against_reference, compare, signed, summarize, verdict

SCHEMA_VERSION = 1
OPTIMISTIC = "The best of {cells} is itself an optimistic choice: its own luck is part of why it is the best."
ONE_RATE = "{name} was tried at one learning rate only, so a win or a loss of it may be that rate's."

BySeed = Mapping[str, float]
"""JSON has no whole numbers as keys."""


def one_setting(
    name: str, scores: BySeed, runs: Sequence[str] | None = None, metric: str = "", baseline: float | None = None
) -> dict[str, Any]:
    """Say how sure the score of one setting is: by its seeds, and by the examples it was held against.

    Returns:
        "sentence": about the seeds; "examples": sentences about the noise of the examples.
    """
    summary = summarize([float(score) for score in scores.values()])
    spread = (
        "with one seed nothing says how much is chance"
        if summary.standard_error is None
        else f"standard error {summary.standard_error:.3f} over {summary.n} seeds"
    )
    floor = "" if baseline is None else f"; baseline {baseline:.3f}"
    sentence = f"{name}: {summary.mean:.3f}, {spread}{floor}."
    try:
        examples = [] if not runs else [_left_open({name: bootstrap(metric, *outputs_of(runs))})]
    except SpafitError as error:
        examples = [str(error)]
    return {"schema": SCHEMA_VERSION, "sentence": sentence, "examples": examples}


def two_settings(
    first: str,
    second: str,
    scores: Mapping[str, BySeed],
    rates: Mapping[str, int],
    runs: Mapping[str, Sequence[str]] | None = None,
    metric: str = "",
) -> dict[str, Any]:
    """Compare two settings.

    Args:
        first: name of one.
        second: name of the other.
        scores: of each by seed.
        rates: how many learning rates each was tried at.
        runs: the ids of each one's, whose kept predictions say how much noise the validation examples make.
        metric: that is scored.

    Returns:
        "sentence": the verdict; "remarks": what limits it; "examples": sentences about the noise of the examples; and
        what `Difference` has.
    """
    difference = compare(_by_seed(scores[first]), _by_seed(scores[second]))
    remarks = [ONE_RATE.format(name=name) for name in (first, second) if difference.clear and rates.get(name, 1) < 2]
    return {
        "schema": SCHEMA_VERSION,
        "sentence": verdict(first, second, difference),
        "remarks": remarks,
        "clear": difference.clear,
        "examples": _noise_of_examples(first, second, runs, metric) if runs else [],
        **asdict(difference),
    }


def _noise_of_examples(first: str, second: str, runs: Mapping[str, Sequence[str]], metric: str) -> list[str]:
    """Return what the validation examples alone leave open, in words; why it cannot be told, where it cannot."""
    try:
        outputs, labels = zip(*(outputs_of(runs[name]) for name in (first, second)), strict=True)
        require_same(*labels)
    except SpafitError as error:
        return [str(error)]
    alone = {name: bootstrap(metric, one, labels[0]) for name, one in zip((first, second), outputs, strict=True)}
    apart = bootstrap(metric, outputs[0], labels[0], minus=outputs[1])
    within = "includes" if apart.low <= 0 <= apart.high else "leaves out"
    return [
        _left_open(alone),
        f"Of the difference they leave open {signed(apart.low)} to {signed(apart.high)}, which {within} 0.",
    ]


def _left_open(alone: Mapping[str, ExampleNoise]) -> str:
    examples = next(iter(alone.values())).examples
    ranges = " and ".join(f"{name} {noise.low:.3f} to {noise.high:.3f}" for name, noise in alone.items())
    return (
        f"Other examples: the {examples:,} validation examples alone leave open {ranges} (95 %, bootstrap over the "
        "examples)."
    )


def with_reference(scores: Mapping[str, BySeed], reference: str, baseline: float | None) -> dict[str, Any]:
    """Compare every setting of a map with one that was chosen before looking; see `against_reference`.

    Without a baseline no run is left out.
    """
    floor = -math.inf if baseline is None else baseline
    found = against_reference({name: _by_seed(by_seed) for name, by_seed in scores.items()}, reference, floor)
    against = [
        {"setting": one.setting, "adjusted": one.adjusted, "clear": one.clear, **asdict(one.difference)}
        for one in found.against
    ]
    return {
        "schema": SCHEMA_VERSION,
        "reference": reference,
        "sentence": _said(found),
        "against": against,
        "standard_deviation": found.standard_deviation,
        "freedom": found.freedom,
        "left_out": [list(one) for one in found.left_out],
    }


def _by_seed(scores: BySeed) -> dict[int, float]:
    return {int(seed): float(score) for seed, score in scores.items()}


def _said(found: Comparisons) -> str:
    """Return in a sentence how many settings differ from the reference, and by which error."""
    compared = [one for one in found.against if one.adjusted is not None]
    clear = [one for one in compared if one.clear]
    better = sum(one.difference.mean > 0 for one in clear)
    pooled = [one.difference for one in compared if one.difference.test == "pooled"]
    error = f" (error pooled over the map, {found.freedom} degrees of freedom)" if pooled else ""
    few = len(found.against) - len(compared)
    rest = f"; {few} have too few runs" if few else ""
    return (
        f"Of {len(compared)} settings compared with {found.reference} by Holm{error}, {better} are better and "
        f"{len(clear) - better} worse by more than seed noise{rest}. {OPTIMISTIC.format(cells=len(found.against) + 1)}"
    )
