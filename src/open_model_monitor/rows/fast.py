"""The fast lane: blocks of uniform lines become batches in bulk; whatever does not fit goes to the reference lane.

The answer is the same, to the last bit of the profile: `tests/laws/test_lane_laws.py` feeds both lanes the same
bytes. A handler's records never come here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from open_model_monitor.capture.encoding import is_utf8, refuse_bare_returns, refuse_utf16
from open_model_monitor.capture.items import belongs
from open_model_monitor.capture.layout import is_capture
from open_model_monitor.capture.record import Block, Columns, Counts, Origin, Row
from open_model_monitor.rows.batches import Batcher
from open_model_monitor.rows.bulk import Arrays, BulkReader, batch_of
from open_model_monitor.rows.envelope import PlainCaptures, count_lines, plain_text
from open_model_monitor.rows.lane import Lane
from open_model_monitor.rows.objects import rows_of_lines, rows_of_payloads
from open_model_monitor.rows.skeleton import SIDES, Texts
from open_model_monitor.rows.typed import typed_table

MAX_CELLS = 3 << 18  # of a batch; a column's fixed cost is paid per batch
FIRST_CELLS = 1 << 15  # of the first one, from which the profile learns which columns hold only numbers
MAX_BYTES = 12 << 20  # of text held for a batch
MIN_LINES = 16  # not worth cutting further
CUTS = 16  # of a block in which not all lines are alike

Section = Sequence[str] | bytes | bytearray  # payloads; or plain lines, the last without its end

_ENDS_IN_TIME = re.compile(rb"Z\s*?(?:\n|\Z)")


@dataclass(frozen=True, slots=True)
class _Held:
    """A block whose lines seem alike: their texts, section by section in the order of the columns."""

    block: Block
    columns: Columns
    sections: tuple[Section, ...]
    lines: int  # that were read
    rows: int


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a block of flat JSON objects holds, or of captures none of which counts."""

    rows: list[Row]
    lines: int  # that were read


