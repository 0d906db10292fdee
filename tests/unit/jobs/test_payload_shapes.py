import base64

import pytest

from open_model_monitor.capture.record import EventData
from open_model_monitor.jobs.payload_shapes import json_shape, section_shape, text_shape


def section(data, encoding="JSON", kind="application/json"):
    return EventData({"data": data, "encoding": encoding, "observedContentType": kind})


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (
            {"instances": [{"features": [1, 2, 3]}, {"features": [4, 5, 6]}]},
            "{instances: [{features: [3 numbers]}]}",
        ),
        ([1], "[1 number]"),
        ([1, None, 2.5], "[3 numbers]"),
        ([1, "x"], "[2 values]"),
        ([None], "[1 value]"),
        ([], "[]"),
        ([[1, 2], [3, 4]], "[[2 numbers]]"),
        (
            {str(n): n for n in range(9)},
            "{0: number, 1: number, 2: number, 3: number, 4: number, 5: number, …}",
        ),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, "{a: {b: {c: {d: {…}}}}}"),
        (True, "boolean"),
        (None, "null"),
    ],
)
def test_json(value, shape):
    assert json_shape(value) == shape


@pytest.mark.parametrize(
    ("text", "kind", "shape"),
    [
        ("1,2,3\n", "csv", "1 line of 3 fields"),
        ("1\n", "csv", "1 line of 1 field"),
        ("1,2\n3,4\n", "csv", "several lines of 2 fields"),
        ("1,2\n3\n", "csv", "several lines of 1 to 2 fields"),
        ('{"a": 1}\n{"a": 2}', "", "JSON Lines of {a: number}"),
        ("0.5", "application/json", "number"),
        ('"x,1', "csv", "text with unbalanced quotes"),
        ("  ", "", "empty"),
        ("{oh, no", "", "1 line of 2 fields"),
    ],
)
def test_text(text, kind, shape):
    assert text_shape(text, kind) == shape


def encoded(data):
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (encoded(b"\xff\xd8\xff\xe0rest"), "a JPEG image in BASE64"),
        (encoded(b"\x93NUMPY\x01\x00"), "a NumPy array (.npy) in BASE64"),
        (encoded(b"1,2"), "1 line of 2 fields, in BASE64"),
        (encoded(b"\xfe\xfd\xfc"), "binary in BASE64"),
        ("not base64!", "said to be BASE64, but is not"),
    ],
)
def test_base64(data, shape):
    assert section_shape(section(data, "BASE64", "application/x-thing")) == shape


def test_sections():
    assert section_shape(section(None)) == "no data"
    assert section_shape(section({"a": 1})) == "already parsed: {a: number}"
    assert section_shape(section('{"a": [1]}')) == "{a: [1 number]}"
    assert section_shape(section("1,2", "CSV", "text/csv")) == "1 line of 2 fields"
