import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_model_monitor.profiling.columns import inferred_type
from open_model_monitor.profiling.values import class_of, classify, number_of


def test_class_of_every_vector(vectors):
    for text, expected in vectors["value_class"].items():
        assert class_of(text) == expected, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [(".5", "Fractional"), ("5.", "Fractional"), (" 7\n", "Integral"), ("1,000", "String"), ("٣", "String")],
)
def test_class_of_edges(text, expected):
    assert class_of(text) == expected


def reference(texts):
    classes, numbers, nan, infinite = {}, [], 0, 0
    for text in texts:
        word = (text or "").strip(" \t\n\r\v\f")
        if word.lower() == "nan":
            nan += 1
        elif word:
            kind = class_of(word)
            classes[kind] = classes.get(kind, 0) + 1
            if kind in ("Integral", "Fractional"):
                number = number_of(word)
                infinite += math.isinf(number)
                numbers += [number] if math.isfinite(number) else []
    return classes, numbers, nan, infinite


pieces = st.text(alphabet="0123456789+-. eE", max_size=6) | st.sampled_from(
    [
        "",
        " ",
        "nan",
        "NaN",
        "inf",
        "0x1F",
        "1e999",
        "true",
        "FALSE",
        "red",
        "007",
        "12345678901234567890",
        "1_0",
    ]
)


@settings(deadline=None)  # the first call loads what Arrow loads lazily
@given(st.lists(st.none() | pieces, max_size=30))
def test_a_column_at_once_equals_one_by_one(texts):
    column = classify(pa.array(texts, pa.string()), {})
    classes, numbers, nan, infinite = reference(texts)
    assert {kind: n for kind, n in column.classes.items() if n} == classes
    assert column.numbers.tolist() == numbers
    assert sum(column.nan_texts.values()) == nan
    assert column.non_finite == infinite
    assert column.present == sum(classes.values()) == column.texts


@settings(deadline=None)  # the first call loads what Arrow loads lazily
@given(st.lists(st.none() | st.from_regex(r"-?[0-9]{1,4}(\.[0-9]{0,2})?", fullmatch=True), max_size=30))
def test_a_numeric_column_at_once_equals_one_by_one(texts):
    column = classify(pa.array(texts, pa.string()), {})
    classes, numbers, _, _ = reference(texts)
    assert {kind: n for kind, n in column.classes.items() if n} == classes
    assert column.numbers.tolist() == numbers


def test_slices_are_read_where_they_are():
    column = classify(pa.array(["x", "1.5", "2", "y"]).slice(1, 2), {})
    assert column.classes == {"Integral": 1, "Fractional": 1}


def test_native_numbers():
    column = classify(pa.array([1.0, None, math.nan, math.inf]), {})
    assert (column.present, column.non_finite, column.texts) == (2, 1, 0)
    assert column.numbers.tolist() == [1.0]
    column = classify(pa.array([1, -1, None]), {}, missing={"-1"})
    assert column.present == 1


def test_missing_texts():
    column = classify(pa.array(["1.5", "-1.", "NA"]), {}, missing={"NA", "-1."})
    assert column.classes == {"Fractional": 1, "Integral": 0}
    assert np.array_equal(column.numbers, [1.5])


def test_inferred_type_vectors(vectors):
    for case in vectors["inferred_type"]:
        assert inferred_type(case["counts"]) == case["inferred_type"]
