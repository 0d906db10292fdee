"""The quantile sketch whose levels `statistics.json` shows.

A variant of KLL (Karnin, Lang, Liberty 2016) without randomness: the half that a compaction keeps
alternates. It is the rule of the engine below SageMaker Model Monitor, so that a recorded sketch is
reproduced item by item from the same rows in the same order.

Level 0 is the lowest. An item on level h stands for 2**h values. Capacities shrink *upwards*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEFAULT_K = 2048
DEFAULT_C = 0.64
BUCKETS = 10


def capacity(level: int, k: float = DEFAULT_K, c: float = DEFAULT_C) -> int:
    """Return how many items `level` holds before it may be compacted."""
    return 2 * (math.ceil(k * c**level / 2) + 1)


class KLL:
    """A mergeable quantile sketch of doubles; NaN and infinities must be filtered before.

    Rank error stays below 0.5 % of the number of values (measured up to 10**6 values and 64 merged parts);
    up to `capacity(0)` values it is exact.
    """

    __slots__ = ("_buffer", "_compactions", "_filled", "_limit", "_size", "_upper", "c", "k")

    def __init__(self, k: float = DEFAULT_K, c: float = DEFAULT_C) -> None:
        self.k = k
        self.c = c
        # Level 0 takes every insert, so it is a growing buffer; the levels above are plain arrays.
        self._buffer: Floats = np.empty(64)
        self._filled = 0
        self._upper: list[Floats] = []
        # Per level: how often it was compacted. The kept half follows from it: offsets 0,1,1,0,0,1,1,…
        self._compactions: list[int] = [0]
        self._size = 0
        self._limit = capacity(0, k, c)

    @property
    def levels(self) -> list[Floats]:
        """The items of each level in order of arrival, lowest level first."""
        return [self._buffer[: self._filled].copy(), *self._upper]

    @property
    def weight(self) -> int:
        """The number of values the sketch stands for."""
        return self._filled + sum(len(level) << h for h, level in enumerate(self._upper, 1))

    def insert(self, values: Floats) -> None:
        """Append `values` in order, condensing exactly where single inserts would."""
        position, total = 0, len(values)
        while position < total:
            chunk = values[position : position + max(1, self._limit - self._size + 1)]
            position += len(chunk)
            self._append(chunk)
            if self._size > self._limit:
                self._condense()

    def merge(self, other: Self) -> Self:
        """Return a new sketch of both; the left side's compaction counters go on."""
        merged = type(self)(self.k, self.c)
        height = max(len(self._upper), len(other._upper)) + 1
        mine, theirs = self.levels, other.levels
        empty = np.empty(0)
        levels = [
            np.concatenate((mine[h] if h < len(mine) else empty, theirs[h] if h < len(theirs) else empty))
            for h in range(height)
        ]
        merged._set_levels(levels, self._compactions + [0] * (height - len(self._compactions)))
        while merged._size >= merged._limit:
            merged._condense()
        return merged

    def to_dict(self) -> dict[str, Any]:
        """Return the whole state as plain values; the levels as little-endian doubles."""
        return {
            "k": self.k,
            "c": self.c,
            "levels": [level.astype("<f8", copy=False).tobytes() for level in self.levels],
            "compactions": list(self._compactions),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        sketch = cls(data["k"], data["c"])
        levels = [np.frombuffer(level, dtype="<f8").astype(np.float64) for level in data["levels"]]
        sketch._set_levels(levels, list(data["compactions"]))
        return sketch

    def _set_levels(self, levels: list[Floats], compactions: list[int]) -> None:
        self._buffer = levels[0].copy()
        self._filled = len(levels[0])
        self._upper = levels[1:]
        self._compactions = compactions
        self._size = sum(map(len, levels))
        self._limit = sum(capacity(h, self.k, self.c) for h in range(len(levels)))

    def _append(self, chunk: Floats) -> None:
        needed = self._filled + len(chunk)
        if needed > len(self._buffer):
            grown = np.empty(max(needed, 2 * len(self._buffer)))
            grown[: self._filled] = self._buffer[: self._filled]
            self._buffer = grown
        self._buffer[self._filled : needed] = chunk
        self._filled = needed
        self._size += len(chunk)

    def _condense(self) -> None:
        """Compact the lowest level that is full, once."""
        sizes = [self._filled, *map(len, self._upper)]
        level = next((h for h, size in enumerate(sizes) if size >= capacity(h, self.k, self.c)), None)
        if level is None:
            return
        if level == len(self._upper):
            self._upper.append(np.empty(0))
            self._compactions.append(0)
            self._limit += capacity(level + 1, self.k, self.c)
        items = self._buffer[: self._filled] if level == 0 else self._upper[level - 1]
        even = len(items) - len(items) % 2
        start = ((self._compactions[level] + 1) >> 1) & 1
        self._upper[level] = np.concatenate((self._upper[level], np.sort(items[:even])[start::2]))
        rest = items[even:].copy()
        if level == 0:
            self._buffer[: len(rest)] = rest
            self._filled = len(rest)
        else:
            self._upper[level - 1] = rest
        self._compactions[level] += 1
        self._size -= even - even // 2


def weighted_items(levels: Sequence[Floats]) -> tuple[Floats, NDArray[np.int64]]:
    """Return all items in ascending order with the number of values each stands for."""
    if not levels:
        return np.empty(0), np.empty(0, dtype=np.int64)
    items = np.concatenate(levels)
    weights = np.concatenate([np.full(len(level), 1 << h, dtype=np.int64) for h, level in enumerate(levels)])
    order = np.argsort(items, kind="stable")
    return items[order], weights[order]


def bucket_counts(levels: Sequence[Floats], low: float, high: float) -> list[tuple[float, float, float]]:
    """Return the ten buckets `(lower bound, upper bound, count)` between the column's true `low` and `high`.

    Buckets are closed below and open above, the last one closed; the order of operations is that of the
    original, so that bounds agree bit by bit.
    """
    items, weights = weighted_items(levels)
    cumulated = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(weights)))
    width = high - low
    bounds = [low + width * i / BUCKETS for i in range(BUCKETS + 1)]
    if not all(map(math.isfinite, bounds)):  # the span of the largest doubles is infinite
        bounds = [low * (1 - i / BUCKETS) + high * (i / BUCKETS) for i in range(BUCKETS + 1)]
    below = cumulated[np.searchsorted(items, bounds, side="left")]
    below[-1] = cumulated[np.searchsorted(items, bounds[-1], side="right")]
    if low == high:
        return [(low, high, 0.0)] * (BUCKETS - 1) + [(low, high, float(cumulated[-1]))]
    return [(bounds[i], bounds[i + 1], float(below[i + 1] - below[i])) for i in range(BUCKETS)]


def quantile(levels: Sequence[Floats], q: float) -> float:
    """Return the smallest item whose rank is at least `q` of all values; NaN for an empty sketch."""
    items, weights = weighted_items(levels)
    if not len(items):
        return math.nan
    ranks = np.cumsum(weights)
    return float(items[min(int(np.searchsorted(ranks, q * ranks[-1], side="left")), len(items) - 1)])
