"""How often each score occurred with one label: exact while there are few distinct ones, in narrow bins beyond."""

from __future__ import annotations

import math
import sys
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.profiling.samples import SAMPLES

MAX_BINS = 1 << 16
NARROWEST = -1000  # as the power of two that a bin is wide
_BUFFER = 1 << 16  # rows that wait to be counted

Scores = NDArray[np.float64]
Counts = NDArray[np.int64]  # one row per score, one column per sample


class ScoreCounts:
    """The distinct scores, ascending, and how many rows of each sample have them.

    Beyond `limit` scores become the lower ends of bins, about `MAX_BINS` of them, of a width that is a power of two:
    bins of one width lie in bins of the next, so that neither order nor the cutting into parts matters.
    """

    __slots__ = ("_counts", "_scores", "_waiting", "_waiting_rows", "_width", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._width: float | None = None
        self._scores: Scores = np.empty(0)
        self._counts: Counts = np.empty((0, SAMPLES), dtype=np.int64)
        self._waiting: list[tuple[Scores, Counts]] = []
        self._waiting_rows = 0

    def insert(self, scores: Scores, member: NDArray[np.bool_]) -> None:
        """Add rows: their finite scores, and to which samples they belong."""
        self._wait(scores, member.astype(np.int64))

    @property
    def width(self) -> float | None:
        """The width of a bin, None while scores are exact."""
        self._settle()
        return self._width

    @property
    def scores(self) -> Scores:
        """The distinct scores or bins, ascending."""
        self._settle()
        return self._scores

    @property
    def counts(self) -> Counts:
        """Rows per score and sample."""
        self._settle()
        return self._counts

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        both = type(self)(self.limit)
        widths = [width for width in (self.width, other.width) if width is not None]
        both._width = max(widths, default=None)
        for one in (self, other):
            both._wait(one.scores, one.counts)
        both._settle()
        return both

    def _wait(self, scores: Scores, counts: Counts) -> None:
        self._waiting.append((scores, counts))
        self._waiting_rows += len(scores)
        if self._waiting_rows > max(_BUFFER, len(self._scores)):
            self._settle()

    def _settle(self) -> None:
        if not self._waiting:
            return
        scores = np.concatenate([self._scores, *(scores for scores, _ in self._waiting)])
        counts = np.concatenate([self._counts, *(counts for _, counts in self._waiting)])
        self._waiting, self._waiting_rows = [], 0
        scores = scores + 0.0  # of the two zeros, one
        self._scores, self._counts = _summed(binned(scores, self._width), counts)
        if self._width is not None or len(self._scores) > self.limit:
            self._width = _wide_enough(self._scores, self._width)
            self._scores, self._counts = _summed(binned(self._scores, self._width), self._counts)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "limit": self.limit,
            "width": self.width,
            "scores": self.scores.astype("<f8").tobytes(),
            "counts": self.counts.astype("<i8").tobytes(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        one = cls(data["limit"])
        one._width = data["width"]
        one._scores = np.frombuffer(data["scores"], "<f8").astype(np.float64)
        one._counts = np.frombuffer(data["counts"], "<i8").astype(np.int64).reshape(-1, SAMPLES)
        return one


def _wide_enough(scores: Scores, width: float | None) -> float:
    """Return the least power of two, not less than `width`, of which `MAX_BINS` steps reach from end to end."""
    low, high = float(scores[0]), float(scores[-1])
    steps = high / MAX_BINS - low / MAX_BINS
    exponent = math.frexp(steps)[1] - 2 if steps else NARROWEST
    exponent = max(exponent, NARROWEST, math.frexp(width)[1] - 1 if width else NARROWEST)
    # Counted in whole bins, so that bounds which were rounded to narrower bins before give the same.
    while math.floor(high / 2.0**exponent) - math.floor(low / 2.0**exponent) > MAX_BINS:
        exponent += 1
    return 2.0**exponent


def binned(scores: Scores, width: float | None) -> Scores:
    """Return the lower end of each score's bin; the score itself where `width` is None."""
    if width is None:
        return scores
    with np.errstate(over="ignore"):
        lower = np.floor(scores / width) * width
    return np.maximum(lower, -sys.float_info.max)  # the lowest bin may begin below all doubles


def _summed(scores: Scores, counts: Counts) -> tuple[Scores, Counts]:
    """Return each distinct score once, ascending, with the sum of its counts."""
    distinct, places = np.unique(scores, return_inverse=True)
    if len(distinct) == len(scores):
        total: Counts = counts[np.argsort(scores, kind="stable")]
        return distinct, total
    total = np.zeros((len(distinct), SAMPLES), dtype=np.int64)
    for sample in range(SAMPLES):
        total[:, sample] = np.bincount(places, counts[:, sample], len(distinct)).astype(np.int64)
    return distinct, total
