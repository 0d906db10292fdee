from decimal import Decimal

import numpy as np
import pytest

from open_model_monitor.rows.flatten import MAX_COLUMNS, PayloadError, flatten_row, is_nested, unique_names


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
