"""Any cut of the rows into parts gives the same profile."""

import functools
import itertools

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions, resolved_classes
from open_model_monitor.profiling.state import dumps, loads

OPTIONS = ProfileOptions(max_categories=5, distinct_exact_limit=20)

texts = st.none() | st.sampled_from(["red", "blue", "nan", "", "true", "1", "1.0", "2.5", "-3", "7"])
numbers = st.none() | st.floats(-1e6, 1e6) | st.integers(-50, 50).map(float)
rows = st.lists(st.tuples(texts, numbers, st.none() | st.integers(0, 100)), max_size=60)


def batch(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    types = (pa.string(), pa.float64(), pa.int64())
    return pa.RecordBatch.from_arrays(
        [pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=["text", "float", "int"]
    )


def read(profile):
    read_off, sums = {}, []
    for name, column in profile.ordered():
        kind, classes = resolved_classes(column, profile.rows, numeric=None)
        moments = column.moments
        read_off[name] = (
            kind,
            classes,
            column.categories.counts,
            column.distinct_count(numeric=kind in ("Integral", "Fractional")),
            (moments.count, moments.minimum, moments.maximum),
        )
        sums += [moments.total, moments.mean, moments.m2]
    return (profile.rows, read_off), pytest.approx(sums, rel=1e-9, abs=1e-5), sums


def same(left, right):
    return left[0] == right[0] and left[2] == right[1]


def profile_of(rows):
    return DatasetProfile(OPTIONS).update(batch(rows))


@given(rows, st.lists(st.integers(0, 60), max_size=4))
def test_any_cut_gives_the_same_profile(rows, cuts):
    whole = profile_of(rows)
    bounds = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]
    parts = [rows[a:b] for a, b in itertools.pairwise(bounds)]
    merged = profile_of(parts[0])
    batched = DatasetProfile(OPTIONS)
    for part in parts[1:]:
        merged = merged.merge(profile_of(part))
    for part in parts:
        batched.update(batch(part))
    assert same(read(merged), read(whole))
    assert same(read(batched), read(whole))


@given(rows, rows)
def test_bytes_and_back_and_merge_leaves_its_inputs_alone(left, right):
    one, two = profile_of(left), profile_of(right)
    before = dumps(one), dumps(two)
    one.merge(two).update(batch(right))
    assert (dumps(one), dumps(two)) == before
    assert dumps(loads(before[0], DatasetProfile)) == before[0]


def test_a_column_that_appears_late_is_missing_before():
    early = DatasetProfile().update(pa.RecordBatch.from_pydict({"a": [1, 2]}))
    late = DatasetProfile().update(pa.RecordBatch.from_pydict({"b": [4], "a": [3]}))
    for merged, order in ((early.merge(late), ["a", "b"]), (late.merge(early), ["b", "a"])):
        kind, classes = resolved_classes(merged.columns["b"], merged.rows, numeric=None)
        assert (kind, classes["Integral"], classes["Unknown"]) == ("Integral", 1, 2)
        assert [name for name, _ in merged.ordered()] == order


shapes = st.lists(
    st.permutations("abcd").flatmap(lambda p: st.integers(1, 4).map(lambda n: p[:n])), min_size=1
)


@given(shapes, st.integers(0, 9))
def test_columns_stand_in_the_order_of_first_appearance_however_the_rows_are_cut(shapes, cut):
    expected = list(dict.fromkeys(name for shape in shapes for name in shape))
    profiles = [
        DatasetProfile().update(pa.RecordBatch.from_pydict({name: [1] for name in s})) for s in shapes
    ]
    parts = [part for part in (profiles[:cut], profiles[cut:]) if part]
    merged = functools.reduce(
        DatasetProfile.merge, (functools.reduce(DatasetProfile.merge, p) for p in parts)
    )
    assert [name for name, _ in merged.ordered()] == expected
