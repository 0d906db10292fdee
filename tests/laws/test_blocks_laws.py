"""Laws of reading: however an object is cut, packed or chunked, the same items come out."""

import csv
import gzip
import io
import json
import tempfile
import uuid
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.items import items
from open_model_monitor.capture.line_numbers import resolve
from open_model_monitor.capture.record import Counts, Format, Part, Rejected
from open_model_monitor.storage import Storage

STORAGE = Storage()
SIZES = st.integers(8, 200) | st.just(1 << 20)
LINES, CSV, HEADED = Format("jsonlines"), Format("csv"), Format("csv", header=True)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
fields = st.text(st.sampled_from("ab1 ,\"\n'é"), max_size=6)


def read(data, format, block_bytes):
    """Return the items as (value, line, header) and the counts."""
    address = f"memory://laws/{uuid.uuid4().hex}"
    STORAGE.write(address, data)
    counts = Counts()
    found = []
    for number, block in enumerate(
        blocks(STORAGE, Part((address,)), format, counts, block_bytes=block_bytes)
    ):
        assert block.starts_object == (number == 0)
        for item in items(block, format, counts):
            if not item.header:
                found.append((item.value, item.origin.line))
            else:
                assert item.value == block.header
    counts.rejected = [replace(sample, source="") for sample in counts.rejected]
    return found, counts


