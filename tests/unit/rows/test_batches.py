import datetime
import enum
import math
import uuid
from decimal import Decimal
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from open_model_monitor.capture.ipc import batch_from_ipc, batch_to_ipc
from open_model_monitor.capture.record import Columns, Counts, Origin, Row
from open_model_monitor.errors import DataError
from open_model_monitor.profiling.columns import DatasetProfile
from open_model_monitor.profiling.values import classify
from open_model_monitor.rows.batches import (
    Batcher,
    Joiner,
    column,
    plain,
    to_batch,
)
from open_model_monitor.rows.texts import Line, LineReader, line_of

ORIGIN = Origin("object", 1)


def shape(*names, section="", named=True):
    return Columns(names, (section,) * len(names), (named,) * len(names))


def rows(*mappings):
    return [Row(shape(*map(str, mapping)), list(mapping.values()), ORIGIN) for mapping in mappings]


def batch(*mappings, counts=None):
    return to_batch(rows(*mappings), counts or Counts())


def ignore(text):
    raise AssertionError(text)


def as_column(*values):
    array, metadata = column(values, ignore)
    return array.type, array.to_pylist(), {key.decode(): int(value) for key, value in metadata.items()}


TEXT, INT, FLOAT = pa.string(), pa.int64(), pa.float64()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("a", None, ""), (TEXT, ["a", None, ""], {})),
        ((1, None, -(2**63)), (INT, [1, None, -(2**63)], {})),
        ((1.5, None, math.inf), (FLOAT, [1.5, None, math.inf], {})),
        ((None, None), (pa.null(), [None, None], {})),
        ((), (pa.null(), [], {})),
        ((2**63, 1, None), (TEXT, [str(2**63), "1", None], {"texts": 0})),
        ((1, 2.0, 1e-7), (TEXT, ["1", "2.0", "1e-07"], {"texts": 0, "infinite": 0})),
        ((True, None, False), (TEXT, ["true", None, "false"], {"texts": 2, "infinite": 0})),
        ((1, "x", "", " ", None), (TEXT, ["1", "x", "", " ", None], {"texts": 1, "infinite": 0})),
        ((1, math.inf, -math.inf, math.nan), (TEXT, ["1", None, None, None], {"texts": 0, "infinite": 2})),
        (("a\ud800b", None), (TEXT, ["a?b", None], {})),
        ((1, "\udfff"), (TEXT, ["1", "?"], {"texts": 1, "infinite": 0})),
    ],
)
def test_columns_of_plain_values(values, expected):
    assert as_column(*values) == expected


def test_an_integer_of_absurd_length():
    kind, values, _ = as_column(10**5000, 1)
    assert kind == TEXT
    assert values == ["1" + "0" * 5000, "1"]


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(5), 5),
        (np.uint8(5), 5),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.longdouble(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.array(7), 7),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01-02T03:04:05", "ns"), "2026-01-02T03:04:05.000000000"),
        (np.datetime64("NaT", "ns"), None),
        (np.bytes_(b"ab"), "ab"),
        (pd.NA, None),
        (pd.NaT, None),
        (pd.Timestamp("2026-01-02T03:04:05"), "2026-01-02T03:04:05"),
        (Decimal("5"), 5),
        (Decimal("5.0"), 5.0),
        (Decimal("1E+2"), 100.0),
        (Decimal("NaN"), None),
        (Decimal("sNaN"), None),
        (Decimal("Infinity"), math.inf),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC), "2026-01-02T00:00:00+00:00"),
        (datetime.time(1, 2, 3), "01:02:03"),
        (datetime.timedelta(days=1), "1 day, 0:00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        ("é".encode(), "é"),
        (b"\xff", "/w=="),
        (bytearray(b"a"), "a"),
        (memoryview(b"a"), "a"),
        (None, None),
    ],
)
def test_s24_values_become_plain(value, expected):
    result = plain(value, ignore)
    assert (type(result), result) == (type(expected), expected)


def test_unknown_objects_become_text_with_one_warning_per_column():
    counts = Counts()
    made = batch({"a": {1}, "b": 1}, {"a": {2}, "b": 2j}, counts=counts)
    assert made.to_pydict() == {"a": ["{1}", "{2}"], "b": ["1", "2j"]}
    assert set(counts.warnings) == {
        "column a: values of type set were turned into text",
        "column b: values of type complex were turned into text",
    }


