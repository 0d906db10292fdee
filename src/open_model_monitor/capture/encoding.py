"""What is no UTF-8 text of lines is refused by name: read all the same, it would be a table of garbage."""

from __future__ import annotations

from open_model_monitor.capture.record import Block
from open_model_monitor.errors import DataError

_LOOK = 4096  # bytes
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def is_utf8(data: bytes) -> bool:
    """Whether bytes are valid UTF-8; quick for plain ASCII."""
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def refuse_utf16(block: Block) -> None:
    """Raise DataError if an object begins as UTF-16 or UTF-32 text does, with a byte order mark or without."""
    start = (block.header or "").encode("utf-8", "replace") + block.data[:_LOOK]
    if start.startswith(_MARKS):
        name, spelled = ("UTF-32", "UTF-32") if start[2:4] == b"\0\0" else ("UTF-16", "UTF-16")
    elif _mostly_zeros(start[:_LOOK]):
        name, spelled = "UTF-16 or UTF-32", "UTF-16"
    else:
        return
    raise DataError(
        f"{block.source} is {name} text, and only UTF-8 is read; convert it, for example with "
        f"`iconv -f {spelled} -t UTF-8`"
    )


def _mostly_zeros(start: bytes) -> bool:
    # In UTF-16 each digit, comma and line end has a zero byte; a stray one in somebody's value is none of that.
    return start.count(0) >= 4 and start.count(0) * 8 >= len(start)


def refuse_bare_returns(block: Block) -> None:
    """Raise DataError if the lines of a CSV object end in CR alone: all of it would be one line."""
    if b"\n" in block.data.rstrip():
        return
    line = block.header if block.header is not None else block.data.decode("utf-8", "replace")
    if "\r" in line.rstrip("\r\n") and '"' not in line.partition("\r")[0]:
        raise DataError(
            f"The lines of {block.source} end in CR alone, as on old Macs; convert them to LF, "
            "for example with `tr '\\r' '\\n'`"
        )
