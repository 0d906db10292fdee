import hashlib
import json

import numpy as np
import pytest

from open_model_monitor.profiling.kll import KLL, bucket_counts, capacity, quantile, weighted_items


def sketch_of(values, k=2048.0):
    sketch = KLL(k)
    sketch.insert(np.asarray(values, dtype=np.float64))
    return sketch


def listed(sketch):
    return [level.tolist() for level in sketch.levels]


def digest(levels):
    text = json.dumps(levels, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def test_capacities_shrink_upwards(vectors):
    for case in vectors["kll_capacity"]:
        expected = case["capacity_by_level"]
        assert [capacity(h, case["k"], case["c"]) for h in range(len(expected))] == expected


def test_small_sketches_item_by_item(vectors):
    single = [case for case in vectors["kll_small"] if "values" in case]
    assert len(single) == 3
    for case in single:
        assert listed(sketch_of(case["values"], case["k"])) == case["levels"], case["name"]


def test_merge_item_by_item(vectors):
    (case,) = [case for case in vectors["kll_small"] if "left_levels" in case]
    left, right = sketch_of(range(1, 26), case["k"]), sketch_of(range(26, 41), case["k"])
    assert listed(left) == case["left_levels"]
    assert listed(right) == case["right_levels"]
    assert listed(left.merge(right)) == case["levels"]


def test_large_sketches_by_hash(vectors):
    for case in vectors["kll_k2048"]["cases"]:
        sketch = sketch_of([(i * 7919) % 100003 for i in range(case["rows"])])
        assert [len(level) for level in sketch.levels] == case["level_sizes"]
        assert digest(listed(sketch)) == case["sha256_of_levels"]


@pytest.mark.parametrize("cut", [1, 7, 1000, 2049])
def test_chunks_equal_single_inserts(cut):
    values = np.array([(i * 7919) % 100003 for i in range(9000)], dtype=np.float64)
    chunked = KLL()
    for start in range(0, len(values), cut):
        chunked.insert(values[start : start + cut])
    assert listed(chunked) == listed(sketch_of(values))


def test_buckets(vectors):
    for case in vectors["buckets"]:
        sketch = sketch_of(case["values"])
        expected = [(b["lower_bound"], b["upper_bound"], b["count"]) for b in case["buckets"]]
        assert bucket_counts(sketch.levels, min(case["values"]), max(case["values"])) == expected


def test_a_million_equal_values_stay_small_and_fill_the_last_bucket():
    sketch = KLL()
    for _ in range(100):
        sketch.insert(np.full(10_000, 7.0))
    assert sum(map(len, sketch.levels)) < 8000
    assert [count for *_, count in bucket_counts(sketch.levels, 7.0, 7.0)] == [0.0] * 9 + [1e6]


@pytest.mark.parametrize("parts", [1, 8, 64])
def test_rank_error_of_a_million_rows_merged_from_parts(parts):
    values = np.random.default_rng(parts).normal(size=1_000_000)
    merged = KLL()
    for part in np.array_split(values, parts):
        merged = merged.merge(sketch_of(part))
    items, weights = weighted_items(merged.levels)
    ranks = np.searchsorted(np.sort(values), items, side="right")
    assert merged.weight == len(values)
    assert np.abs(np.cumsum(weights) - ranks).max() <= 0.005 * len(values)


def test_quantiles():
    sketch = sketch_of(range(1, 101))
    assert [quantile(sketch.levels, q) for q in (0.0, 0.5, 1.0)] == [1.0, 50.0, 100.0]
    assert np.isnan(quantile(KLL().levels, 0.5))


def test_no_levels_at_all():
    assert np.isnan(quantile([], 0.5))


def test_buckets_of_the_largest_doubles():
    values = np.array([-1.7e308, 0.0, 1.7e308])
    buckets = bucket_counts([values], -1.7e308, 1.7e308)
    assert [count for *_, count in buckets] == [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 1.0]
    assert np.isfinite(buckets).all()