def test_s24_a_row_of_a_script():
    made = batch(
        {"i": np.int64(1), "f": np.float64(0.5), "b": np.bool_(True), "n": math.nan, "d": Decimal("1.5")},
        {"i": np.int64(2), "f": pd.NA, "b": np.bool_(False), "n": 1.0, "d": datetime.date(2026, 1, 2)},
    )
    assert [str(field.type) for field in made.schema] == ["int64", "double", "string", "double", "string"]
    profile = DatasetProfile().update(made)
    present = {name: sum(col.classes.values()) for name, col in profile.columns.items()}
    assert present == {"i": 2, "f": 1, "b": 2, "n": 1, "d": 2}


def test_metadata_say_section_and_whether_a_column_has_a_name():
    columns = Columns(("_c0", "x"), ("output", "input"), (False, True))
    made = to_batch([Row(columns, ["1", 2], ORIGIN)], Counts())
    assert made.schema.field(0).metadata == {b"section": b"output", b"named": b"0"}
    assert made.schema.field(1).metadata == {b"section": b"input", b"named": b"1"}


def test_rows_of_different_columns_share_the_union():
    made = batch({"a": 1, "b": "x"}, {"b": "y", "c": 2.5}, {"a": 3, "b": "z"}, {})
    assert made.to_pydict() == {
        "a": [1, None, 3, None],
        "b": ["x", "y", "z", None],
        "c": [None, 2.5, None, None],
    }
    assert made.schema.names == ["a", "b", "c"]


def test_nested_values_are_flattened_wherever_they_occur():
    made = batch(
        {"a": {"b": 1}, "p": [0.1, 0.9], "s": "x"},
        {"a": {"b": 2}, "p": np.array([0.2, 0.8]), "s": "y"},
        {"a": {"b": 3}, "p": pd.Series([0.3, 0.7], index=["u", "v"]), "s": "z"},
        {"a": {"b": 4}, "p": None, "s": np.array(5)},
    )
    assert made.to_pydict() == {
        "a_b": [1, 2, 3, 4],
        "p_0": [0.1, 0.2, 0.3, None],
        "p_1": [0.9, 0.8, 0.7, None],
        "s": ["x", "y", "z", "5"],
        "p": [None] * 4,
    }


def test_names_that_collide_after_flattening_are_warned_of():
    counts = Counts()
    assert batch({"a_b": 1, "a": {"b": 2}}, counts=counts).to_pydict() == {"a_b": [1], "a_b_2": [2]}
    assert len(counts.warnings) == 1


def test_nested_values_without_end_are_the_datas_fault():
    with pytest.raises(DataError, match=r"object:1: .*'pixels'"):
        batch({"pixels": np.zeros((200, 200))})


def test_five_thousand_columns():
    names = [f"c{i}" for i in range(5000)]
    made = to_batch([Row(shape(*names), ["1"] * 5000, ORIGIN)] * 3, Counts())
    assert (made.num_rows, made.num_columns) == (3, 5000)


def test_rows_without_columns_are_rows():
    assert batch({}, {}).num_rows == 2
    assert batch_from_ipc(batch_to_ipc(batch({}, {}))).num_rows == 2
    assert batch({"a": []}).num_rows == 1


SURROGATES = ("a\ud800", "a\ud801")


def test_names_that_utf8_cannot_say():
    assert batch({"\ud800": 1}).schema.names == ["\\ud800"]
    counts = Counts()
    made = batch(dict.fromkeys((*SURROGATES, "a\\ud800"), 1), counts=counts)
    assert made.schema.names == ["a\\ud800", "a\\ud801", "a\\ud800_2"]
    assert [text for text in counts.warnings if "more than one column" in text]


def test_names_that_utf8_cannot_say_are_the_same_in_every_batch():
    assert batch({"a\ud801": 2}).schema.names[0] in batch(dict.fromkeys(SURROGATES, 1)).schema.names


def test_a_mixed_column_is_counted_by_the_profile():
    made = batch({"a": 1}, {"a": "x"}, {"a": math.inf}, {"a": True}, {"a": 2.5}, {"a": None})
    values = classify(made.column(0), made.schema.field(0).metadata)
    assert values.classes == {"Integral": 1, "String": 1, "Fractional": 2, "Boolean": 1}
    assert (values.present, values.texts, values.non_finite) == (5, 2, 1)


