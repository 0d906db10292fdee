import itertools
import math

import pyarrow as pa
import pytest

from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions
from open_model_monitor.profiling.state import dumps, loads


def field(name, values, section="", named=True):
    array = pa.array(values)
    return array, pa.field(name, array.type, metadata={b"section": section.encode(), b"named": b"%d" % named})


def batch(*columns):
    arrays, fields = zip(*columns, strict=True)
    return pa.RecordBatch.from_arrays(list(arrays), schema=pa.schema(fields))


def texts(values):
    return pa.RecordBatch.from_pydict({"a": pa.array(values, pa.string())})


@pytest.mark.parametrize("cut", range(1, 6))
def test_examples_do_not_depend_on_the_cut(cut):
    values = ["x", "x", "y", "x", "z", "w"]
    whole = DatasetProfile().update(texts(values))
    batched = DatasetProfile().update(texts(values[:cut])).update(texts(values[cut:]))
    merged = DatasetProfile().update(texts(values[:cut])).merge(DatasetProfile().update(texts(values[cut:])))
    for profile in (whole, batched, merged):
        assert profile.columns["a"].examples == ["x", "y", "z"]


def test_a_blank_beyond_ascii_is_a_text_wherever_it_is_cut():
    values = ["a", "b", " \u2028", "\u2028", "c", "d"]
    states = [
        DatasetProfile(ProfileOptions(max_categories=3))
        .update(texts(values[:cut]))
        .update(texts(values[cut:]))
        for cut in range(len(values))
    ]
    assert {profile.columns["a"].distinct.count() for profile in states} == {5.0}


def test_watched_texts_do_not_depend_on_the_cut():
    options = ProfileOptions(max_categories=3, watched=frozenset({"x", "7", "never"}))
    values = ["x", "7", "x\n", "a", "b", "c", "x", "d", "7"]
    for first, second in itertools.combinations(range(len(values) + 1), 2):
        parts = [values[:first], values[first:second], values[second:]]
        batched = DatasetProfile(options)
        for part in parts:
            batched.update(texts(part))
        one, two, three = (DatasetProfile(options).update(texts(part)) for part in parts)
        merged = loads(dumps(one.merge(two)), DatasetProfile).merge(three)
        for profile in (batched, merged):
            assert profile.columns["a"].watched_counts == {"x": 3, "7": 2}
            assert profile.columns["a"].categories.counts is None


def test_watched_texts_among_few():
    options = ProfileOptions(watched=frozenset({"x", "y"}))
    assert DatasetProfile(options).update(texts(["x", "z"])).columns["a"].watched_counts == {"x": 1}


def test_watched_texts_of_native_numbers():
    options = ProfileOptions(max_categories=2, watched=frozenset({"7", "2.5", "x"}))
    profile = DatasetProfile(options).update(
        pa.RecordBatch.from_pydict({"a": [7, 7, 1, 2, 3], "b": [2.5, 1.0, 2.0, 3.0, 2.5]})
    )
    assert profile.columns["a"].watched_counts == {"7": 2}
    assert profile.columns["b"].watched_counts == {"2.5": 2}


def test_columns_keep_the_order_of_first_appearance():
    parts = [
        batch(field("b", [1]), field("a", [2], "input", False)),
        batch(field("z", [3]), field("a", [4], "output"), field("b", [5])),
        batch(field("c", [6]), field("y", [7]), field("z", [8])),
    ]
    batched = DatasetProfile()
    for part in parts:
        batched.update(part)
    one, two, three = (DatasetProfile().update(part) for part in parts)
    from_the_left, from_the_right = one.merge(two).merge(three), one.merge(two.merge(three))
    for profile in (batched, from_the_left, from_the_right, loads(dumps(batched), DatasetProfile)):
        assert [name for name, _ in profile.ordered()] == ["b", "a", "z", "c", "y"]
        column = profile.columns["a"]
        assert (column.section, column.named) == ("input", False)  # as it was first seen


def test_moments_without_a_value_and_of_the_largest_doubles():
    empty = DatasetProfile().update(pa.RecordBatch.from_pydict({"a": [math.inf]})).columns["a"].moments
    assert math.isnan(empty.std_dev)
    largest = DatasetProfile().update(pa.RecordBatch.from_pydict({"a": [1.7e308] * 2})).columns["a"].moments
    assert largest.total == math.inf


def test_options_are_packed_with_the_profile():
    options = ProfileOptions(7, 9, {"": ["-"], "a": ["-1"]}, frozenset({"b", "a"}))
    read = loads(dumps(DatasetProfile(options)), DatasetProfile).options
    assert (read.max_categories, read.distinct_exact_limit, read.watched) == (7, 9, options.watched)
    assert read.missing_in("a") == {"-", "-1"}


def test_texts_that_differ_in_line_ends_are_one_and_none_is_lost():
    values = ["x", "x\n", "x\r\n", "y", "y\n", "z"]
    profile = DatasetProfile(ProfileOptions(max_categories=3)).update(texts(values))
    assert profile.columns["a"].categories.counts == {"x": 3, "y": 2, "z": 1}