class FastLane:
    """Turns blocks into batches; holds a few blocks until there are rows enough, so `flush` when there are no more.

    `numbers` tells at any time which columns hold nothing but numbers whose texts are done with, and how these are
    written (`DatasetProfile.number_columns`).
    """

    def __init__(self, lane: Lane, numbers: Callable[[], Mapping[str, str]]) -> None:
        self._lane = lane
        self._numbers = numbers
        self._captures = PlainCaptures(lane.format)
        self._readers = (BulkReader(), BulkReader())  # of the first section and the second
        self._held: list[_Held] = []
        self._alike = True  # whether most lines of the last block fitted
        self._cuts = 0  # still allowed
        self._cells = FIRST_CELLS  # of the next batch

    def batches(self, block: Block, counts: Counts) -> Iterator[pa.RecordBatch]:
        """Take a block; yields what is ready, in order."""
        if self._lane.format.kind == "parquet":
            batch = typed_table(block, self._lane.converter, counts)
            yield from self._lane.batches(block, counts) if batch is None else [batch]
            return
        seen = self._look_at(block)
        if not isinstance(seen, _Held) or (self._held and seen.columns is not self._held[0].columns):
            yield from self.flush(counts)
        if seen is None:
            yield from self._piecewise(block, counts)
            return
        self._alike = True
        if isinstance(seen, _Rows):
            yield from self._batches_of(seen, counts)
            return
        self._held.append(seen)
        rows, size = sum(one.rows for one in self._held), sum(len(one.block.data) for one in self._held)
        if rows * len(seen.columns.names) >= self._cells or size >= MAX_BYTES:
            self._cells = min(4 * self._cells, MAX_CELLS)
            yield from self.flush(counts)

    def flush(self, counts: Counts) -> Iterator[pa.RecordBatch]:
        """Yield what is still held."""
        held, self._held = self._held, []
        if not held:
            return
        if (batch := self._bulk(held, counts)) is not None:
            held.clear()  # whoever takes the batch may take long, and needs the room
            yield batch
            return
        for one in held:
            if (batch := self._bulk([one], counts)) is not None:
                yield batch
            else:
                yield from self._piecewise(one.block, counts)

    # ------------------------------------------------------------ in bulk

    def _bulk(self, held: Sequence[_Held], counts: Counts) -> pa.RecordBatch | None:
        """Return the batch of all rows, which there are, and count them; None if they are not alike after all."""
        columns, rows = held[0].columns, sum(one.rows for one in held)
        known = self._numbers()
        arrays: Arrays = []
        for place in range(len(held[0].sections)):
            if (text := _text([one.sections[place] for one in held])) is None:
                return None
            width = _width(text)
            names = columns.names[len(arrays) : len(arrays) + width]
            numbers = {i: known[name] for i, name in enumerate(names) if known.get(name)}
            if (read := self._readers[place].read(text, rows, width, numbers)) is None:
                return None
            arrays += read
        if len(arrays) != len(columns.names):
            return None
        _count(counts, sum(one.lines for one in held), rows)
        counts.rows_out += rows
        if self._lane.format.kind == "csv" and held[0].block.header is None:
            counts.row_widths[len(arrays)] = counts.row_widths.get(len(arrays), 0) + rows
        return batch_of(columns, arrays)

    def _batches_of(self, seen: _Rows, counts: Counts) -> Iterator[pa.RecordBatch]:
        _count(counts, seen.lines, len(seen.rows))
        batcher = Batcher(counts)
        for row in seen.rows:
            batcher.add(row)
            if batcher.full and (batch := batcher.flush()) is not None:
                yield batch
        if (batch := batcher.flush()) is not None:
            yield batch

    # ------------------------------------------------------------ what does not fit

    def _piecewise(self, block: Block, counts: Counts) -> Iterator[pa.RecordBatch]:
        """Cut a block until its pieces fit or are small, which the reference lane takes."""
        if not self._alike:  # like the last one: do not try for long
            yield from self._lane.batches(block, counts)
            return
        self._cuts = CUTS
        before, fitted = counts.lines_read, 0
        for piece, batches in self._pieces(block, counts):
            fitted += sum(batch.num_rows for batch in batches or ())
            yield from self._lane.batches(piece, counts) if batches is None else batches
        self._alike = fitted * 2 > counts.lines_read - before

    def _pieces(self, block: Block, counts: Counts) -> Iterator[tuple[Block, list[pa.RecordBatch] | None]]:
        small = block.data.count(b"\n") < MIN_LINES
        if small or self._cuts <= 0 or (self._lane.format.kind == "csv" and b'"' in block.data):
            yield block, None
            return
        self._cuts -= 1
        for half in _halves(block):
            if (batches := self._whole(half, counts)) is None:
                yield from self._pieces(half, counts)
            else:
                yield half, batches

    def _whole(self, block: Block, counts: Counts) -> list[pa.RecordBatch] | None:
        seen = self._look_at(block)
        if isinstance(seen, _Held):
            batch = self._bulk([seen], counts)
            return None if batch is None else [batch]
        return None if seen is None else list(self._batches_of(seen, counts))

    # ------------------------------------------------------------ lines that seem alike

    def _look_at(self, block: Block) -> _Held | _Rows | None:
        kind = self._lane.format.kind
        if is_capture(self._lane.format):
            return self._captures_of(block)
        if kind == "jsonlines":
            rows = rows_of_lines(block.data, self._lane.converter, Origin(block.source, block.first_line))
            return None if rows is None else _Rows(rows, len(rows))
        return self._csv_of(block) if kind == "csv" else None

    def _captures_of(self, block: Block) -> _Held | _Rows | None:
        window = self._lane.window if block.check_time else None
        inside = partial(belongs, window=window, keep_undated=block.keep_undated) if window else None
        payloads = self._captures.read(block.data, inside)
        if payloads is None:
            return None
        if isinstance(payloads, Texts):
            sides = [payloads.payloads.get(side) for side in SIDES]
            return self._held_of(block, sides[0], sides[1], payloads.records, payloads.records)
        inputs, outputs = payloads.inputs, payloads.outputs
        if payloads.records == 0:  # none lies in the window
            return _Rows([], payloads.lines)
        if "JSON" in payloads.encodings:
            origin, converter = Origin(block.source, block.first_line), self._lane.converter
            rows = rows_of_payloads(inputs, outputs, payloads.encodings, converter, origin)
            return None if rows is None else _Rows(rows, payloads.lines)
        return self._held_of(block, inputs, outputs, payloads.lines, payloads.records)

    def _held_of(
        self, block: Block, inputs: Section | None, outputs: Section | None, lines: int, records: int
    ) -> _Held:
        columns = self._lane.converter.columns(_width_of_first(inputs), _width_of_first(outputs))
        order = (inputs, outputs) if self._lane.converter.outputs_last else (outputs, inputs)
        sections = tuple(section for section in order if section is not None)
        return _Held(block, columns, sections, lines, records)

    def _csv_of(self, block: Block) -> _Held | None:
        if block.starts_object:
            refuse_utf16(block)
            refuse_bare_returns(block)
        text = block.data.replace(b"\r\n", b"\n").removesuffix(b"\n")
        blank = not text or text.startswith(b"\n") or text.endswith(b"\n") or b"\n\n" in text
        if blank or b'"' in text or b"\r" in text or not is_utf8(text):
            return None
        width = _width(text)
        if width == 1 and any(map(bytes.isspace, text.split(b"\n"))):
            return None
        if block.header is None:
            if b"Z" in text and _ENDS_IN_TIME.search(text):  # perhaps ids that a batch transform appended
                return None
            columns = self._lane.converter.plain(width)
        else:
            named = self._lane.converter.header(block.header)
            if named is None or len(named.names) != width:
                return None
            columns = named
        rows = count_lines(text)
        return _Held(block, columns, (text,), rows, rows)


def _count(counts: Counts, lines: int, records: int) -> None:
    counts.lines_read += lines
    counts.records_in += records
    counts.records_out_of_window += lines - records


def _text(sections: Sequence[Section]) -> bytes | None:
    """Return the lines of the sections, without the last one's end; None if a payload is no plain line."""
    texts = [one if isinstance(one, bytes | bytearray) else plain_text(one) for one in sections]
    return None if None in texts else b"\n".join(filter(None, texts))


def _width_of_first(payloads: Section | None) -> int | None:
    """Return the number of fields of the first payload; None if there are no payloads."""
    if isinstance(payloads, bytes | bytearray):
        return _width(payloads)
    return payloads[0].count(",") + 1 if payloads else None


def _width(text: bytes | bytearray) -> int:
    """Return the number of fields of a text's first line."""
    end = text.find(b"\n")
    return text.count(b",", 0, end if end >= 0 else len(text)) + 1


def _halves(block: Block) -> tuple[Block, Block]:
    middle = block.data.find(b"\n", len(block.data) // 2) + 1
    if not 0 < middle < len(block.data):
        middle = block.data.find(b"\n") + 1
    # Neither begins an object: whether that is text of lines was looked at when it was whole.
    first = replace(block, data=block.data[:middle], starts_object=False)
    line = block.first_line + first.data.count(b"\n")
    return first, replace(first, data=block.data[middle:], first_line=line)
