"""Blocks become items: what a handler is called with. Runs wherever the block is, it needs nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from io import BytesIO

from open_model_monitor.capture.csvtext import records
from open_model_monitor.capture.encoding import refuse_bare_returns, refuse_utf16
from open_model_monitor.capture.ipc import batch_from_ipc
from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.layout import variant_of
from open_model_monitor.capture.record import JSON, Block, CapturedData, Counts, Format, Item, Origin, Window

SHADOW = "ShadowExperiment"


def items(
    block: Block,
    format: Format,
    counts: Counts,
    *,
    window: Window | None = None,
    variants: tuple[str, ...] = (),
) -> Iterator[Item]:
    """Yield the items of a block, in order; what cannot be read is counted and left out.

    A CSV object's header comes first in each of its blocks. `window` matters where the block says so; shadow
    traffic is left out unless its variant is among `variants`. Raises DataError for a CSV object that is no UTF-8
    text of lines.
    """
    if format.kind in ("capture", "merged"):
        return _captures(block, counts, window, variants)
    if format.kind == "csv":
        return _csv_lines(block, counts)
    if format.kind == "jsonlines":
        return _json_lines(block, counts)
    return _document(block, counts) if format.kind == "json" else _table_rows(block, counts)


def _captures(
    block: Block, counts: Counts, window: Window | None, variants: tuple[str, ...]
) -> Iterator[Item]:
    source, lines_from = block.source, block.lines_from
    timed = window if block.check_time else None
    shadow_too = variant_of(source) in variants
    for number, line in enumerate(_lines_of(block), block.first_line):
        if line.isspace():
            continue
        counts.lines_read += 1
        try:
            value = parse_json(line)
        except ValueError as error:
            value = _mended(block, number, line, error, counts)
            if value is _NOT_JSON:
                continue
        if type(value) is not dict or type(value.get("captureData")) is not dict:
            reason = "no captureData" if type(value) is dict else f"a {type(value).__name__}, not an object"
            counts.reject(
                _origin(block, number), reason, line[:400].removesuffix(b"\n").decode("utf-8", "replace")
            )
            continue
        metadata = value.get("eventMetadata")
        if type(metadata) is not dict:
            metadata = {}
        known = metadata.get
        if not shadow_too and known("invocationSource") == SHADOW:
            counts.records_shadow_skipped += 1
            continue
        moment = known("inferenceTime")
        if timed is not None and not belongs(moment, timed, keep_undated=block.keep_undated):
            counts.records_out_of_window += 1
            continue
        if value.get("eventVersion", "0") != "0":
            counts.warn(f"eventVersion is {value['eventVersion']!r}, not '0'")
        counts.records_in += 1
        # The ids are taken now: a handler may change the record.
        origin = Origin(source, number, known("eventId"), known("inferenceId"), moment, lines_from)
        yield Item("capture", CapturedData(value), origin)


def _lines_of(block: Block) -> Iterable[bytes]:
    """Return the lines of a block, their ends included; one at a time, which keeps the memory in use small."""
    return BytesIO(block.data)


def _origin(block: Block, number: int) -> Origin:
    return Origin(block.source, number, lines_from=block.lines_from)


_NOT_JSON = object()


def _mended(block: Block, number: int, line: bytes, error: ValueError, counts: Counts) -> JSON:
    """Return the value of a line that could not be read as it is; rejects it if it cannot be read at all."""
    text = line.removesuffix(b"\n").decode("utf-8", "replace")
    if isinstance(error, UnicodeDecodeError):
        counts.lines_with_invalid_utf8 += 1
        with contextlib.suppress(ValueError):
            return parse_json(text)
    counts.reject(_origin(block, number), f"not JSON ({_short(error)})", text)
    return _NOT_JSON


def _short(error: ValueError) -> str:
    return str(error).split("\n")[0][:100]


def belongs(moment: JSON, window: Window, *, keep_undated: bool) -> bool:
    """Whether a record of that inferenceTime lies in the window."""
    try:
        time = datetime.fromisoformat(moment)
    except (TypeError, ValueError):
        return keep_undated
    return window.start <= (time if time.tzinfo else time.replace(tzinfo=UTC)) < window.end


def _json_lines(block: Block, counts: Counts) -> Iterator[Item]:
    for number, line in enumerate(_lines_of(block), block.first_line):
        if line.isspace():
            continue
        counts.lines_read += 1
        try:
            value = parse_json(line)
        except ValueError as error:
            value = _mended(block, number, line, error, counts)
            if value is _NOT_JSON:
                continue
        counts.records_in += 1
        yield Item("json", value, _origin(block, number))


def _document(block: Block, counts: Counts) -> Iterator[Item]:
    counts.lines_read += 1
    data = block.data
    try:
        data.decode()
    except UnicodeDecodeError:
        counts.lines_with_invalid_utf8 += 1
        data = data.decode("utf-8", "replace").encode()
    try:
        value = parse_json(data)
    except ValueError as error:
        if b"\n" in data.strip() and _starts_with_a_document(data):
            counts.lines_read -= 1
            counts.warn(f"{block.source} is not one JSON document but JSON Lines; read as such")
            yield from _json_lines(block, counts)
        else:
            text = data[:400].decode("utf-8", "replace")
            counts.reject(_origin(block, 1), f"not JSON ({_short(error)})", text)
        return
    for number, element in enumerate(value if isinstance(value, list) else [value], 1):
        counts.records_in += 1
        yield Item("json", element, _origin(block, number))


def _starts_with_a_document(data: bytes) -> bool:
    try:
        parse_json(data.strip().split(b"\n", 1)[0])
    except ValueError:
        return False
    return True


def _csv_lines(block: Block, counts: Counts) -> Iterator[Item]:
    if block.starts_object:
        refuse_utf16(block)
        refuse_bare_returns(block)
    if block.header is not None:
        yield Item("csv", block.header, _origin(block, 1), header=True)
    for before, line in records(block.data) if b'"' in block.data else _lines(block.data):
        if not line or line.isspace():
            continue
        counts.lines_read += 1
        counts.records_in += 1
        try:
            text = line.decode()
        except UnicodeDecodeError:
            counts.lines_with_invalid_utf8 += 1
            text = line.decode("utf-8", "replace")
        yield Item("csv", text, _origin(block, block.first_line + before))


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.split(b"\n")):
        yield number, line.rstrip(b"\r")


def _table_rows(block: Block, counts: Counts) -> Iterator[Item]:
    rows = batch_from_ipc(block.data).to_pylist()
    for number, row in enumerate(rows, block.first_line):
        counts.lines_read += 1
        counts.records_in += 1
        yield Item("parquet", row, _origin(block, number))