def test_the_batcher_cuts_by_rows_and_by_cells():
    counts = Counts()
    batcher = Batcher(counts, max_rows=3, max_cells=10)
    assert batcher.flush() is None
    for _ in range(3):
        assert not batcher.full
        batcher.add(Row(shape("a"), ["1"], ORIGIN))
    assert batcher.full
    assert batcher.flush().num_rows == 3
    wide = shape(*"abcdef")
    batcher.add(Row(wide, ["1"] * 6, ORIGIN))
    assert not batcher.full
    batcher.add(Row(wide, ["1"] * 6, ORIGIN))
    assert batcher.full
    assert batcher.flush().num_rows == 2
    assert counts.rows_out == 5


def text(columns, *values):
    return Line(columns, line_of(values))


def with_lines(counts=None):
    return Batcher(counts or Counts(), max_rows=4, reader=LineReader(dict))


def test_lines_of_the_same_columns_are_held_as_they_are():
    counts, columns = Counts(), shape("a", "b")
    batcher = with_lines(counts)
    for n in range(4):
        assert not batcher.full
        batcher.add(text(columns, str(n), "x"))
    assert batcher.full
    assert batcher.flush().to_pydict() == {"a": ["0", "1", "2", "3"], "b": ["x"] * 4}
    assert (counts.rows_out, batcher.full, batcher.flush()) == (4, False, None)


@pytest.mark.parametrize("other", [Row(shape("a", "b"), [2, None], ORIGIN), text(shape("b"), "y")])
def test_a_batch_that_is_not_all_lines_is_one_of_rows(other):
    counts, columns = Counts(), shape("a", "b")
    batcher = with_lines(counts)
    for row in (text(columns, "1", "x"), other, text(columns, "3", "")):
        batcher.add(row)
    batch = batcher.flush()
    assert (batch.num_rows, counts.rows_out) == (3, 3)
    assert batch.column("a").to_pylist()[::2] == ["1", "3"]
    assert batch.column("b").to_pylist()[2] is None
    batcher.add(text(columns, "4", "z"))  # the next batch begins anew
    assert batcher.flush().to_pydict() == {"a": ["4"], "b": ["z"]}


def test_without_a_reader_lines_are_rows():
    batcher = Batcher(Counts())
    batcher.add(text(shape("a"), "1"))
    assert batcher.flush().to_pydict() == {"a": ["1"]}


def test_at_the_end_of_a_block_rows_leave_and_lines_wait_until_they_are_many(monkeypatch):
    columns, batcher = shape("a"), with_lines()
    batcher.add(text(columns, "12345"))
    assert batcher.settle() is None
    monkeypatch.setattr("open_model_monitor.rows.batches.MAX_LINES_SIZE", 10)
    batcher.add(text(columns, "67890"))
    assert batcher.settle().num_rows == 2
    batcher.add(Row(columns, [1], ORIGIN))
    assert batcher.settle().num_rows == 1


def test_small_batches_of_one_schema_are_joined():
    def small(values, **metadata):
        field = pa.field("a", pa.string(), metadata={"section": "", **metadata})
        return pa.RecordBatch.from_arrays([pa.array(values)], schema=pa.schema([field]))

    def joined(*batches):
        joiner = Joiner(max_rows=4)
        out = [ready for batch in batches for ready in joiner.add(batch)]
        return [batch.column("a").to_pylist() for batch in [*out, *joiner.flush()]]

    assert joined(small(["1", "2"]), small(["3"]), small(["4"]), small(["5"])) == [
        ["1", "2", "3", "4"],
        ["5"],
    ]
    assert joined(small(["1"]), small(["2"], section="output")) == [["1"], ["2"]]
    assert joined(small(["1"]), small(["2"], texts="1"), small(["3"])) == [["1"], ["2"], ["3"]]
    assert joined() == []


def test_joined_batches_are_bounded_by_bytes():
    joiner, batch = Joiner(), pa.RecordBatch.from_pydict({"a": ["x" * (5 << 20)]})
    assert list(joiner.add(batch)) == []
    assert [one.num_rows for one in joiner.add(batch)] == [2]
