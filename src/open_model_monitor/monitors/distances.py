"""How far two distributions are apart (`data_quality.md` §6)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.capture.record import JSON
from open_model_monitor.profiling.kll import Floats, weighted_items

DISTINCT, ROWS = "distinct", "rows"

# Corresponds to a two-sample Kolmogorov-Smirnov level of 0.003: √(−ln(α/2)/2).
_LEVEL = 1.8


@dataclass(frozen=True, slots=True)
class Distance:
    """An L∞ distance, plain and corrected for small samples; `n` and `m` are the effective sample sizes."""

    n: float
    m: float
    simple: float
    robust: float

    def by(self, method: str) -> float:
        """Return the distance by `Simple` or `Robust`."""
        return self.simple if method == "Simple" else self.robust

    def to_dict(self) -> JSON:
        """Return the distance as the run summary holds it."""
        return {"n": self.n, "m": self.m, "simple": self.simple, "robust": self.robust}


def correction(n: float, m: float) -> float:
    """Return what chance alone explains of a distance between samples of these sizes."""
    return _LEVEL * math.sqrt((n + m) / (n * m))


def _distance(n: float, m: float, simple: float) -> Distance:
    return Distance(n, m, simple, max(0.0, simple - correction(n, m)))


def numeric(first: Sequence[Floats], second: Sequence[Floats], counting: str) -> Distance | None:
    """Return the distance of two sketches, given as levels; None if one is empty.

    Counting `distinct`, an item counts once with the highest weight it occurs with: the engine below the
    original turns a sketch into a map, which holds each key once. Counting `rows`, weights of equal items add up.
    """
    left, right = _weights(first, counting), _weights(second, counting)
    n, m = int(left[1].sum()), int(right[1].sum())
    if not n or not m:
        return None
    points = np.union1d(left[0], right[0])
    gaps = np.abs(_cumulated(left, points) / n - _cumulated(right, points) / m)
    return _distance(n, m, float(gaps.max()))


Weighted = tuple[Floats, NDArray[np.int64]]


def _weights(levels: Sequence[Floats], counting: str) -> Weighted:
    """Return distinct items, ascending, with their weights."""
    items, weights = weighted_items(levels)
    distinct, first = np.unique(items, return_index=True)
    if not len(items):
        return distinct, weights
    add = np.maximum if counting == DISTINCT else np.add
    return distinct, add.reduceat(weights, first)


def _cumulated(weighted: Weighted, points: Floats) -> NDArray[np.int64]:
    items, weights = weighted
    cumulated = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(weights)))
    return cumulated[np.searchsorted(items, points, side="right")]


def categorical(first: Mapping[str, float], second: Mapping[str, float]) -> Distance | None:
    """Return the L∞ distance of two counts by value; None if one is empty."""
    n, m = sum(first.values()), sum(second.values())
    if not n or not m:
        return None
    gaps = (abs(first.get(value, 0) / n - second.get(value, 0) / m) for value in {**first, **second})
    return _distance(n, m, max(gaps))


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """Pearson's test of counts against the baseline's proportions."""

    statistic: float
    degrees_of_freedom: int
    p_value: float

    def to_dict(self) -> JSON:
        """Return the test as the run summary holds it."""
        return {
            "statistic": self.statistic,
            "degrees_of_freedom": self.degrees_of_freedom,
            "p_value": self.p_value,
        }


def chi_squared(current: Mapping[str, float], baseline: Mapping[str, float]) -> ChiSquared | None:
    """Test current counts against the baseline's shares; None if fewer than two values are left to compare."""
    known = [value for value, count in baseline.items() if count]
    total = sum(baseline[value] for value in known)
    seen = sum(current.get(value, 0) for value in known)
    if not seen:
        return None
    observed = [float(current.get(value, 0)) for value in known]
    expected = [baseline[value] / total * seen for value in known]
    _regroup(observed, expected)
    if len(expected) < 2:
        return None
    scale = sum(observed) / sum(expected)
    pairs = zip(observed, expected, strict=True)
    statistic = sum((o - e * scale) ** 2 / (e * scale) for o, e in pairs)
    freedom = len(expected) - 1
    return ChiSquared(statistic, freedom, chi_squared_tail(statistic, freedom))


def _regroup(observed: list[float], expected: list[float]) -> None:
    """Merge the smallest expected counts, in place, until few enough are small (§6.4, 2)."""
    while len(expected) > 1:
        two = len(expected) == 2
        small = sum(e < (10 if two else 5) for e in expected)
        if small <= (0 if two else len(expected) // 5):
            return
        order = sorted(range(len(expected)), key=lambda i: expected[i])
        smallest, target = order[0], order[1]
        expected[target] += expected[smallest]
        observed[target] += observed[smallest]
        del expected[smallest], observed[smallest]


def chi_squared_tail(statistic: float, degrees_of_freedom: int) -> float:
    """Return the probability of a larger value of χ²: Q(df/2, χ²/2), the regularised upper incomplete gamma.

    For whole degrees of freedom the recurrence Q(a+1, x) = Q(a, x) + xᵃe⁻ˣ/Γ(a+1) (DLMF 8.8.6) ends at
    Q(1, x) = e⁻ˣ or Q(½, x) = erfc(√x). All its terms are positive, so that no digit is lost.
    """
    x = statistic / 2
    if x <= 0:
        return 1.0
    start = 0.5 if degrees_of_freedom % 2 else 1.0
    tail = math.erfc(math.sqrt(x)) if degrees_of_freedom % 2 else math.exp(-x)
    logarithm = math.log(x)
    for step in range((degrees_of_freedom - 1) // 2):
        a = start + step
        tail += math.exp(a * logarithm - x - math.lgamma(a + 1))
    return min(tail, 1.0)
