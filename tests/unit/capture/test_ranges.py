"""Which lines belong to a range of bytes."""

import pytest

from open_model_monitor.capture.ranges import line_ends, skip_to_line, until


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b"\nab"], (10, b"ab")),  # the range begins with a line
        ([b"a\nb"], (11, b"b")),
        ([b"ab", b"c\n", b"d\n"], (13, b"")),
        ([b"ab", b"c"], (12, b"")),
        ([], (9, b"")),
    ],
)
def test_a_range_begins_behind_the_first_line_end_at_or_after_the_byte_before_it(chunks, expected):
    at, rest = skip_to_line(iter(chunks), 9, None)
    assert (at, rest) == expected or (at, rest) == (9 + sum(map(len, chunks)), b"")


def test_a_line_longer_than_the_range_is_not_followed():
    chunks = iter([b"aaaa", b"aaaa", b"\nb"])
    assert skip_to_line(chunks, 9, 12) == (13, b"")
    assert next(chunks) == b"aaaa"


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (1, b"ab\n"),
        (3, b"ab\n"),
        (4, b"ab\ncd\n"),
        (6, b"ab\ncd\n"),
        (7, b"ab\ncd\ne"),
        (99, b"ab\ncd\ne"),
        (0, b""),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_range_ends_with_the_last_line_that_begins_in_it(end, expected, size):
    text = b"ab\ncd\ne"
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    assert b"".join(until(chunks, 0, end)) == expected


@pytest.mark.parametrize("data", [b"", b"\n", b"a\n\nb", b"ab\n" * 3000, b"x" * 5000])
def test_line_ends_are_counted(data):
    assert line_ends(data) == data.count(b"\n")
