"""The default conversion: what a run makes of its items when no handler does.

Which sections count, how the rows of input and output meet, and what the columns are called
(`datasets.md` §5.4 to §6, §9.4, §9.5). Columns of the output come first, unless the format says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from open_model_monitor.capture.record import (
    CapturedData,
    Columns,
    Counts,
    EventData,
    Format,
    Item,
    Origin,
    Row,
)
from open_model_monitor.rows.flatten import Names, PayloadError, flatten_row, unique_names
from open_model_monitor.rows.payloads import (
    NO_ROWS,
    Fields,
    Payload,
    fitted,
    read_fields,
    read_payload,
    read_value,
    single_line,
)

MAX_SHAPES = 256  # kept for sharing; data with more of them are slower, not wrong

Side = Names | int | None  # the names of a section's columns, how many unnamed ones, or no section
Pair = tuple[Fields | None, Fields | None]  # a row of the input and one of the output

# What a batch transform appends to a CSV row: an id and the start time of the request.
_ID = re.compile(r"\s*[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\s*")
_TIME = re.compile(r"\s*\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\s*")


class Converter:
    """Turns items into rows; remembers the header of the CSV object it is in, and the shapes it has seen."""

    def __init__(self, format: Format, baseline_columns: tuple[str, ...] = ()) -> None:
        self._sections = format.sections
        self.outputs_last = format.output_columns_position.upper() == "END"
        self._takes_input = "endpointInput" in format.sections
        self._takes_output = "endpointOutput" in format.sections
        self._takes_batch = self._takes_output or "batchTransformOutput" in format.sections
        self._baseline = frozenset(baseline_columns)
        self._header_line: str | None = None
        self._header: Columns | None = None
        self._clean_header: tuple[str | None, Columns | None] = None, None
        self._shapes: dict[Any, Columns] = {}
        self._readers: dict[str, Callable[[Item, Counts], list[Row]]] = {
            "capture": lambda item, counts: self._of_record(item.value, item.origin, counts),
            "csv": self._of_line,
            "json": self._of_value,
            "parquet": self._of_table_row,
        }

    @property
    def header_names(self) -> Names:
        """The column names of the CSV object at hand; empty if it has no header."""
        return self._header.names if self._header else ()

    def header(self, line: str) -> Columns | None:
        """Return the columns that a CSV object's header names; None if there is anything to be said about it."""
        if line != self._clean_header[0]:
            try:
                names, doubles = unique_names([name.strip() for name in read_fields(line)])
            except PayloadError:
                return None
            self._clean_header = line, None if doubles else self.plain(names)
        return self._clean_header[1]

    def rows(self, item: Item, counts: Counts) -> list[Row]:
        """Return the rows of an item; one that cannot be converted is counted as malformed and has none."""
        try:
            return self._readers[item.kind](item, counts)
        except PayloadError as error:
            counts.reject(item.origin, str(error), _excerpt(item.value))
            return []

    # ------------------------------------------------------------ captures

    def _of_record(self, record: CapturedData, origin: Origin, counts: Counts) -> list[Row]:
        source = record.endpoint_input if self._takes_input else None
        target, label = (record.endpoint_output if self._takes_output else None), "endpointOutput"
        if type(source) is EventData and type(target) is EventData:
            # Nearly every capture is a line of CSV on both sides.
            inputs = single_line(source.data, source.encoding, source.observedContentType)
            outputs = single_line(target.data, target.encoding, target.observedContentType)
            if inputs is not None and outputs is not None:
                columns = self.columns(len(inputs), len(outputs), label)
                return [Row(columns, inputs + outputs if self.outputs_last else outputs + inputs, origin)]
        if target is None and self._takes_batch and record.batch_transform_output is not None:
            target, label = record.batch_transform_output, "batchTransformOutput"
        if not _has_data(source) and not _has_data(target):
            self._without_data(record, counts)
            return []
        left = self.payload(source, "endpointInput", counts)
        right = self.payload(target, label, counts)
        if right is not None and right.joined is not None and left is None:
            left = right.joined
        pairs = pair_rows(left, right)
        if not pairs and not (left is None and right is None):  # those that are no table are told of by name
            counts.warn("a capture has empty payloads and gives no row")
        return [self._row(pair, label, origin) for pair in pairs]

    def _without_data(self, record: CapturedData, counts: Counts) -> None:
        """Tell of a record that has nothing in the sections that count."""
        if not any(map(_has_data, record.sections().values())):
            raise PayloadError("the capture has no section with data")
        counts.warn(f"a capture holds none of the sections asked for ({', '.join(self._sections)})")

    def payload(self, section: EventData | None, name: str, counts: Counts) -> Payload | None:
        """Return the rows of a section as it is now, edits of a script included; None if there is none."""
        if section is None:
            return None
        if not isinstance(section, EventData):
            raise PayloadError(f"{name} is a {type(section).__name__}, not a section of a record")
        if section.data is None:
            return None
        try:
            payload = read_payload(
                section.data, section.encoding, section.observedContentType, header_names=self._baseline
            )
        except PayloadError as error:
            raise PayloadError(f"{name}: {error}") from error
        if not payload.tabular:
            kind = _media_type(section.observedContentType)
            counts.not_tabular[kind] = counts.not_tabular.get(kind, 0) + 1
            counts.warn(
                f"{name} of content type {kind} is no table: it gives no columns without a preprocessor"
            )
            return None
        _note(payload, counts)
        if name == "batchTransformOutput" and payload.rows and all(ends_in_ids(row) for row in payload.rows):
            return Payload([(None, values[:-2]) for _, values in payload.rows])
        return payload

    def _row(self, pair: Pair, label: str, origin: Origin) -> Row:
        left, right = pair
        columns = self.columns(_side(left), _side(right), label)
        inputs, outputs = (() if fields is None else fields[1] for fields in pair)
        values = [*inputs, *outputs] if self.outputs_last else [*outputs, *inputs]
        return Row(columns, values, origin)

    def columns(self, inputs: Side, outputs: Side, label: str = "endpointOutput") -> Columns:
        """Return the columns of a capture's rows; `label` is the section that the output stands in."""
        key = (inputs, outputs, label)
        return self._shapes.get(key) or self._share(key, self._named(inputs, outputs, label))

    def _named(self, inputs: Side, outputs: Side, label: str) -> Columns:
        ins, outs = _names(inputs), _names(outputs)
        taken = {name for name in ins if name is not None}
        outs = [f"{label}_{name}" if name in taken else name for name in outs]
        names = ins + outs if self.outputs_last else outs + ins
        sections = ["input"] * len(ins) + ["output"] * len(outs)
        if not self.outputs_last:
            sections.reverse()
        return _shape(names, tuple(sections))

    def _share(self, key: Any, columns: Columns) -> Columns:
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
        self._shapes[key] = columns
        return columns

    # ------------------------------------------------------------ datasets

    def _of_line(self, item: Item, counts: Counts) -> list[Row]:
        if item.header:
            self._take_header(item.value, counts)
            return []
        fields = read_fields(item.value)
        if self._header is None:
            if ends_in_ids((None, fields)):
                fields = fields[:-2]
            width = len(fields)
            counts.row_widths[width] = counts.row_widths.get(width, 0) + 1
            return [Row(self.plain(width), fields, item.origin)]
        width = len(self._header.names)
        if len(fields) == width + 2 and ends_in_ids((None, fields)):
            fields = fields[:-2]
        if len(fields) != width:
            counts.rows_off_header += 1
            fields = fitted(fields, width)
        return [Row(self._header, fields, item.origin)]

    def _take_header(self, line: str, counts: Counts) -> None:
        if line == self._header_line:  # each block of an object repeats it
            return
        self._header_line = self._header = None  # not the previous object's, should this one be unreadable
        names, doubles = unique_names([name.strip() for name in read_fields(line)])
        for text in doubles:
            counts.warn(text)
        self._header_line, self._header = line, self.plain(names)

    def _of_value(self, item: Item, counts: Counts) -> list[Row]:
        payload = read_value(item.value)
        _note(payload, counts)
        if payload.joined is not None:
            pairs = pair_rows(payload.joined, payload)
            return [self._row(pair, "batchTransformOutput", item.origin) for pair in pairs]
        return [
            Row(self.plain(len(values) if names is None else names), values, item.origin)
            for names, values in payload.rows
        ]

    def _of_table_row(self, item: Item, counts: Counts) -> list[Row]:
        notes: list[str] = []
        names, values = flatten_row(item.value, notes)
        for text in notes:
            counts.warn(text)
        return [Row(self.plain(names), values, item.origin)]

    def plain(self, side: Names | int) -> Columns:
        """Return the columns of a row that belongs to no section."""
        columns = self._shapes.get(side)
        if columns is None:
            names = _names(side)
            columns = self._share(side, _shape(names, ("",) * len(names)))
        return columns


