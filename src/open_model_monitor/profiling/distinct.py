"""Distinct values: counted one by one while few, exact by hash up to a limit, estimated beyond.

The estimate keeps the k smallest 64-bit hashes (Bar-Yossef et al. 2002, "k minimum values"): its standard error
is 1/√(k−2), 1 % at the default k of 10,000, and below k distinct values it is exact. Adding and merging are set
union, so the result does not depend on how the rows were cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

try:
    from open_model_monitor._loops import unseen
except ImportError:  # built without a compiler
    HAS_LOOPS = False
else:
    HAS_LOOPS = True

Hashes = NDArray[np.uint64]

EXACT_LIMIT = 10_000
RECENT_BITS = 12  # as in _loops.c


def hash_numbers(values: NDArray[np.float64]) -> Hashes:
    """Hash doubles by value; 0.0 and -0.0 are one (splitmix64's finaliser, Steele et al. 2014)."""
    bits = (values + 0.0).view(np.uint64)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def hash_texts(values: Iterable[str]) -> Hashes:
    """Hash texts, the same in every process and on every machine."""
    digests = b"".join(hashlib.blake2b(value.encode(), digest_size=8).digest() for value in values)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64, copy=False)


class DistinctValues:
    """The number of distinct hashes seen."""

    __slots__ = ("_overflowed", "_recent", "_smallest", "limit")

    def __init__(self, limit: int = EXACT_LIMIT) -> None:
        self.limit = limit
        self._smallest: Hashes = np.empty(0, dtype=np.uint64)
        self._overflowed = False
        # A place per leading bits of a hash, with the last such hash: what stands there is known already.
        self._recent: Hashes | None = None

    def insert(self, hashes: Hashes) -> None:
        """Add hashes; repeats are free."""
        if self._overflowed:
            hashes = hashes[hashes < self._smallest[-1]]
        if not len(hashes):
            return
        # A sort and a comparison of neighbours is several times faster than numpy.unique here.
        ordered = np.sort(np.concatenate((self._smallest, hashes)))
        distinct = ordered[np.concatenate((np.ones(1, dtype=bool), ordered[1:] != ordered[:-1]))]
        self._overflowed |= len(distinct) > self.limit
        self._smallest = distinct[: self.limit]

    def insert_numbers(self, numbers: NDArray[np.float64]) -> None:
        """Add the hashes of doubles."""
        self.insert(self._unseen(numbers) if HAS_LOOPS else hash_numbers(numbers))

    def _unseen(self, numbers: NDArray[np.float64]) -> Hashes:
        """Return the hashes that may change something: most numbers of a column are larger ones or repeats."""
        if self._recent is None:
            # At first each place holds what cannot stand there.
            self._recent = (np.arange(1 << RECENT_BITS, dtype=np.uint64) ^ np.uint64(1)) << np.uint64(
                64 - RECENT_BITS
            )
        most = int(self._smallest[-1]) if self._overflowed else 2**64 - 1
        hashes = np.empty(len(numbers), dtype=np.uint64)
        return hashes[: unseen(np.ascontiguousarray(numbers), most, self._recent, hashes)]

    def merge(self, other: Self) -> Self:
        """Return a new union of both."""
        union = type(self)(min(self.limit, other.limit))
        union._smallest = self._smallest[: union.limit]
        union._overflowed = self._overflowed or len(self._smallest) > union.limit
        union.insert(other._smallest)
        union._overflowed |= other._overflowed  # only now: until full, no hash may be left out
        return union

    def count(self) -> float:
        """Return the number of distinct values: exact up to the limit, else the estimate, rounded."""
        if not self._overflowed:
            return float(len(self._smallest))
        return float(round((self.limit - 1) / (float(self._smallest[-1]) / 2.0**64)))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values; the hashes as little-endian bytes."""
        return {
            "limit": self.limit,
            "overflowed": self._overflowed,
            "smallest": self._smallest.astype("<u8", copy=False).tobytes(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        state = cls(data["limit"])
        state._smallest = np.frombuffer(data["smallest"], dtype="<u8").astype(np.uint64, copy=False)
        state._overflowed = data["overflowed"]
        return state


class Categories:
    """Texts with their exact counts, as long as there are at most `limit` of them; then nothing."""

    __slots__ = ("counts", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.counts: dict[str, int] | None = {}

    def add(self, counts: Iterable[tuple[str, int]]) -> bool:
        """Add counts by text; returns False, and forgets all counts, once there are too many texts."""
        if self.counts is None:
            return False
        for text, times in counts:
            self.counts[text] = self.counts.get(text, 0) + times
        if len(self.counts) > self.limit:
            self.counts = None
        return self.counts is not None

    def merge(self, other: Self) -> Self:
        """Return a new sum of both."""
        total = type(self)(min(self.limit, other.limit))
        total.counts = None if self.counts is None or other.counts is None else dict(self.counts)
        total.add((other.counts or {}).items())
        return total
