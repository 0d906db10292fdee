"""Which rows belong to which subsample, and to which group of the jackknife: decided by a hash of the row's key.

So a rerun takes the same rows, whatever their order and however they are cut into parts (`model_quality.md` §7).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.profiling.distinct import hash_texts

SUBSAMPLES = 5
SHARE = 0.8  # of the rows in each subsample, on average
SAMPLES = 1 + SUBSAMPLES  # all rows, and the subsamples
GROUPS = 20  # of the jackknife that measures how sure a mean is

_STEP, _MIX_1, _MIX_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_TOP = 53  # bits of a hash that make a double
_GROUPING = SUBSAMPLES  # the hash after those of the subsamples


def memberships(keys: Iterable[str], seed: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return, by row, whether it belongs to each of `SAMPLES` samples (all rows first), and its group."""
    hashes = hash_texts(keys)
    member = np.ones((len(hashes), SAMPLES), dtype=bool)
    for j in range(SUBSAMPLES):
        member[:, 1 + j] = _uniform(hashes, seed, j) < SHARE
    groups = (_uniform(hashes, seed, _GROUPING) * GROUPS).astype(np.int64)
    return member, groups


def _uniform(hashes: NDArray[np.uint64], seed: int, place: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) per hash; other numbers for each seed and place."""
    salt = np.uint64((seed * (SUBSAMPLES + 1) + place + 1) % 2**64)
    with np.errstate(over="ignore"):
        mixed = _mix(hashes ^ _mix(np.atleast_1d(salt * _STEP)))
    return (mixed >> np.uint64(64 - _TOP)) / 2.0**_TOP


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of the input moves every bit."""
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return values ^ (values >> np.uint64(31))
