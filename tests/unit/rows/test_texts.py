import pytest

from open_model_monitor.capture.record import Columns
from open_model_monitor.rows.texts import (
    SEPARATOR,
    Line,
    LineReader,
    _usual_line,
    line_of,
    names_of,
    usual_line,
)


def columns(*names):
    return Columns(names, ("script",) * len(names), (True,) * len(names))


def read(*rows, names="ab", numbers=None):
    lines = [line_of(row) for row in rows]
    batch = LineReader(lambda: numbers or {}).batch(columns(*names), lines)
    return None if batch is None else batch.to_pydict()


def test_texts_become_one_and_come_back():
    line = line_of({"a": "1", "b": ""}.values())
    assert Line(columns("a", "b"), line).values == ["1", None]


@pytest.mark.parametrize(
    "values", [["a", 1], ["a", None], [b"a"], [f"a{SEPARATOR}b"], ["a\n"], ["a\rb"], ["\ud800"], []]
)
def test_what_is_no_line(values):
    assert line_of(values) is None


@pytest.mark.parametrize("usual", [usual_line, _usual_line])
def test_the_line_of_a_dict_with_the_usual_keys(usual):
    names = names_of(["a", "b"])
    assert usual({"a": "1", "b": "é"}, names, 2) == SEPARATOR.join("1é").encode()
    assert usual({"a": "", "b": ""}, names, 2) == SEPARATOR.encode()
    others = [
        {"a": "1"},
        {"b": "1", "a": "2"},
        {"a": "1", "c": "2"},
        {"a": "1", 5: "2"},
        {"a": "1", "b": 2},
        {},
    ]
    others += [
        {"a": "1", "b": "2", "c": "3"},
        {f"a{SEPARATOR}b": "1"},
        {"": "1", "b": "2"},
        {"a": "1", "bb": "2"},
    ]
    others += [{"a": f"x{SEPARATOR}y", "b": odd} for odd in (5, None, "\ud800", "z" * 70_000)]
    for other in others:
        assert usual(other, names, 2) is None
    for text in (f"a{SEPARATOR}", "a\n", "\r", "\ud800", None, b"a"):
        assert usual({"a": text}, names_of(["a"]), 1) is None
    assert usual({"a": "x" * 100_000}, names_of(["a"]), 1) in (None, b"x" * 100_000)
    assert usual({}, names_of([]), 0) is None


@pytest.mark.parametrize("keys", [["a", 5], ["\ud800"], [f"a{SEPARATOR}"]])
def test_keys_that_are_never_usual(keys):
    assert names_of(keys) is None


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
    batch = LineReader(dict).batch(columns("a"), [b"1"])
    assert batch.schema.field("a").metadata == {b"section": b"script", b"named": b"1"}


@pytest.mark.parametrize(
    "rows",
    [[("\ufeff1", "a")]],
)
def test_a_text_that_arrow_would_take_for_a_mark_is_left_to_others(rows):
    assert read(*rows) is None


def test_names_that_are_no_utf8_are_left_to_others():
    assert read(("1",), names=["\ud800"]) is None