def _has_data(section: Any) -> bool:
    """Whether a section is there to be read; what a script put in its place is looked at later."""
    return section is not None and getattr(section, "data", section) is not None


def _side(fields: Fields | None) -> Side:
    if fields is None:
        return None
    names, values = fields
    return len(values) if names is None else names


def _names(side: Side) -> list[str | None]:
    """Return the names of a section's columns, None for each unnamed one."""
    if side is None:
        return []
    return [None] * side if isinstance(side, int) else list(side)


def _shape(names: Sequence[str | None], sections: tuple[str, ...]) -> Columns:
    full = [f"_c{i}" if name is None else name for i, name in enumerate(names)]
    unique, _ = unique_names(full)
    return Columns(unique, sections, tuple(name is not None for name in names))


def ends_in_ids(fields: Fields) -> bool:
    """Whether the last two of a CSV row's fields are the id and the time that a batch transform appended."""
    names, values = fields
    if names is not None or len(values) < 3:
        return False
    id_, time = values[-2:]
    return (
        isinstance(id_, str) and isinstance(time, str) and bool(_TIME.fullmatch(time) and _ID.fullmatch(id_))
    )


def _note(payload: Payload, counts: Counts) -> None:
    counts.rows_off_header += payload.off_header
    for text in payload.warnings:
        counts.warn(text)


