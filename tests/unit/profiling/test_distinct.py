import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.profiling import distinct
from open_model_monitor.profiling.distinct import (
    HAS_LOOPS,
    Categories,
    DistinctValues,
    hash_numbers,
    hash_texts,
)


def test_exact_up_to_the_limit_then_within_its_error():
    state = DistinctValues(limit=10_000)
    state.insert(hash_numbers(np.arange(10_000, dtype=np.float64)))
    state.insert(hash_numbers(np.arange(10_000, dtype=np.float64)))
    assert state.count() == 10_000
    state.insert(hash_numbers(np.arange(200_000, dtype=np.float64)))
    assert state.count() == pytest.approx(200_000, rel=0.04)


def test_zero_has_one_hash():
    assert len(np.unique(hash_numbers(np.array([0.0, -0.0])))) == 1
    assert len(hash_texts([])) == 0


def test_bytes_and_back():
    state = DistinctValues(limit=3)
    state.insert(hash_texts(["a", "b", "c", "d"]))
    assert DistinctValues.from_dict(state.to_dict()).count() == state.count()


def test_too_many_categories_are_forgotten():
    one, two = Categories(2), Categories(2)
    assert one.add([("a", 1), ("b", 2)])
    assert two.add([("b", 1), ("a", 2)])
    assert one.merge(two).counts == {"a": 3, "b": 3}
    two.add([("c", 1)])
    assert two.counts is None
    assert one.merge(two).counts is None
    assert not two.add([("a", 1)])


@pytest.mark.parametrize("few", [0, 3, 40])
def test_few_values_merge_with_too_many(few):
    numbers = hash_numbers(np.arange(200, dtype=np.float64))
    small, large, whole = DistinctValues(50), DistinctValues(50), DistinctValues(50)
    small.insert(numbers[:few])
    large.insert(numbers[few:])
    whole.insert(numbers)
    assert small.merge(large).count() == large.merge(small).count() == whole.count()


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 1.0]), max_size=60), max_size=9
    )
)
def test_numbers_are_counted_as_their_hashes_are(batches):
    numbers, hashes = DistinctValues(20), DistinctValues(20)
    for batch in map(np.array, batches):
        numbers.insert_numbers(batch.astype(float))
        hashes.insert(hash_numbers(batch.astype(float)))
        assert numbers.to_dict() == hashes.to_dict()


@pytest.mark.skipif(not HAS_LOOPS, reason="built without a compiler")
def test_the_loop_in_c_refuses_buffers_that_do_not_fit():
    table, numbers = np.zeros(1 << 12, dtype=np.uint64), np.zeros(5)
    for recent, out in (
        (table[:-1].copy(), np.zeros(5, dtype=np.uint64)),
        (table, np.zeros(4, dtype=np.uint64)),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            distinct.unseen(numbers, 5, recent, out)
