"""Bytes become blocks: packed, cut off, too long, quoted over lines, unreadable."""

import gzip
import io
import uuid
from itertools import accumulate

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.line_numbers import resolve
from open_model_monitor.capture.record import Counts, Format, Part
from open_model_monitor.storage import Storage

LINES, CSV, HEADED, DOCUMENT = Format("jsonlines"), Format("csv"), Format("csv", header=True), Format("json")


@pytest.fixture
def storage():
    return Storage()


@pytest.fixture
def put(storage):
    def put(data, suffix=""):
        address = f"memory://blocks/{uuid.uuid4().hex}{suffix}"
        storage.write(address, data)
        return address

    return put


def read(storage, format, *addresses, **sizes):
    counts = Counts()
    return list(blocks(storage, Part(addresses), format, counts, **sizes)), counts


def test_a_block_holds_whole_lines_and_knows_their_number(storage, put):
    address = put(b"1\n22\n333\n4444\n5")
    found, counts = read(storage, LINES, address, block_bytes=8)
    assert [(block.first_line, block.data) for block in found] == [
        (1, b"1\n22\n"),
        (3, b"333\n4444\n"),
        (5, b"5"),
    ]
    assert [block.starts_object for block in found] == [True, False, False]
    assert {block.source for block in found} == {address}
    assert (counts.objects_selected, counts.bytes_read) == (1, 15)


def test_what_a_part_says_of_its_objects_goes_into_their_blocks(storage, put):
    part = Part((put(b"1\n"), put(b"2\n")), (False, True), (True, False))
    found = list(blocks(storage, part, LINES, Counts()))
    assert [(block.check_time, block.keep_undated) for block in found] == [(False, True), (True, False)]
    assert [block.starts_object for block in found] == [True, True]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_gzip_is_known_by_its_beginning(storage, put, suffix):
    packed = gzip.compress(b"1\n") + gzip.compress(b"2\n")
    found, counts = read(storage, LINES, put(packed, suffix))
    assert b"".join(block.data for block in found) == b"1\n2\n"
    assert counts.bytes_read == len(packed)
    assert counts.objects_unreadable == 0


def test_truncated_gzip_keeps_what_was_readable(storage, put):
    text = b"".join(b"%d\n" % number for number in range(100_000))
    good = put(b"1\n")
    bad = put(gzip.compress(text)[:-1000], ".gz")
    found, counts = read(storage, LINES, bad, good, block_bytes=4096)
    kept = b"".join(block.data for block in found if block.source == bad)
    assert text.startswith(kept)
    assert len(kept) > len(text) // 2
    assert kept.endswith(b"\n")
    assert found[-1].source == good
    assert (counts.objects_selected, counts.objects_unreadable) == (2, 1)
    [warning] = counts.warnings
    assert bad in warning


def test_a_missing_object_is_counted_and_the_rest_read(storage, put):
    found, counts = read(storage, LINES, "memory://blocks/gone", put(b"1\n"))
    assert len(found) == 1
    assert counts.objects_unreadable == 1
    assert "memory://blocks/gone" in next(iter(counts.warnings))


@pytest.mark.parametrize("format", [LINES, CSV, DOCUMENT])
def test_a_byte_order_mark_is_dropped(storage, put, format):
    [block], _ = read(storage, format, put(b"\xef\xbb\xbf[1]\n"))
    assert block.data == b"[1]\n"


@pytest.mark.parametrize("format", [LINES, CSV])
def test_a_huge_line_is_skipped_and_counted(storage, put, format):
    address = put(b"1\n" + b"x" * 100_000 + b"\n2\n")
    found, counts = read(storage, format, address, block_bytes=1000, max_line_bytes=10_000)
    assert [(block.first_line, block.data) for block in found] == [(1, b"1\n"), (3, b"2\n")]
    assert (counts.lines_malformed, counts.lines_read) == (1, 1)
    assert counts.malformed[0].startswith(f"{address}:2: line longer than")
    assert len(counts.malformed[0]) < 500


def test_a_huge_last_line_is_skipped_too(storage, put):
    found, counts = read(
        storage, LINES, put(b"1\n" + b"x" * 100_000), block_bytes=1000, max_line_bytes=10_000
    )
    assert [block.data for block in found] == [b"1\n"]
    assert counts.lines_malformed == 1


def test_csv_is_not_cut_inside_quotes(storage, put):
    record = b'1,"a\nb, ""c""\n",2\n'
    found, counts = read(storage, CSV, put(record * 10), block_bytes=8)
    assert all(len(block.data) % len(record) == 0 for block in found)
    assert b"".join(block.data for block in found) == record * 10
    assert [block.first_line for block in found] == [1 + 3 * number for number in range(len(found))]
    assert counts.lines_malformed == 0


def test_a_quote_that_nobody_closes_does_not_swallow_the_rest(storage, put):
    good = b"3,4\n" * 600_000
    found, counts = read(storage, CSV, put(b'1,2\n1,"2\n' + good))
    assert sum(block.data.count(b"\n") for block in found) == 600_001
    assert counts.lines_malformed == 1
    assert ":2: " in counts.malformed[0]


def test_the_header_is_in_every_block_of_each_csv_object(storage, put):
    first, second = put(b"\n\r\na,b\r\n1,2\n3,4\n"), put(b"c,d\n")
    found, _ = read(storage, HEADED, first, second, block_bytes=8)
    assert {block.header for block in found if block.source == first} == {"a,b"}
    rows = b"".join(block.data for block in found if block.source == first)
    assert rows == b"1,2\n3,4\n"
    [only] = [block for block in found if block.source == second]
    assert (only.header, only.data, only.first_line, only.starts_object) == ("c,d", b"", 2, True)


