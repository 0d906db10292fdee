"""Where a CSV record ends."""

import pytest

from open_model_monitor.capture.csvtext import cut, left_open, records


@pytest.mark.parametrize(
    ("line", "inside", "opened"),
    [
        (b"a,b", False, False),
        (b"a,b", True, True),
        (b'"a",b', False, False),
        (b'a,"b', False, True),
        (b'b",c', True, False),
        (b'b",c,"d', True, True),
        (b'a,"b ""c""', False, True),
        (b'a,"b ""c"""', False, False),
        (b'3,5" pipe', False, False),
        (b'""', False, False),
        (b'"', False, True),
        (b'"', True, False),
    ],
)
def test_a_line_leaves_a_quoted_field_open_or_not(line, inside, opened):
    assert left_open(line, inside) is opened


@pytest.mark.parametrize(
    ("data", "done"),
    [(b"", 0), (b"a\nb\n", 4), (b'a\n"b\n', 2), (b'"a\nb"\n', 6), (b'"a\nb"\n"c\n', 6), (b'"a\nb"', 5)],
)
def test_a_cut_is_after_the_last_whole_record(data, done):
    assert cut(data) == done


def test_records_come_with_the_lines_before_them():
    assert list(records(b'a\r\n"b\r\nc",d\r\n\ne')) == [(0, b"a"), (1, b'"b\r\nc",d'), (3, b""), (4, b"e")]