@given(st.lists(values, max_size=12), SIZES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_json_lines_come_out_as_they_went_in(rows, size, end, ends, packed):
    text = end.join(json.dumps(row, ensure_ascii=False) for row in rows)
    data = (text + (end if ends and rows else "")).encode()
    found, counts = read(gzip.compress(data) if packed else data, LINES, size)
    assert found == [(row, number) for number, row in enumerate(rows, 1)]
    assert counts.lines_read == counts.records_in == len(rows)
    assert not counts.malformed


def written(rows, end):
    sink = io.StringIO()
    csv.writer(sink, lineterminator=end).writerows(rows)
    return sink.getvalue().encode()


def is_blank(row):
    return all(not field.strip() for field in row) and len(row) == 1


# What csv quotes when it must; a lone blank field is a blank line, which is not passed on.
tables = st.lists(st.lists(fields, min_size=1, max_size=4).filter(lambda row: not is_blank(row)), max_size=10)


@given(tables, SIZES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_csv_records_come_out_whole(rows, size, end, packed):
    data = written(rows, end)
    found, counts = read(gzip.compress(data) if packed else data, CSV, size)
    assert [next(csv.reader(io.StringIO(value, newline=""))) for value, _ in found] == rows
    assert counts.records_in == len(rows)
    assert counts.lines_malformed == 0
    assert found == read(data, CSV, 1 << 20)[0]


@given(tables.filter(bool), SIZES)
def test_a_header_is_in_every_block_and_no_row(rows, size):
    data = written([["a", "b c"], *rows], "\n")
    found, _ = read(data, HEADED, size)
    assert [next(csv.reader(io.StringIO(value, newline=""))) for value, _ in found] == rows


@given(st.binary(max_size=300), SIZES)
def test_any_bytes_read_the_same_in_blocks_of_any_size(data, size):
    if data.startswith(b"\x1f\x8b"):
        return
    # What looks like UTF-16 or an old Mac's CSV is refused by its beginning; tests/unit/capture/test_encoding.py.
    refusable = b"\0" in data or b"\r" in data or data[:2] in (b"\xff\xfe", b"\xfe\xff")
    for format in (LINES,) if refusable else (LINES, CSV):
        found, counts = read(data, format, size)
        expected, whole = read(data, format, 1 << 20)
        assert repr(found) == repr(expected)
        assert counts == whole


@given(st.text(st.sampled_from('a,"\n '), max_size=60), SIZES)
def test_stray_quotes_read_the_same_in_blocks_of_any_size(text, size):
    found, counts = read(text.encode(), CSV, size)
    expected, whole = read(text.encode(), CSV, 1 << 20)
    assert found == expected
    assert counts == whole


# ---------------------------------------------------------------- ranges

line_texts = st.lists(
    st.binary(max_size=6).map(lambda line: line.replace(b"\n", b"")) | st.just(b"x" * 40), max_size=12
)
ends = st.lists(st.sampled_from([b"\n", b"\r\n"]), min_size=12, max_size=12)


def text_of(lines, ends, last, mark):
    text = b"".join(line + end for line, end in zip(lines, ends, strict=False))
    return (b"\xef\xbb\xbf" if mark else b"") + (text if last else text.rstrip(b"\r\n"))


def in_ranges(address, bounds, format, block_bytes):
    """Return the blocks of all ranges between the bounds, and the counts."""
    counts, found = Counts(), []
    for start, end in zip([0, *bounds], [*bounds, None], strict=True):
        part = Part((address,), start=start, end=end)
        found += blocks(STORAGE, part, format, counts, block_bytes=block_bytes)
    return found, counts


def numbered(found):
    """Return the lines of blocks, each with its number, put right where it was counted from the middle."""
    places = [Rejected(block.source, block.first_line, "", "", block.lines_from) for block in found]
    right, _ = resolve(STORAGE, places, [])
    return [
        (place.line + number, line, block.header)
        for place, block in zip(right, found, strict=True)
        for number, line in enumerate(block.data.removesuffix(b"\n").split(b"\n"))
        if block.data
    ]


@given(line_texts, ends, st.booleans(), st.booleans(), st.data(), st.integers(8, 50) | st.just(1 << 20))
def test_every_line_is_in_one_of_a_row_of_ranges(lines, ends, last, mark, data, size):
    text = text_of(lines, ends, last, mark)
    if text.startswith(b"\x1f\x8b"):
        return
    address = f"memory://laws/{uuid.uuid4().hex}"
    STORAGE.write(address, text)
    bounds = sorted(data.draw(st.sets(st.integers(1, max(len(text), 1)), max_size=6)))
    found, counts = in_ranges(address, bounds, LINES, size)
    whole, expected = in_ranges(address, [], LINES, 1 << 20)
    assert b"".join(block.data for block in found) == b"".join(block.data for block in whole)
    assert numbered(found) == numbered(whole)
    assert (counts.bytes_read, counts.objects_selected) == (expected.bytes_read, 1)
    assert [block.starts_object for block in found if block.lines_from] == [False] * sum(
        block.lines_from > 0 for block in found
    )


@given(line_texts, ends, st.booleans(), st.booleans(), st.data(), st.booleans())
def test_the_ranges_of_a_csv_file_all_know_its_header(lines, ends, last, mark, data, header):
    text = text_of([line.replace(b'"', b"") for line in lines], ends, last, mark)
    if text.startswith(b"\x1f\x8b"):
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        bounds = sorted(data.draw(st.sets(st.integers(1, max(len(text), 1)), max_size=6)))
        format = HEADED if header else CSV
        found, counts = in_ranges(file.name, bounds, format, 16)
        whole, expected = in_ranges(file.name, [], format, 1 << 20)
        lines_found = [line for line in numbered(found) if line[1].strip()]
        assert lines_found == [line for line in numbered(whole) if line[1].strip()]
        assert counts.bytes_read == expected.bytes_read
    starts = [block.starts_object for block in found]
    assert sum(starts) <= 1
    assert not any(starts[1:])
    if header and found:
        assert starts[0]


@given(st.binary(min_size=1, max_size=300), st.sets(st.integers(1, 200), max_size=4))
def test_the_first_range_of_gzip_by_another_name_takes_all(text, bounds):
    address = f"memory://laws/{uuid.uuid4().hex}"
    STORAGE.write(address, gzip.compress(text))
    found, counts = in_ranges(address, sorted(bounds), LINES, 64)
    assert b"".join(block.data for block in found) == text.removeprefix(b"\xef\xbb\xbf")
    assert counts.bytes_read == len(gzip.compress(text))
