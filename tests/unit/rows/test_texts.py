import pytest

from open_model_monitor.capture.record import Columns
from open_model_monitor.rows.texts import SEPARATOR, Line, LineReader, line_of


def columns(*names):
    return Columns(names, ("script",) * len(names), (True,) * len(names))


def read(*rows, names="ab", numbers=None):
    lines = [line_of(row) for row in rows]
    batch = LineReader(lambda: numbers or {}).batch(columns(*names), lines)
    return None if batch is None else batch.to_pydict()


def test_texts_become_one_and_come_back():
    line = line_of({"a": "1", "b": ""}.values())
    assert Line(columns("a", "b"), line).values == ["1", None]


@pytest.mark.parametrize("values", [["a", 1], ["a", None], [b"a"], [f"a{SEPARATOR}b"], []])
def test_what_is_no_line(values):
    assert line_of(values) is None


def test_lines_become_columns():
    assert read(("1", "x"), ("2", "")) == {"a": ["1", "2"], "b": ["x", ""]}
    assert read(("é", '"'), (",", "'")) == {"a": ["é", ","], "b": ['"', "'"]}


def test_known_numbers_are_read_as_such():
    assert read(("1", "0.5"), ("2", "1.5"), numbers={"a": "Integral", "b": "Fractional"}) == {
        "a": [1, 2],
        "b": [0.5, 1.5],
    }
    assert read(("1", "x"), ("2", "y"), numbers={"a": "Fractional"}) == {"a": ["1", "2"], "b": ["x", "y"]}


def test_the_section_and_the_name_are_kept():
    batch = LineReader(dict).batch(columns("a"), ["1"])
    assert batch.schema.field("a").metadata == {b"section": b"script", b"named": b"1"}


@pytest.mark.parametrize(
    "rows",
    [[("1", "a\nb")], [("1", "a\r")], [("\ufeff1", "a")], [("1", "\ud800")], [("a\n", "b"), ("c", "d")]],
)
def test_texts_that_break_a_line_or_are_no_utf8_are_left_to_others(rows):
    assert read(*rows) is None


def test_names_that_are_no_utf8_are_left_to_others():
    assert read(("1",), names=["\ud800"]) is None