def test_a_document_is_one_block(storage, put):
    text = b'{"a":\n [1,\n2]}\n' * 100
    [block], _ = read(storage, DOCUMENT, put(gzip.compress(text)), block_bytes=16)
    assert block.data == text


def test_nothing_but_the_blocks_is_held(storage, tmp_path):
    """Cutting works as the stream comes: the first block is there before the object's end was read."""
    path = str(tmp_path / "x.jsonl")
    storage.write(path, b"1234567\n" * 100_000)
    counts = Counts()
    next(iter(blocks(storage, Part((path,)), LINES, counts, block_bytes=4096)))
    assert counts.bytes_read < 20_000


def test_a_header_may_span_lines(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('\n"a\nb",c\n1,2\n')
    (block,) = blocks(Storage(), Part((str(path),)), Format("csv", header=True), Counts())
    assert (block.header, block.first_line, block.data) == ('"a\nb",c', 4, b"1,2\n")


def test_zeros_after_a_gzip_member_are_padding(tmp_path):
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b"1\n") + b"\0" * 600 + gzip.compress(b"2\n") + b"\0" * 100)
    counts = Counts()
    read = list(blocks(Storage(), Part((str(path),)), Format("jsonlines"), counts))
    assert b"".join(block.data for block in read) == b"1\n2\n"
    assert counts.objects_unreadable == 0


def table(rows):
    return pa.table({"a": list(range(rows)), "t": ["x"] * rows})


def packed(table, **options):
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


@pytest.mark.parametrize("place", ["local", "memory"])
@pytest.mark.parametrize("rows", [10_000, 300_000])  # fetched at once, and piece by piece
def test_parquet_travels_as_arrow(storage, put, tmp_path, place, rows):
    content = packed(table(rows))
    address = put(content) if place == "memory" else str(tmp_path / "x.parquet")
    storage.write(address, content)
    found, counts = read(storage, Format("parquet"), address, address)
    batches = [pa.ipc.open_stream(block.data).read_all() for block in found]
    assert pa.concat_tables(batches).to_pydict() == pa.concat_tables([table(rows)] * 2).to_pydict()
    ends = list(accumulate(len(batch) for batch in batches))
    assert [block.first_line for block in found] == [1 + end % rows for end in [0, *ends[:-1]]]
    assert counts.bytes_read > 0
    assert sum(block.starts_object for block in found) == 2


@pytest.mark.parametrize("place", ["local", "memory"])
def test_a_range_of_parquet_is_its_row_groups(storage, put, tmp_path, place):
    content = packed(table(10_000), row_group_size=1000)
    address = put(content) if place == "memory" else str(tmp_path / "x.parquet")
    storage.write(address, content)
    half = len(content) // 2
    counts = Counts()
    parts = [Part((address,), end=half), Part((address,), start=half)]
    halves = [list(blocks(storage, part, Format("parquet"), counts)) for part in parts]
    found = [pa.ipc.open_stream(block.data).read_all() for half in halves for block in half]
    assert pa.concat_tables(found).to_pydict() == table(10_000).to_pydict()
    assert [bool(half) for half in halves] == [True, True]
    first = halves[1][0]
    assert (first.first_line % 1000, first.starts_object, first.lines_from) == (1, False, 0)
    assert counts.objects_selected == 1


def test_what_is_no_parquet_is_unreadable(storage, put):
    found, counts = read(storage, Format("parquet"), put(b"a,b\n1,2\n"))
    assert not found
    assert counts.objects_unreadable == 1


def test_a_huge_line_at_the_edge_of_a_range_is_counted_once(storage, put):
    address = put(b"1\n" + b"x" * 100_000 + b"\n2\n3\n")
    counts, found = Counts(), []
    for start, end in ((0, 50_000), (50_000, 100_004), (100_004, None)):
        part = Part((address,), start=start, end=end)
        found += blocks(storage, part, LINES, counts, block_bytes=1000, max_line_bytes=10_000)
    assert b"".join(block.data for block in found) == b"1\n2\n3\n"
    assert (counts.lines_malformed, counts.bytes_read) == (1, 100_007)


def test_a_line_rejected_within_a_range_says_from_where_it_counts(storage, put):
    address = put(b"1\n2\n3\n" + b"x" * 100_000 + b"\n4\n")
    counts = Counts()
    part = Part((address,), start=3)
    list(blocks(storage, part, LINES, counts, block_bytes=1000, max_line_bytes=10_000))
    assert (counts.rejected[0].line, counts.rejected[0].lines_from) == (2, 4)
    [right], _ = resolve(storage, counts.rejected, [])
    assert str(right).startswith(f"{address}:4: line longer than")


def test_a_header_longer_than_the_ranges_belongs_to_the_first(storage, tmp_path):
    path = str(tmp_path / "t.csv")
    storage.write(path, b"\n\n" + b"a" * 30 + b",b\n1,2\n3,4\n")
    counts, found = Counts(), []
    for start in range(0, 43, 10):
        part = Part((path,), start=start, end=start + 10 if start < 40 else None)
        found += blocks(storage, part, HEADED, counts)
    assert [(block.header, block.data, block.starts_object) for block in found] == [
        ("a" * 30 + ",b", b"", True),
        ("a" * 30 + ",b", b"1,2\n3,4\n", False),
    ]


def test_a_range_of_what_is_gone_is_unreadable_once(storage, tmp_path):
    path, total = str(tmp_path / "gone"), Counts()
    for start, end in ((0, 50), (50, None)):
        counts = Counts()
        assert not list(blocks(storage, Part((path,), start=start, end=end), LINES, counts))
        total = total.merge(counts)
    assert (total.objects_selected, total.objects_unreadable) == (1, 1)
