"""Objects become blocks: whole lines of bounded size, decompressed; one document; some rows of a table."""

from __future__ import annotations

import io
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import BinaryIO, Protocol, cast

import pyarrow as pa

from open_model_monitor.capture.csvtext import cut, left_open
from open_model_monitor.capture.ranges import line_ends, skip_to_line, until
from open_model_monitor.capture.read_ahead import ReadAhead, in_background
from open_model_monitor.capture.record import Block, Counts, Format, Origin, Part
from open_model_monitor.capture.tables import table_rows
from open_model_monitor.errors import StorageError
from open_model_monitor.storage import Storage, is_remote

BLOCK_BYTES = 1 << 19
MAX_LINE_BYTES = 64 << 20
MAX_QUOTED_BYTES = 8 << 20  # a CSV record that spans lines is at most this long; else its quote is a fault
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"

Piece = tuple[int, bytes, str | None]  # the number of the first line, the lines, the header


def blocks(
    storage: Storage,
    part: Part,
    format: Format,
    counts: Counts,
    *,
    block_bytes: int = BLOCK_BYTES,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Generator[Block, None, None]:
    """Yield the blocks of a part's objects, in order; remote ones are fetched ahead.

    An object that cannot be read to its end is counted, with a warning; what was readable is kept. A line longer
    than `max_line_bytes` is skipped and counted as malformed.
    """
    checks = part.check_times or repeat(False, len(part.objects))
    keeps = part.keep_undated or repeat(True, len(part.objects))
    # A range is read from one byte before it, which may end a line.
    first = max(part.start - 1, 0)
    with ReadAhead(storage, filter(is_remote, part.objects), first, part.end) as ahead:
        for address, check_time, keep_undated in zip(part.objects, checks, keeps, strict=True):
            counts.objects_selected += part.start == 0
            reader = _Reader(
                storage, ahead, address, format, counts, block_bytes, max_line_bytes, part.start, part.end
            )
            starts = part.start == 0
            try:
                for line, data, header in reader.pieces():
                    yield Block(
                        address, line, data, header, starts, check_time, keep_undated, reader.lines_from
                    )
                    starts = False
            except (StorageError, OSError, EOFError, zlib.error, pa.ArrowException) as error:
                counts.give_up(part, address, error)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(slots=True)
class _Reader:
    """One object, or a range of it."""

    storage: Storage
    ahead: ReadAhead
    address: str
    format: Format
    counts: Counts
    block_bytes: int
    max_line_bytes: int
    start: int
    end: int | None
    lines_from: int = 0  # the byte at which the counting of lines began

    def pieces(self) -> Iterator[Piece]:
        if self.format.kind == "parquet":
            yield from self._table()
            return
        header = self._settle_header() if self.format.header and self._is_cut else None
        if is_remote(self.address):
            yield from self._text(self.ahead.open(), header)
        else:
            with self.storage.open_file(self.address) as file:
                if self.start:
                    file.seek(self.start - 1)
                yield from self._text(file, header)

    def _text(self, stream: _Stream, header: str | None) -> Iterator[Piece]:
        chunks = self._chunks(stream)
        if self.format.kind == "json":
            yield 1, b"".join(chunks), None
        elif self.format.kind == "csv":
            yield from self._csv(self._whole_records(self._whole_lines(chunks)), header)
        else:
            for line, data in self._whole_lines(chunks):
                yield line, data, None

    @property
    def _is_cut(self) -> bool:
        return self.start > 0 or self.end is not None

    # ------------------------------------------------------------ bytes

    def _chunks(self, stream: _Stream) -> Iterator[bytes]:
        """Yield the text's bytes, decompressed, without a byte order mark; of the lines that begin in the range."""
        stored = iter(partial(stream.read, self.block_bytes), b"")
        if self.start > 0:
            if self.storage.fetch(self.address, 0, 2)[0] != _GZIP:  # else the first range takes all of it
                yield from self._counted(self._range(stored))
            return
        first = next(stored, b"")
        stored = chain((first,), stored)
        if first.startswith(_GZIP):
            text = _unzipped(self._counted(stored))
        else:
            text = self._counted(stored if self.end is None else until(stored, 0, self.end))
        yield next(text, b"").removeprefix(_BOM)
        yield from text

    def _range(self, stored: Iterator[bytes]) -> Iterator[bytes]:
        self.lines_from, rest = skip_to_line(stored, self.start - 1, self.end)
        text = chain((rest,), stored)
        return text if self.end is None else until(text, self.lines_from, self.end)

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.counts.bytes_read += len(chunk)
            yield chunk

    def _whole_lines(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
        """Yield whole lines with the number of the first one; a line that is too long is left out."""
        line, skipping = 1, False
        begun: list[bytes] = []  # the pieces of a line whose end is yet to come
        for chunk in chunks:
            if skipping:
                if not (after := chunk.find(b"\n") + 1):
                    continue
                chunk, skipping = chunk[after:], False
                line += 1
            if end := chunk.rfind(b"\n") + 1:
                data = b"".join((*begun, memoryview(chunk)[:end])) if begun else chunk[:end]
                yield line, data
                line += line_ends(data)
                begun, chunk = [], chunk[end:]
            if chunk:
                begun.append(chunk)
            if sum(map(len, begun)) > self.max_line_bytes:
                self._too_long(line, b"".join(begun)[:200])
                begun, skipping = [], True
        if begun:
            yield line, b"".join(begun)

    def _too_long(self, line: int, start: bytes) -> None:
        self.counts.lines_read += 1
        limit = self.max_line_bytes >> 20
        reason = f"line longer than {limit} MiB, skipped; one line must hold one record"
        origin = Origin(self.address, line, lines_from=self.lines_from)
        self.counts.reject(origin, reason, start.decode("utf-8", "replace"))

    # ------------------------------------------------------------ CSV

    def _csv(self, lines: Iterable[tuple[int, bytes]], header: str | None) -> Iterator[Piece]:
        for line, data in lines:
            if self.format.header and header is None:
                header, used, data = _header(data)
                line += used
            if header is not None or not (self.format.header or data.isspace()):
                yield line, data, header

    def _settle_header(self) -> str | None:
        """Give the whole header to the first range, however long it is; returns it for the others.

        Moves the range's bounds before it is read, which only a local file's may be: remote CSV is never cut.
        """
        header, after = None, 0
        with self.storage.open(self.address) as stream:
            while header is None and (line := stream.readline(self.max_line_bytes)):
                after += len(line)
                header = _header(line.removeprefix(_BOM))[0]
        if self.start > 0:
            self.start = max(self.start, after)
            return header
        self.end = max(self.end or 0, after)
        return None

    def _whole_records(self, lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
        """Yield whole records; a quote that is never closed spoils its own line only."""
        pending, start = b"", 1
        for line, data in lines:
            if not pending and b'"' not in data:
                yield line, data
                continue
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
            self.counts.reject(
                Origin(self.address, start, lines_from=self.lines_from), "a quote is never closed", text
            )
            pending, start = pending[end:], start + 1
            done = cut(pending)
            yield start, pending[:done], pending[done:]
            start += pending.count(b"\n", 0, done)
            pending = pending[done:]

    # ------------------------------------------------------------ Parquet

    def _table(self) -> Iterator[Piece]:
        remote = is_remote(self.address)
        small = self.ahead.open().whole() if remote and not self._is_cut else None
        stream = self.storage.open(self.address) if small is None else cast(BinaryIO, io.BytesIO(small))
        with stream:
            rows = table_rows(stream, self.start, self.end)
            for row, data in in_background(rows) if remote and small is None else rows:
                self.counts.bytes_read += len(data)
                yield row, data, None


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


def _unzipped(stored: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress gzip, all its members; raises EOFError if the last one is cut off."""
    member, data = zlib.decompressobj(wbits=31), next(stored, b"")
    while data:
        if text := member.decompress(data, BLOCK_BYTES):
            yield text
        if member.eof:
            data = member.unused_data.lstrip(b"\0")  # some writers pad with zeros
            while not data and (more := next(stored, b"")):
                data = more.lstrip(b"\0")
            if data:
                member = zlib.decompressobj(wbits=31)
        else:
            data = member.unconsumed_tail or next(stored, b"")
    if not member.eof:
        raise EOFError("the compressed file is cut off")
