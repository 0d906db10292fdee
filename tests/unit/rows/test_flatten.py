from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.rows.flatten import (
    MAX_COLUMNS,
    PayloadError,
    flatten_row,
    is_nested,
    natural_key,
    unique_names,
)


def test_s10_nested_values_become_columns():
    assert flatten_row({"a": {"b": 1}, "p": [0.1, 0.9]}) == (("a_b", "p_0", "p_1"), [1, 0.1, 0.9])


def test_arrays_tuples_and_odd_keys_flatten():
    names, values = flatten_row({0: np.array([[1, 2]]), "t": (3, "x"), "z": np.array(4), "e": []})
    assert names == ("0_0_0", "0_0_1", "t_0", "t_1", "z")
    assert values == [1, 2, 3, "x", np.array(4)]


def test_nested_is_what_has_parts():
    assert all(is_nested(value) for value in ([1], (), {"a": 1}, np.array([1])))
    assert not any(
        is_nested(value) for value in (None, "ab", b"ab", np.float64(1), np.array(1), Decimal(1), {1})
    )


def test_values_nested_without_end_are_an_error():
    value = []
    value.append(value)
    with pytest.raises(PayloadError, match="deep"):
        flatten_row({"a": value})


def test_unique_names():
    assert unique_names(["a", "b"]) == (("a", "b"), [])
    assert unique_names(["a", "a", "a_2", "a"])[0] == ("a", "a_3", "a_2", "a_4")


def test_a_row_has_an_end():
    with pytest.raises(PayloadError, match="10000 columns"):
        flatten_row({i: i for i in range(MAX_COLUMNS + 1)})


def test_natural_order():
    names = [
        "_c10",
        "_c2",
        "feature10",
        "feature9",
        "2",
        "10",
        "a",
        "",
        "A1b12",
        "A1b3",
        "00000000000000000002",
    ]
    expected = ["", "2", "00000000000000000002", "10", "A1b3", "A1b12", "_c2", "_c10", "a"]
    assert sorted(names, key=natural_key) == [*sorted(expected, key=natural_key), "feature9", "feature10"]
    assert sorted(expected, key=natural_key)[1:4] == ["00000000000000000002", "2", "10"]


@given(st.lists(st.tuples(st.text(alphabet="ab_!~é", max_size=2), st.integers(0, 99999))))
def test_natural_order_of_padded_keys_is_plain_order(parts):
    keys = [f"{text}{number:05d}" for text, number in parts]
    assert sorted(keys, key=natural_key) == sorted(keys)


def test_natural_order_takes_any_number_of_digits():
    assert natural_key("9" * 5000) < natural_key("1" + "0" * 5000)
