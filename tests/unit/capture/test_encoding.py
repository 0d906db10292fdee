"""What is no UTF-8 text of lines is refused by name."""

import pytest

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.encoding import refuse_bare_returns, refuse_utf16
from open_model_monitor.capture.items import items
from open_model_monitor.capture.record import Block, Counts, Format, Part
from open_model_monitor.errors import DataError
from open_model_monitor.storage import Storage

TEXT = "name,age\n" + "Ada,36\n" * 20


def first_block(data, header, tmp_path):
    (tmp_path / "x.csv").write_bytes(data)
    return next(blocks(Storage(), Part((str(tmp_path / "x.csv"),)), Format("csv", header=header), Counts()))


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_utf16_is_refused_also_where_the_format_is_given(codec, header, tmp_path):
    block = first_block(TEXT.encode(codec), header, tmp_path)
    with pytest.raises(DataError, match=r"x\.csv is UTF-.*iconv"):
        list(items(block, Format("csv", header=header), Counts()))


@pytest.mark.parametrize("header", [False, True])
def test_lines_that_end_in_cr_alone_are_refused(header, tmp_path):
    block = first_block(b"a,b\r1,2\r3,4\r", header, tmp_path)
    with pytest.raises(DataError, match=r"CR alone.*`tr "):
        list(items(block, Format("csv", header=header), Counts()))


@pytest.mark.parametrize(
    "block",
    [
        Block("x", 1, TEXT.encode()),
        Block("x", 1, b"1,2\n3,4\n", header="a,b"),
        Block("x", 1, b"", header="a,b"),
        Block("x", 1, b"1,2"),
        Block("x", 1, b"1,2\r\n"),
        Block("x", 1, b"1,2\r"),
        Block("x", 1, b"1,\x00\n2,3\n"),  # a stray zero is somebody's value
        Block("x", 1, b'"a\rb",2'),
        Block("x", 1, b"a\rb,2\n3,4\n"),
        Block("x", 1, "é,ü\n1,2\n".encode("latin-1")),
        Block("x", 1, b""),
    ],
)
def test_other_text_passes(block):
    refuse_utf16(block)
    refuse_bare_returns(block)


def test_only_the_beginning_of_an_object_is_judged():
    block = Block("x", 9, b"1,\x00\x00\x00\x00\n", starts_object=False)
    assert len(list(items(block, Format("csv"), Counts()))) == 1
