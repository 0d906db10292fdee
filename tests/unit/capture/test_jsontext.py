"""JSON as captured data spells it."""

import math

import pytest

from open_model_monitor.capture.jsontext import parse_json


@pytest.mark.parametrize("kind", [str, str.encode])
def test_the_last_of_duplicate_keys_wins(kind):
    assert parse_json(kind('{"a": 1, "b": 2, "a": 3}')) == {"a": 3, "b": 2}


def test_whole_and_fractional_numbers_stay_apart():
    assert [type(value) for value in parse_json(b"[5, 5.0, 5e0]")] == [int, float, float]


def test_integers_of_any_size_stay_exact():
    assert parse_json(b"123456789012345678901234567890") == 123456789012345678901234567890


def test_literals_that_json_forbids_are_read():
    nan, high, low = parse_json(b"[NaN, Infinity, -Infinity]")
    assert math.isnan(nan)
    assert (high, low) == (math.inf, -math.inf)
    assert parse_json(b"1e999") == math.inf


def test_lone_surrogates_do_not_stop_a_line():
    assert parse_json(rb'{"a": "\ud800"}') == {"a": "\ud800"}


@pytest.mark.parametrize(
    "text", [b"", b"{", b"{'a': 1}", b"[1,]", b'{"a": 1} x', b"\xff", b'{"a": "\xff"}', "nul"]
)
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_json(text)


def test_absurd_nesting_is_a_value_error():
    with pytest.raises(ValueError, match="nested"):
        parse_json(b"[" * 200_000 + b"]" * 200_000)