def _media_type(content_type: Any) -> str:
    return str(content_type or "").partition(";")[0].strip().lower() or "no content type"


def _excerpt(value: Any) -> str:
    """Return what a report of a malformed record shows of it."""
    if isinstance(value, CapturedData):
        sections = {name: section for name, section in value.sections().items() if section is not None}
        return "; ".join(f"{name} {getattr(section, 'data', section)}" for name, section in sections.items())
    return value if isinstance(value, str) else repr(value)


# ---------------------------------------------------------------- pairing


def pair_rows(inputs: Payload | None, outputs: Payload | None) -> list[Pair]:
    """Return which row of the input belongs to which row of the output.

    Raises PayloadError with both numbers of rows if they cannot belong together.
    """
    if inputs is None or outputs is None:
        left, right = (inputs or NO_ROWS).rows, (outputs or NO_ROWS).rows
        return [(row, None) for row in left] if inputs is not None else [(None, row) for row in right]
    left, right = _decided(inputs, outputs), _decided(outputs, inputs)
    if len(left) == len(right):
        return list(zip(left, right, strict=True))
    if len(left) == 1 and right:
        return list(zip(_spread(left[0], len(right)), right, strict=True))
    if len(right) == 1 and left:
        return list(zip(left, _spread(right[0], len(left)), strict=True))
    raise PayloadError(f"row count mismatch {len(left)}×{len(right)}")


def _decided(mine: Payload, other: Payload) -> Sequence[Fields]:
    """Return the reading of a list of scalars that what it is paired with asks for."""
    if mine.batch is None:
        return mine.rows
    if other.batch is not None:
        alike = mine.enveloped and other.enveloped and len(mine.batch) == len(other.batch)
        return mine.batch if alike else mine.rows
    return mine.batch if len(mine.batch) == len(other.rows) or len(other.rows) != 1 else mine.rows


def _spread(row: Fields, times: int) -> Sequence[Fields]:
    """Repeat a single row, or, if it is a list of one value for each, deal its values out."""
    names, values = row
    if names is None and len(values) == times:
        return [(None, [value]) for value in values]
    return [row] * times
