import pytest

from open_model_monitor.capture.record import Columns
from open_model_monitor.rows import bulk
from open_model_monitor.rows.bulk import FRACTIONAL, INTEGRAL, BulkReader, batch_of
from open_model_monitor.rows.decimals import AVAILABLE


@pytest.fixture(params=sorted({False, AVAILABLE}), ids=lambda on: "decimals" if on else "arrow")
def reader(request, monkeypatch):
    monkeypatch.setattr(bulk, "DECIMALS", request.param)
    return BulkReader()


def read(reader, text, numbers):
    rows = text.count("\n") + 1
    arrays = reader.read(text.encode(), rows, text.split("\n")[0].count(",") + 1, numbers)
    return arrays and [(array.to_pylist(), spelt(metadata)) for array, metadata in arrays]


def spelt(metadata):
    """Without the hint that a column of short decimals has, and one that Arrow read has not."""
    return {key: value for key, value in metadata.items() if key != b"finite"}


def number(values, integral):
    return values, {b"texts": b"%d" % len(values), b"integral": b"%d" % integral}


def test_numbers_are_numbers_and_the_rest_is_text(reader):
    found = read(reader, "a,1,0.5\nb,2,1.5", {1: INTEGRAL, 2: FRACTIONAL})
    assert found == [(["a", "b"], {}), number([1, 2], 2), number([0.5, 1.5], 0)]


@pytest.mark.parametrize("odd", ["1", "1e5e", "e5", "1e999", "nan", "", "x", "1.5.", "0x1F"])
def test_a_column_that_disappoints_is_text(reader, odd):
    for _ in range(5):  # also when it does so again and again
        found = read(reader, f"1,0.5\n2,{odd}", {0: INTEGRAL, 1: FRACTIONAL})
        if odd == "" and found[1][1]:
            assert found[1] == ([0.5, None], {b"texts": b"1", b"integral": b"0"})
        else:
            assert found[1] == (["0.5", odd], {})


@pytest.mark.parametrize("few", ["1e-05", "1E+5", "2.5e3", "-1e5", "1.e2"])
def test_a_few_exponents_are_numbers_too(reader, few):
    texts = ["0.12345678901234567"] * 20
    texts[7] = few
    found = read(reader, "\n".join(f"{text},0.25" for text in texts), {0: FRACTIONAL, 1: FRACTIONAL})
    assert found[0] == number([float(text) for text in texts], 0)


def test_many_exponents_are_text(reader):
    texts = ["1e-05", "0.5"] * 10
    assert read(reader, "\n".join(texts), {0: FRACTIONAL}) == [(texts, {})]


def test_points_in_the_wrong_column_do_not_make_up_for_missing_ones(reader):
    assert read(reader, "1.0,5\n2,5.5", {0: INTEGRAL, 1: FRACTIONAL}) == [
        (["1.0", "2"], {}),
        (["5", "5.5"], {}),
    ]


def test_an_integer_zero_with_a_minus_keeps_its_sign(reader):
    (array, _), *_ = reader.read(b"-0,1\n1,1", 2, 2, {0: INTEGRAL, 1: INTEGRAL})
    assert str(array[0]) in ("-0", "-0.0")


def test_long_numbers_are_read_by_arrow(reader):
    texts = ["0.1234567890123456789", "0.3333333333333333", "12345678901234567.25"]
    found = read(reader, "\n".join(f"{text},1" for text in texts), {0: FRACTIONAL, 1: INTEGRAL})
    assert found[0] == number([float(text) for text in texts], 0)


@pytest.mark.parametrize("text", ["1,2\n3", "1,2\n3,4,5"])
def test_lines_of_another_width_are_refused(reader, text):
    for numbers in ({}, {0: INTEGRAL}, {0: INTEGRAL, 1: INTEGRAL}):
        assert read(reader, text, numbers) is None


def test_the_batch_says_where_its_columns_come_from(reader):
    columns = Columns(("a", "_c1"), ("output", "input"), (True, False))
    batch = batch_of(columns, reader.read(b"1,x", 1, 2, {0: INTEGRAL}))
    assert batch.schema.names == ["a", "_c1"]
    assert spelt(batch.schema.field(0).metadata) == {
        b"section": b"output", b"named": b"1", b"texts": b"1", b"integral": b"1"
    }  # fmt: skip
    assert batch.schema.field(1).metadata == {b"section": b"input", b"named": b"0"}


def test_a_mark_at_the_beginning_is_a_value(reader):
    assert read(reader, "\ufeffa,1", {1: INTEGRAL}) is None
    assert read(reader, "1,\ufeffa", {0: INTEGRAL}) in (None, [number([1], 1), (["\ufeffa"], {})])
