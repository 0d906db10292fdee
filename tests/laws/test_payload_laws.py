"""CSV and JSON payloads are read the same whichever way; a batch says the same as its values one by one."""

import contextlib
import csv
import io
import json
import math
from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from open_model_monitor.capture.record import Columns, Counts, Origin, Row
from open_model_monitor.profiling.values import class_of, classify
from open_model_monitor.rows.batches import to_batch
from open_model_monitor.rows.flatten import PayloadError, flatten_row
from open_model_monitor.rows.payloads import read_fields, read_lines, read_payload, single_line

fields = st.text(st.characters(codec="utf-8") | st.sampled_from(',"\n\r ;\t\x0b\u2028'), max_size=6)
tables = st.lists(st.lists(fields, min_size=1, max_size=4), max_size=4)
plain_text = st.text(st.sampled_from("ab1.,, \t-\x0b\x1c\u2028é\n\r"), max_size=20)


def written(table):
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\r\n").writerows(table)
    return sink.getvalue()


def blank(row):
    return len(row) == 1 and row[0].isspace()


@given(tables)
def test_what_the_csv_module_writes_is_read_back(table):
    assume(not any(blank(row) for row in table))
    assert read_lines(written(table)) == table
    assert [values for _, values in read_payload(written(table), "CSV", "text/csv").rows] == table
    for row in table:
        assert read_fields(written([row])[:-2]) == row


@given(plain_text)
def test_text_without_quotes_reads_as_the_csv_module_reads_it(text):
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert read_lines(text) == [row for row in rows if row and not blank(row)]


@given(fields | plain_text)
def test_the_fast_path_equals_the_csv_module(text):
    quick = single_line(text, "CSV", "text/csv; charset=utf-8")
    if quick is not None:
        assert [quick] == list(csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True))
        assert [quick] == read_lines(text)


ENVELOPES = ["data", "columns", "instances", "predictions", "dataframe_split", "dataframe_records"]
TRANSFORMED = ["SageMakerOutput", "SageMakerInput", "SageMakerInferenceId"]
keys = st.sampled_from(["a", "b", "a_b", "a_0", "", *ENVELOPES, *TRANSFORMED])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=25,
)


def check_rows(rows):
    for names, row in rows:
        assert names is None or len(names) == len(row) == len(set(names))
        assert not any(isinstance(value, (list, dict)) for value in row)


@given(values, st.sampled_from(["JSON", "NONE"]))
def test_any_json_gives_rows_or_a_payload_error(value, encoding):
    try:
        payload = read_payload(json.dumps(value), encoding, "application/json")
    except PayloadError:
        return
    for part in (payload, payload.joined):
        if part is not None:
            check_rows(part.rows)
            check_rows(part.batch or ())


@given(
    st.text(max_size=30),
    st.sampled_from(["CSV", "JSON", "BASE64", "NONE", None]),
    st.none() | st.text(max_size=9),
)
def test_any_text_gives_rows_or_a_payload_error(text, encoding, content_type):
    with contextlib.suppress(PayloadError):
        check_rows(read_payload(text, encoding, content_type).rows)


@given(st.dictionaries(keys, values, max_size=5))
def test_flattening_loses_no_value(mapping):
    def leaves(value):
        if isinstance(value, dict):
            value = list(value.values())
        return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]

    names, flat = flatten_row(mapping)
    assert len(names) == len(set(names))
    assert list(map(repr, flat)) == list(map(repr, leaves(mapping)))


texts = st.sampled_from(
    ["1", " 2 ", "1.5", "-3", "+ 4", "1e5", ".5", "5.", "true", "FALSE", "red", "", "  ", "nan", "7\n"]
)
natives = st.none() | texts | st.booleans() | st.integers(-(2**70), 2**70) | st.floats()
columns = st.one_of(
    st.lists(natives, min_size=1),
    *(
        st.lists(st.none() | kind, min_size=1)
        for kind in (texts, st.booleans(), st.integers(-(2**70), 2**70))
    ),
    st.lists(st.none() | st.floats() | st.integers(-100, 100), min_size=1),
)


def one_by_one(values):
    """Classify native values and texts each on its own, as the specification words it."""
    classes, nan_texts, present_texts, non_finite, numbers = Counter(), Counter(), 0, 0, []
    for value in values:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            continue
        if isinstance(value, bool):
            classes["Boolean"] += 1
        elif isinstance(value, int):
            classes["Integral"] += 1
            numbers.append(float(value))
        elif isinstance(value, float):
            classes["Fractional"] += 1
            non_finite += math.isinf(value)
            numbers += [value] if math.isfinite(value) else []
        elif not value.strip():
            continue
        elif value.strip() == "nan":
            nan_texts[value.strip()] += 1
            continue
        else:
            classes[class_of(value)] += 1
            if class_of(value) in ("Integral", "Fractional"):
                numbers.append(float(value.replace(" ", "")))
        present_texts += isinstance(value, (bool, str))
    return classes, nan_texts, present_texts, non_finite, numbers


@given(columns)
def test_a_batch_says_what_its_values_say_one_by_one(values):
    shape = Columns(("x",), ("",), (True,))
    batch = to_batch([Row(shape, [value], Origin("o", 1)) for value in values], Counts())
    found = classify(batch.column(0), batch.schema.field(0).metadata)
    classes, nan_texts, present_texts, non_finite, numbers = one_by_one(values)
    assert Counter(found.classes) == classes
    assert Counter(found.nan_texts) == nan_texts
    assert (found.present, found.non_finite) == (classes.total(), non_finite)
    assert found.numbers.tolist() == numbers
    assert found.texts == present_texts


anything = st.text(st.characters() | st.sampled_from("\ud800\udfff\\ud8"), max_size=4)


@given(st.lists(anything, min_size=1, max_size=5, unique=True))
def test_a_batch_has_every_name_once_and_in_utf8(names):
    columns = Columns(tuple(names), ("",) * len(names), (True,) * len(names))
    found = to_batch([Row(columns, [1] * len(names), Origin("x", 1))], Counts()).schema.names
    assert len(set(found)) == len(names)
    assert all(name.encode() for name in found if name)
