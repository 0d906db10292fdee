"""Values as payloads."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from open_model_monitor.recording.capture_lines import RawPayload
from open_model_monitor.recording.payloads import payload_of


@pytest.mark.parametrize(
    ("value", "data", "content_type"),
    [
        ("1,2", b"1,2", "text/csv"),
        (b"\x00", b"\x00", "text/csv"),
        ({"a": 1}, b'{"a":1}', "application/json"),
        ([1, 2.5], b"[1,2.5]", "application/json"),
        (np.array([[1, 2]]), b"[[1,2]]", "application/json"),
        ({"score": np.float32(0.5)}, b'{"score":0.5}', "application/json"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), b"1,x\n2,y\n", "text/csv"),
        (pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}), b"1,x\n2,y\n", "text/csv"),
        (pd.Series([1, 2.5]), b"[1.0,2.5]", "application/json"),
    ],
)
def test_values(value, data, content_type):
    assert payload_of(value) == RawPayload(data, content_type)


def test_a_content_type_that_is_told_stays():
    assert payload_of('{"a":1}', "application/json").content_type == "application/json"
    assert payload_of(RawPayload(b"x", None)) == RawPayload(b"x", None)


def test_what_has_no_json_is_refused():
    with pytest.raises(TypeError, match="object has no JSON"):
        payload_of(object())
