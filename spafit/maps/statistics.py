"""Whether scores differ by more than noise. scipy does the arithmetic, imported where it is used: pages stay quick.

Scores of a setting are given by seed, `{seed: score}`. Everything here is two-sided and at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean, stdev, variance

import numpy as np

Scores = Mapping[int, float]

CONFIDENCE = 0.95
SEEDS_TO_COMPARE = 3
"""With fewer seeds two settings are not compared at all."""
SEEDS_FOR_OWN_ERROR = 5
"""With fewer shared seeds a comparison of many settings takes its error from the whole map."""
NO_SPREAD = 1e-12
"""Differences that vary by less than this do not vary; what is left is rounding."""


@dataclass(frozen=True)
class Summary:
    """The mean of some scores and how sure it is; no standard error with fewer than two."""

    mean: float
    n: int
    standard_error: float | None


def summarize(scores: Sequence[float]) -> Summary:
    """Return mean, number and standard error (from the sample standard deviation, n - 1) of at least one score."""
    error = stdev(scores) / math.sqrt(len(scores)) if len(scores) > 1 else None
    return Summary(fmean(scores), len(scores), error)


class Test(StrEnum):
    """How two settings were compared."""

    __test__ = False  # pytest: this is no test case

    PAIRED = "paired"
    WELCH = "welch"
    POOLED = "pooled"
    FEW = "few"


@dataclass(frozen=True)
class Difference:
    """First setting minus second."""

    test: Test
    mean: float
    n: tuple[int, int]
    """Seeds behind each side; the shared ones where the test is paired."""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    freedom: float | None = None
    """Degrees of freedom."""

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def compare(first: Scores, second: Scores) -> Difference:
    """Compare two settings by Student's t.

    Paired by seed where at least three seeds are shared, else Welch's test, which needs three seeds of each; with fewer
    the answer is that there are too few. Each side needs a score.
    """
    shared = sorted(first.keys() & second.keys())
    if len(shared) >= SEEDS_TO_COMPARE:
        return _paired([first[seed] - second[seed] for seed in shared])
    mean = fmean(first.values()) - fmean(second.values())
    sizes = (len(first), len(second))
    if min(sizes) < SEEDS_TO_COMPARE:
        return Difference(Test.FEW, mean, sizes)
    return _welch(list(first.values()), list(second.values()))


def _paired(differences: Sequence[float]) -> Difference:
    n = len(differences)
    mean, error = fmean(differences), stdev(differences) / math.sqrt(n)
    return _by_t(Test.PAIRED, mean, error, n - 1, (n, n))


def _welch(first: Sequence[float], second: Sequence[float]) -> Difference:
    mean, sizes = fmean(first) - fmean(second), (len(first), len(second))
    parts = [variance(side) / len(side) for side in (first, second)]
    # Welch and Satterthwaite's degrees of freedom; a side that does not vary leaves those of the other.
    spread = sum(part**2 / (size - 1) for part, size in zip(parts, sizes, strict=True))
    freedom = sum(parts) ** 2 / spread if spread else float(sum(sizes) - 2)
    return _by_t(Test.WELCH, mean, math.sqrt(sum(parts)), freedom, sizes)


def _by_t(test: Test, mean: float, error: float, freedom: float, n: tuple[int, int]) -> Difference:
    """Return a difference with interval and p value from its standard error and degrees of freedom."""
    from scipy import stats

    if error <= NO_SPREAD:  # nothing varies: the interval is a point
        p = 1.0 if abs(mean) <= NO_SPREAD else 0.0
        mean = 0.0 if p else mean
        return Difference(test, mean, n, mean, mean, p, freedom)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return Difference(test, mean, n, mean - half, mean + half, p, freedom)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p values (1979): each may be held against the level of the whole family."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, (len(p_values) - rank) * p_values[place])
        adjusted[place] = min(1.0, largest)
    return adjusted


@dataclass(frozen=True)
class Against:
    """One setting against the reference of `against_reference`."""

    setting: str
    difference: Difference
    adjusted: float | None
    """The p value by Holm over all comparisons; None where there are too few runs."""

    @property
    def clear(self) -> bool:
        """Whether the family of comparisons, as a whole at 95 %, says that they differ."""
        return self.adjusted is not None and self.adjusted < 1 - CONFIDENCE


@dataclass(frozen=True)
class Comparisons:
    """Every setting of a map against one that was chosen before looking at the scores."""

    reference: str
    against: tuple[Against, ...]
    standard_deviation: float | None
    """Of one run around the additive model cell + seed; None where too few runs leave no degrees of freedom."""
    freedom: int
    left_out: tuple[tuple[str, int], ...]
    """(setting, seed) of the runs at or below the baseline, which are not in the pool."""


def against_reference(scores: Mapping[str, Scores], reference: str, baseline: float) -> Comparisons:
    """Compare every setting of a map with one reference, which must have been chosen beforehand.

    Where at least five seeds are shared the comparison has an error of its own (paired t). With fewer the error is
    pooled: the residual of the additive model score = setting + seed, fitted to all runs above the baseline. The p
    values are adjusted by Holm.

    Raises:
        KeyError: there is no such setting.
    """
    ours = scores[reference]
    left_out = tuple((name, seed) for name, by_seed in scores.items() for seed in by_seed if by_seed[seed] <= baseline)
    pool = _Additive({name: {s: v for s, v in by_seed.items() if v > baseline} for name, by_seed in scores.items()})
    found: list[tuple[str, Difference]] = []
    for name, theirs in scores.items():
        if name == reference or not theirs:
            continue
        shared = sorted(theirs.keys() & ours.keys())
        if len(shared) >= SEEDS_FOR_OWN_ERROR:
            found.append((name, _paired([theirs[seed] - ours[seed] for seed in shared])))
        else:
            found.append((name, pool.compare(name, reference) or _too_few(theirs, ours)))
    places = [place for place, (_name, difference) in enumerate(found) if difference.p is not None]
    by_place = dict(zip(places, holm([found[place][1].p or 0.0 for place in places]), strict=True))
    against = tuple(Against(name, difference, by_place.get(place)) for place, (name, difference) in enumerate(found))
    return Comparisons(reference, against, pool.standard_deviation, pool.freedom, left_out)


def _too_few(first: Scores, second: Scores) -> Difference:
    return Difference(Test.FEW, fmean(first.values()) - fmean(second.values()), (len(first), len(second)))


class _Additive:
    """The additive model score = setting + seed by least squares, for maps with and without gaps."""

    def __init__(self, scores: Mapping[str, Scores]) -> None:
        runs = [(name, seed, value) for name, by_seed in scores.items() for seed, value in by_seed.items()]
        self.settings = {name: place for place, name in enumerate(dict.fromkeys(name for name, _, _ in runs))}
        self.counts = {name: len(by_seed) for name, by_seed in scores.items()}
        seeds = {seed: place for place, seed in enumerate(dict.fromkeys(seed for _, seed, _ in runs))}
        design = np.zeros((len(runs), len(self.settings) + len(seeds)))
        for row, (name, seed, _) in enumerate(runs):
            design[row, self.settings[name]] = design[row, len(self.settings) + seeds[seed]] = 1.0
        values = np.array([value for _, _, value in runs])
        self.inverse = np.linalg.pinv(design.T @ design)
        self.effects = self.inverse @ design.T @ values
        self.freedom = len(runs) - int(np.linalg.matrix_rank(design)) if runs else 0
        residual = values - design @ self.effects
        self.standard_deviation = math.sqrt(float(residual @ residual) / self.freedom) if self.freedom else None
        self.spanned = self.inverse @ design.T @ design

    def compare(self, first: str, second: str) -> Difference | None:
        """Return first minus second with the pooled error; None where the runs do not tell."""
        if self.standard_deviation is None or first not in self.settings or second not in self.settings:
            return None
        contrast = np.zeros(len(self.effects))
        contrast[self.settings[first]], contrast[self.settings[second]] = 1.0, -1.0
        if not np.allclose(contrast @ self.spanned, contrast, atol=1e-8):
            return None  # no chain of shared seeds leads from one to the other
        error = self.standard_deviation * math.sqrt(float(contrast @ self.inverse @ contrast))
        sizes = (self.counts[first], self.counts[second])
        return _by_t(Test.POOLED, float(contrast @ self.effects), error, self.freedom, sizes)


def verdict(first: str, second: str, difference: Difference) -> str:
    """Return in one sentence whether two settings differ by more than seed noise."""
    if difference.test is Test.FEW or difference.low is None or difference.high is None:
        have = " and ".join(map(str, difference.n))
        return (
            f"Too few runs to say whether {first} and {second} differ: it takes {SEEDS_TO_COMPARE} seeds of each, "
            f"and there are {have}."
        )
    how = {
        Test.PAIRED: f"paired over {difference.n[0]} seeds",
        Test.WELCH: f"Welch's t, {difference.n[0]} and {difference.n[1]} seeds",
        Test.POOLED: f"error pooled over the map, {difference.freedom:g} degrees of freedom",
    }[difference.test]
    low, high, mean = difference.low, difference.high, difference.mean
    if not difference.clear:
        return (
            f"{first} and {second} do not differ by more than seed noise: {signed(mean)} "
            f"(95 % interval {signed(low)} to {signed(high)}; {how})."
        )
    if mean < 0:
        first, second, low, high, mean = second, first, -high, -low, -mean
    return (
        f"{first} is better than {second} by {mean:.3f}, which is more than seed noise "
        f"(95 % interval {signed(low)} to {signed(high)}; {how})."
    )


def signed(value: float) -> str:
    """Return a difference as people read it."""
    return f"{value:+.3f}".replace("-", "−")
