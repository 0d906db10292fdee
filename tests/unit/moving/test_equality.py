"""What counts as the same."""

import math

import pytest

from open_model_monitor.moving.equality import (
    EXACT,
    ROUNDED,
    are_close_buckets,
    is_same,
    rank_error,
)


@pytest.mark.parametrize(
    ("theirs", "ours", "rule", "same"),
    [
        (1, 1.0, EXACT, True),
        (1.0, 1.0 + 1e-12, EXACT, False),
        (1.0, 1.0 + 1e-12, ROUNDED, True),
        (1.0, 1.0 + 1e-8, ROUNDED, False),
        (True, 1, ROUNDED, False),
        (None, "NaN", EXACT, True),
        (None, 0.0, ROUNDED, False),
        ([1.0, {"a": 2.0}], [1.0, {"a": 2.0000000000001}], ROUNDED, True),
        ({"a": 1}, {"a": 1, "b": None}, ROUNDED, False),
        ("is 0.1% of", "is 0.10000000000001% of", ROUNDED, True),
        ("is 0.1% of", "is 0.1% for", ROUNDED, False),
    ],
)
def test_values(theirs, ours, rule, same):
    assert is_same(theirs, ours, rule) is same


def test_ranks_of_sketches():
    assert rank_error([[3.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]) == 0
    assert rank_error([[1.0, 2.0]], [[], [1.0]]) == 0.5
    assert rank_error([[1.0]], [[1.0, 2.0]]) == math.inf  # of other numbers of rows


def test_buckets_of_sketches():
    ours = [(0.0, 1.0, 51.0), (1.0, 2.0, 49.0)]
    assert are_close_buckets([(0.0, 1.0, 50.0), (1.0, 2.0, 50.0)], ours, 100)
    assert not are_close_buckets([(0.0, 1.0, 54.0), (1.0, 2.0, 46.0)], ours, 100)
    assert not are_close_buckets([(0.0, 1.1, 51.0), (1.1, 2.0, 49.0)], ours, 100)
    assert not are_close_buckets(ours[:1], ours, 100)
