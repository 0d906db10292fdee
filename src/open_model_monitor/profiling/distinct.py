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
    from open_model_monitor._loops import unique, unseen
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


def _unique(hashes: Hashes) -> Hashes:
    """Return each hash once, in ascending order, in the place of the given ones: several times faster than NumPy's."""
    hashes.sort()
    if HAS_LOOPS:
        return hashes[: unique(hashes)]
    first = np.ones(len(hashes), dtype=bool)
    np.not_equal(hashes[1:], hashes[:-1], out=first[1:])
    return hashes[first]


class DistinctValues:
    """The number of distinct hashes seen."""

    __slots__ = ("_known", "_overflowed", "_recent", "_waiting", "limit")

    def __init__(self, limit: int = EXACT_LIMIT) -> None:
        self.limit = limit
        self._known: Hashes = np.empty(0, dtype=np.uint64)  # ascending
        self._overflowed = False  # whether there were more than `limit`
        # Hashes that are yet to be put among the known ones: a sort for each batch would take longer than all else.
        self._waiting: list[Hashes] = []
        # A place per leading bits of a hash, with the last such hash: what stands there is known already.
        self._recent: Hashes | None = None

    def insert(self, hashes: Hashes) -> None:
        """Add hashes; repeats are free."""
        if self._overflowed:
            hashes = hashes[hashes < self._known[-1]]
        self._wait(hashes)

    def _wait(self, hashes: Hashes) -> None:
        if len(hashes):
            self._waiting.append(hashes)
            if sum(map(len, self._waiting)) >= self.limit:
                self._settle()

    def _settle(self) -> Hashes:
        """Return the smallest hashes of all."""
        if self._waiting:
            distinct = _unique(np.concatenate((self._known, *self._waiting)))
            self._waiting = []
            self._overflowed |= len(distinct) > self.limit
            self._known = distinct[: self.limit].copy()  # without what lies behind
        return self._known

    def insert_numbers(self, numbers: NDArray[np.float64]) -> None:
        """Add the hashes of doubles."""
        if HAS_LOOPS:
            self._wait(self._unseen(numbers))
        else:
            self.insert(hash_numbers(numbers))

    def _unseen(self, numbers: NDArray[np.float64]) -> Hashes:
        """Return the hashes that may change something: most numbers of a column are larger ones or repeats."""
        if self._recent is None:
            # At first each place holds what cannot stand there.
            self._recent = (np.arange(1 << RECENT_BITS, dtype=np.uint64) ^ np.uint64(1)) << np.uint64(
                64 - RECENT_BITS
            )
        most = int(self._known[-1]) if self._overflowed else 2**64 - 1
        hashes = np.empty(len(numbers), dtype=np.uint64)
        return hashes[: unseen(np.ascontiguousarray(numbers), most, self._recent, hashes)].copy()

    def merge(self, other: Self) -> Self:
        """Return a new union of both."""
        union = type(self)(min(self.limit, other.limit))
        for hashes in (self._settle(), other._settle()):
            union.insert(hashes)
        union._settle()
        union._overflowed |= (
            self._overflowed or other._overflowed
        )  # only now: until full, no hash may be left out
        return union

    def count(self) -> float:
        """Return the number of distinct values: exact up to the limit, else the estimate, rounded."""
        known = self._settle()
        if not self._overflowed:
            return float(len(known))
        return float(round((self.limit - 1) / (float(known[-1]) / 2.0**64)))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values; the hashes as little-endian bytes."""
        smallest = self._settle().astype("<u8", copy=False).tobytes()
        return {"limit": self.limit, "overflowed": self._overflowed, "smallest": smallest}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        state = cls(data["limit"])
        state._known = np.frombuffer(data["smallest"], dtype="<u8").astype(np.uint64, copy=False)
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
