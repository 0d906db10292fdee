import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.profiling.kll import KLL, weighted_items

seeds = st.integers(0, 2**32 - 1)


def sketch_of(values):
    sketch = KLL()
    sketch.insert(values)
    return sketch


def rank_error(sketch, values):
    items, weights = weighted_items(sketch.levels)
    ordered = np.sort(values)
    true = np.searchsorted(ordered, items, side="right")
    return np.abs(np.cumsum(weights) - true).max() / len(values)


@given(seeds, st.integers(1, 64), st.integers(10, 40_000))
def test_any_cut_keeps_weight_and_error_bound(seed, parts, size):
    values = np.random.default_rng(seed).normal(size=size)
    merged = KLL()
    for part in np.array_split(values, parts):
        merged = merged.merge(sketch_of(part))
    assert merged.weight == size
    assert rank_error(merged, values) <= 0.005


@given(seeds, st.integers(0, 6000))
def test_round_trip_and_neutral_element(seed, size):
    sketch = sketch_of(np.random.default_rng(seed).normal(size=size))
    again = KLL.from_dict(sketch.to_dict())
    assert again.to_dict() == sketch.to_dict()
    more = np.random.default_rng(seed + 1).normal(size=3000)
    again.insert(more)
    sketch.insert(more)
    assert again.to_dict() == sketch.to_dict()
    if size < 2050:
        small = sketch_of(np.arange(float(size)))
        assert small.merge(KLL()).to_dict() == small.to_dict()
