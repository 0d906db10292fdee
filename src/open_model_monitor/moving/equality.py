"""When numbers, sentences, histograms and sketches count as the same: the tolerances of `data_quality.md`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from open_model_monitor.profiling.kll import weighted_items

Buckets = list[tuple[float, float, float]]
DIGITS = 1e-9  # of sums, means and deviations: the order of adding
SKETCHED = 2 * 0.005  # of the rows: the ranks of both sketches may be wrong by half a per cent
EXACT, ROUNDED, ESTIMATED = "exactly", "to nine digits", "an estimate of both"
BOUNDED, RANDOM = "within the error bounds of both sketches", "of random subsamples of both"


def is_same(theirs: Any, ours: Any, rule: str) -> bool:
    """Whether two values are equal, or with the rule ROUNDED equal to nine digits, in all their parts."""
    theirs, ours = (None if one == "NaN" else one for one in (theirs, ours))  # older images spell null so
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return theirs is ours
    if isinstance(theirs, int | float) and isinstance(ours, int | float):
        close = math.isclose(theirs, ours, rel_tol=DIGITS, abs_tol=DIGITS * 1e-3)
        return theirs == ours or (rule == ROUNDED and close)
    if isinstance(theirs, str) and isinstance(ours, str):
        return theirs == ours or (rule == ROUNDED and _is_same_sentence(theirs, ours))
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(
            is_same(one, ours[name], rule) for name, one in theirs.items()
        )
    if isinstance(theirs, list | tuple) and isinstance(ours, list | tuple):
        return len(theirs) == len(ours) and all(map(is_same, theirs, ours, [rule] * len(theirs)))
    return bool(theirs == ours)


def _is_same_sentence(theirs: str, ours: str) -> bool:
    """Whether two sentences differ in the last digits of their numbers only."""
    there, here = theirs.split(), ours.split()
    return len(there) == len(here) and all(map(_is_same_word, there, here))


def _is_same_word(theirs: str, ours: str) -> bool:
    if theirs == ours:
        return True
    try:
        numbers = [float(word.strip("'%.,")) for word in (theirs, ours)]
    except ValueError:
        return False
    return math.isclose(*numbers, rel_tol=DIGITS)


def are_close_buckets(theirs: Buckets, ours: Buckets, rows: int) -> bool:
    """Whether buckets have the same bounds, and counts within twice the error of ranks."""
    return len(theirs) == len(ours) and all(
        is_same(there[:2], here[:2], ROUNDED) and abs(there[2] - here[2]) <= 2 * SKETCHED * rows
        for there, here in zip(theirs, ours, strict=True)
    )


def rank_error(theirs: list[list[float]], ours: list[list[float]]) -> float:
    """Return the largest difference of two sketches' ranks, as a share of the rows; they stand for equally many."""
    sketches = [weighted_items([np.asarray(level, float) for level in levels]) for levels in (theirs, ours)]
    totals = [int(weights.sum()) for _, weights in sketches]
    if totals[0] != totals[1]:
        return math.inf
    points = np.concatenate([items for items, _ in sketches])
    ranks = [
        np.concatenate(([0], np.cumsum(weights)))[np.searchsorted(items, points, side="right")]
        for items, weights in sketches
    ]
    return float(np.max(np.abs(ranks[0] - ranks[1]))) / totals[0]
