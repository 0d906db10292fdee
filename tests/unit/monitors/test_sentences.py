import math

from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.monitors import sentences
from open_model_monitor.monitors.sentences import number_text


def test_number_text_of_every_vector(vectors):
    for value, text in vectors["number_text"]:
        assert number_text(value) == text


def test_number_text_of_what_is_no_number():
    assert [number_text(v) for v in (math.nan, math.inf, -math.inf, -0.0)] == [
        "NaN",
        "Infinity",
        "-Infinity",
        "-0.0",
    ]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_text_is_read_back(value):
    text = number_text(value)
    assert float(text) == value
    assert "." in text
    assert "+" not in text


def test_at_most_twenty_names():
    names = [f"c{i}" for i in range(23)]
    sentence = sentences.columns("extra", now=25, expected=2, names=names)
    assert sentence.endswith(". Extra: " + ", ".join(names[:20]) + ", … and 3 more")
    assert sentences.listed(["a\nb", ""]) == 'a b, ""'
