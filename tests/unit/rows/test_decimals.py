import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from open_model_monitor.rows.decimals import AVAILABLE, CANONICAL, POINT, TEXT, WHOLE, Parsed, parse

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="built without a compiler")


def read(text, kinds, rows=1):
    return parse(text.encode(), bytes(kinds), rows)


def bits(value):
    return struct.pack("<d", value)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
@example("-0.0")
@example("9007199254740992.")
@example(".5")
@example("0.0000000000000000000001")
def test_a_number_with_a_point_is_what_python_reads(number):
    text = str(number) if "." in str(number) else f"{number}."
    parsed = read(text, [POINT])
    assert bits(parsed.numbers[0, 0]) == bits(float(text))


@given(st.integers(-(2**53), 2**53))
def test_an_integer_is_what_python_reads(number):
    assert bits(read(str(number), [WHOLE]).numbers[0, 0]) == bits(float(number))


@given(st.integers(-(2**53), 2**53))
def test_an_integer_as_python_writes_it(number):
    assert read(str(number), [CANONICAL]).numbers[0, 0] == number


def test_minus_zero_keeps_its_sign():
    assert bits(read("-0", [WHOLE]).numbers[0, 0]) == bits(-0.0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *[
            (text, WHOLE)
            for text in ("", "-", "+5", " 5", "5 ", "1.0", "1e5", "0x1F", "9007199254740993", "nan")
        ],
        *[(text, POINT) for text in ("", "-", ".", "-.", "5", "1.2.3", "1.5e3", "1.5 ", "inf", "é")],
        *[(text, CANONICAL) for text in ("007", "-0", "00", "-01", "1.0", "+1", "")],
        ("1.00000000000000000", POINT),  # more digits than a double holds
        ("0.00000000000000000000001", POINT),  # 23 decimals
    ],
)
def test_what_cannot_be_read_exactly_is_left(text, kind):
    assert read(f"7,{text}", [WHOLE, kind]) == 1


def test_columns_of_text_are_passed_on():
    parsed = read("a,1,x\n,2.5,y\nb,3.,".replace("1,", "1.,"), [TEXT, POINT, TEXT], rows=3)
    assert isinstance(parsed, Parsed)
    assert parsed.numbers.tolist() == [[1.0, 2.5, 3.0]]
    assert parsed.rest == b"a,x\n,y\nb,\n"


@pytest.mark.parametrize(
    "text", ["1,2\n3", "1,2\n3,4,5", "1,2,3\n4,5", "1,2", "1,2\n3,4\n", "1,2\n3,4\n5,6", "1\n2,3"]
)
def test_ragged_lines_are_told(text):
    assert isinstance(read(text, [WHOLE, WHOLE], rows=2), int)
    assert isinstance(read(text, [WHOLE, TEXT], rows=2), int)


@given(
    st.binary(max_size=60),
    st.lists(st.sampled_from([WHOLE, CANONICAL, POINT, TEXT]), min_size=1, max_size=4),
    st.integers(1, 5),
)
def test_any_bytes_are_read_or_refused(data, kinds, rows):
    parsed = parse(data, bytes(kinds), rows)
    if isinstance(parsed, int):
        assert 0 <= parsed < len(kinds)
    else:
        assert np.isfinite(parsed.numbers).all()
        assert len(data) >= len(parsed.rest) - 1
