"""Objects become blocks: whole lines of bounded size, decompressed; one document; some rows of a table."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from open_model_monitor.capture.csvtext import cut, left_open
from open_model_monitor.capture.ipc import batch_to_ipc
from open_model_monitor.capture.record import Block, Counts, Format, Origin, Part
from open_model_monitor.errors import StorageError
from open_model_monitor.storage import Storage

BLOCK_BYTES = 1 << 19
MAX_LINE_BYTES = 64 << 20
MAX_QUOTED_BYTES = 8 << 20  # a CSV record that spans lines is at most this long; else its quote is a fault
TABLE_ROWS = 4096
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"


def blocks(
    storage: Storage,
    part: Part,
    format: Format,
    counts: Counts,
    *,
    block_bytes: int = BLOCK_BYTES,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[Block]:
    """Yield the blocks of a part's objects, in order.

    An object that cannot be read to its end is counted, with a warning; what was readable is kept. A line longer
    than `max_line_bytes` is skipped and counted as malformed.
    """
    checks = part.check_times or (False,) * len(part.objects)
    keeps = part.keep_undated or (True,) * len(part.objects)
    for address, check_time, keep_undated in zip(part.objects, checks, keeps, strict=True):
        counts.objects_selected += 1
        reader = _Reader(storage, address, format, counts, block_bytes, max_line_bytes)
        try:
            for number, block in enumerate(reader.blocks()):
                yield replace(
                    block, starts_object=number == 0, check_time=check_time, keep_undated=keep_undated
                )
        except (StorageError, OSError, EOFError, zlib.error, pa.ArrowException) as error:
            counts.objects_unreadable += 1
            counts.warn(f"{address} cannot be read to its end, its remaining records are lost: {error}")


@dataclass(frozen=True, slots=True)
class _Reader:
    """One object."""

    storage: Storage
    address: str
    format: Format
    counts: Counts
    block_bytes: int
    max_line_bytes: int

    def blocks(self) -> Iterator[Block]:
        with self.storage.open(self.address) as stream:
            if self.format.kind == "parquet":
                yield from self._table(stream)
            elif self.format.kind == "json":
                yield Block(self.address, 1, b"".join(self._chunks(stream)))
            elif self.format.kind == "csv":
                yield from self._csv(self._whole_lines(self._chunks(stream)))
            else:
                for line, data in self._whole_lines(self._chunks(stream)):
                    yield Block(self.address, line, data)

    # ------------------------------------------------------------ bytes

    def _chunks(self, stream: BinaryIO) -> Iterator[bytes]:
        """Yield the text's bytes, decompressed, without a byte order mark."""
        read = self._counted(stream)
        first = read()
        zipped = first.startswith(_GZIP)
        pieces = _unzipped(first, read) if zipped else _stored(first, read)
        start = next(pieces, b"")
        yield start.removeprefix(_BOM)
        yield from pieces

    def _counted(self, stream: BinaryIO) -> Callable[[], bytes]:
        def read() -> bytes:
            data = stream.read(self.block_bytes)
            self.counts.bytes_read += len(data)
            return data

        return read

    def _whole_lines(self, chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield whole lines with the number of the first one; a line that is too long is left out."""
        carry, line, skipping = bytearray(), 1, False
        for chunk in chunks:
            if skipping:
                end = chunk.find(b"\n")
                if end < 0:
                    continue
                chunk, skipping = chunk[end + 1 :], False
                line += 1
            end = chunk.rfind(b"\n")
            carry += chunk[: end + 1]
            if carry and end >= 0:
                yield line, bytes(carry)
                line += carry.count(b"\n")
                carry.clear()
            carry += chunk[end + 1 :]
            if len(carry) > self.max_line_bytes:
                self._too_long(line, bytes(carry[:200]))
                carry.clear()
                skipping = True
        if carry:
            yield line, bytes(carry)

    def _too_long(self, line: int, start: bytes) -> None:
        self.counts.lines_read += 1
        limit = self.max_line_bytes >> 20
        reason = f"line longer than {limit} MiB, skipped; one line must hold one record"
        self.counts.reject(Origin(self.address, line), reason, start.decode("utf-8", "replace"))

    # ------------------------------------------------------------ CSV

    def _csv(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[Block]:
        header: str | None = None
        for line, data in self._whole_records(lines):
            if self.format.header and header is None:
                header, used, data = _header(data)
                line += used
                if header is None:
                    continue
            if data.strip() or header is not None:
                yield Block(self.address, line, data, header)

    def _whole_records(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        """Yield whole records; a quote that is never closed spoils its own line only."""
        pending, start = b"", 1
        for line, data in lines:
            if not pending:
                start = line
            pending += data
            end = cut(pending)
            if end:
                yield start, pending[:end]
                start += pending.count(b"\n", 0, end)
                pending = pending[end:]
            if len(pending) > MAX_QUOTED_BYTES:
                for at, whole, rest in self._without_open_line(start, pending):
                    if whole:
                        yield at, whole
                    start, pending = at + whole.count(b"\n"), rest
                    if len(pending) <= MAX_QUOTED_BYTES:
                        break
        if pending:
            for at, whole, _ in self._without_open_line(start, pending):
                if whole:
                    yield at, whole

    def _without_open_line(self, start: int, pending: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """Give up the first line, again and again: yields the records that then are whole, and the rest."""
        while pending:
            end = pending.find(b"\n") + 1 or len(pending)
            self.counts.lines_read += 1
            text = pending[:end].decode("utf-8", "replace")
            self.counts.reject(Origin(self.address, start), "a quote is never closed", text)
            pending, start = pending[end:], start + 1
            done = cut(pending)
            yield start, pending[:done], pending[done:]
            start += pending.count(b"\n", 0, done)
            pending = pending[done:]

    # ------------------------------------------------------------ Parquet

    def _table(self, stream: BinaryIO) -> Iterator[Block]:
        row = 1
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=TABLE_ROWS):
            data = batch_to_ipc(_in_microseconds(batch))
            self.counts.bytes_read += len(data)
            yield Block(self.address, row, data)
            row += batch.num_rows


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch without nanoseconds, which Python's times do not have."""
    fields = [_field_in_microseconds(field) for field in batch.schema]
    return batch if fields == list(batch.schema) else batch.cast(pa.schema(fields), safe=False)


def _field_in_microseconds(field: pa.Field) -> pa.Field:
    return field.with_type(_type_in_microseconds(field.type))


def _type_in_microseconds(kind: pa.DataType) -> pa.DataType:
    """Return a type with microseconds for nanoseconds, at every depth."""
    types = pa.types
    if types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    if types.is_struct(kind):
        return pa.struct([_field_in_microseconds(field) for field in kind])
    if types.is_map(kind):
        return pa.map_(_type_in_microseconds(kind.key_type), _field_in_microseconds(kind.item_field))
    if types.is_fixed_size_list(kind):
        return pa.list_(_field_in_microseconds(kind.value_field), kind.list_size)
    if types.is_large_list(kind):
        return pa.large_list(_field_in_microseconds(kind.value_field))
    return pa.list_(_field_in_microseconds(kind.value_field)) if types.is_list(kind) else kind


def _header(data: bytes) -> tuple[str | None, int, bytes]:
    """Return the first non-blank record of whole records, the number of lines up to its end, and the rest."""
    start = end = lines = 0
    inside = False
    while end < len(data):
        stop = data.find(b"\n", end) + 1 or len(data)
        inside = left_open(data[end:stop].rstrip(b"\r\n"), inside)
        end, lines = stop, lines + 1
        if not inside:
            if record := data[start:end].strip(b"\r\n"):
                return record.decode("utf-8", "replace"), lines, data[end:]
            start = end
    return None, lines, b""


def _stored(first: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    while first:
        yield first
        first = read()


def _unzipped(first: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Decompress gzip, all its members; raises EOFError if the last one is cut off."""
    member = zlib.decompressobj(wbits=31)
    while first:
        if data := member.decompress(first, BLOCK_BYTES):
            yield data
        if member.eof:
            first = member.unused_data.lstrip(b"\0")  # some writers pad with zeros
            while not first and (more := read()):
                first = more.lstrip(b"\0")
            if first:
                member = zlib.decompressobj(wbits=31)
        else:
            first = member.unconsumed_tail or read()
    if not member.eof:
        raise EOFError("the compressed file is cut off")
