"""One payload's text becomes rows: CSV, JSON in all the shapes that model servers speak, or something sniffed.

Everything here is about one section alone; how the sections of a record meet, and what unnamed columns are
called, is for `convert`.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import JSON
from open_model_monitor.rows.flatten import (
    MAX_COLUMNS,
    SCALARS,
    Names,
    PayloadError,
    flat,
    indexed_names,
    unique_names,
)

SNIFF_LIMIT = 1 << 20  # characters of an undeclared text that may still be CSV

ENVELOPES = frozenset(("instances", "predictions", "inputs", "outputs", "records", "rows", "data", "results"))
IDS = ("SageMakerInferenceId", "SageMakerInferenceTime")
OUTPUT, INPUT = "SageMakerOutput", "SageMakerInput"

Fields = tuple[Names | None, Sequence[Any]]  # a row's names, None if it has none, and its values

_HEADER_PRESENT = re.compile(r";\s*header\s*=\s*\"?present\b", re.IGNORECASE)
_BOM = "\ufeff"
_PRINTABLE = str.maketrans("", "", "\t\r\n")

# The default of 131,072 characters per field is a guard we do not want: payloads have no limit.
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Payload:
    """The rows of one section.

    A list of scalars is one row or many: `rows` holds it as one row, `batch` as one row per value, and what it
    is paired with decides. `joined` is the input that a batch transform put beside this output.
    """

    rows: Sequence[Fields]
    batch: Sequence[Fields] | None = None
    enveloped: bool = False  # whether an ambiguous list stood in an envelope
    tabular: bool = True
    joined: Payload | None = None
    off_header: int = 0  # CSV rows with fewer or more fields than the header in the payload
    warnings: tuple[str, ...] = ()


NO_ROWS = Payload(())
NOT_TABULAR = Payload((), tabular=False)


def read_payload(
    data: Any, encoding: Any, content_type: Any, *, header_names: Collection[str] = ()
) -> Payload:
    """Return the rows of a section; a line of nothing but `header_names` is a header if more lines follow.

    Raises PayloadError if the data are not what their encoding says.
    """
    if (fields := single_line(data, encoding, content_type)) is not None:
        return Payload(((None, fields),))
    if isinstance(data, bytes | bytearray):
        data = bytes(data).decode("utf-8", "replace")
    if not isinstance(data, str):  # already parsed, by a script or by another writer of captures
        return read_value(data)
    data = data.removeprefix(_BOM)
    encoding = str(encoding or "").upper()
    content_type = str(content_type or "").lower()
    if encoding == "CSV":
        return _read_csv(data, content_type, header_names)
    if encoding == "JSON":
        return _read_json(data)
    return _read_undeclared(data, encoding, content_type, header_names)


def _read_undeclared(data: str, encoding: str, content_type: str, header_names: Collection[str]) -> Payload:
    text: str | None = data
    warnings: tuple[str, ...] = ()
    if encoding == "BASE64":
        decoded = _decode(data)
        try:
            text = decoded.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = None
            if "csv" in content_type or "json" in content_type:
                text = decoded.decode("utf-8", "replace")
                warnings = ("a payload was not UTF-8; what could not be decoded was replaced",)
    if text is None:
        return NOT_TABULAR
    if "csv" in content_type:
        payload = _read_csv(text, content_type, header_names)
    elif "json" in content_type:
        payload = _read_json(text)
    else:
        payload = _sniff(text, content_type, header_names)
    return replace(payload, warnings=(*warnings, *payload.warnings)) if warnings else payload


def _decode(data: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except ValueError as error:
        raise PayloadError(f"payload cannot be parsed as BASE64: {error}") from error


def _sniff(text: str, content_type: str, header_names: Collection[str]) -> Payload:
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _read_json(text)
        except PayloadError:
            pass  # then it is text that happens to begin with a brace
    if len(text) <= SNIFF_LIMIT and text.translate(_PRINTABLE).isprintable():
        return _read_csv(text, content_type, header_names)
    return NOT_TABULAR


# ---------------------------------------------------------------- CSV


def single_line(data: Any, encoding: Any, content_type: Any) -> list[str] | None:
    """Return the fields of the plainest payload, one CSV line without quotes; None for everything else.

    Nearly all captures are such, so this is kept apart from the reading that can do it all.
    """
    if encoding != "CSV" or type(data) is not str or '"' in data or data.startswith(_BOM):
        return None
    line = data.rstrip("\r\n")
    if "\n" in line or "\r" in line or not line or line.isspace():
        return None
    if content_type and "header" in str(content_type).lower():
        return None
    return line.split(",")


def read_fields(line: str) -> list[str]:
    """Return the fields of one CSV record without its line end; newlines inside quotes belong to it."""
    if '"' not in line:
        return line.split(",")
    rows = _quoted([line], line)
    return rows[0] if rows else [""]


def read_lines(text: str) -> list[list[str]]:
    """Return the fields of each line that is not blank."""
    if '"' not in text:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return [line.split(",") for line in lines if line and not line.isspace()]
    rows = _quoted(io.StringIO(text, newline=""), text)
    return [row for row in rows if row and not (len(row) == 1 and row[0].isspace())]


def _quoted(lines: Iterable[str], text: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(lines, strict=True))
    except csv.Error as error:
        raise PayloadError(f"CSV quoting error: {error}") from error
    for row in rows:
        for field in row:
            # The reader lets `a"` pass although its quote was never opened; a quoted field spells it doubled.
            if field.endswith('"') and f'"{field.replace(chr(34), chr(34) * 2)}"' not in text:
                raise PayloadError("CSV quoting error: a quote closes that was not opened")
    return rows


def _read_csv(text: str, content_type: str, header_names: Collection[str]) -> Payload:
    lines = read_lines(text)
    if not _has_header(lines, content_type, header_names):
        return Payload([(None, fields) for fields in lines])
    names, warnings = unique_names([field.strip() for field in lines[0]])
    rows, off_header = [], 0
    for fields in lines[1:]:
        off_header += len(fields) != len(names)
        rows.append((names, fitted(fields, len(names))))
    return Payload(rows, off_header=off_header, warnings=tuple(warnings))


def _has_header(lines: list[list[str]], content_type: str, header_names: Collection[str]) -> bool:
    if lines and _HEADER_PRESENT.search(content_type):
        return True
    if len(lines) < 2 or not header_names:
        return False
    known = {name.strip().casefold() for name in header_names}
    return all(field.strip().casefold() in known for field in lines[0])


def fitted(fields: Sequence[Any], width: int) -> list[Any]:
    """Return as many fields as there are columns: short rows padded with missing, what is too much dropped."""
    return [*fields[:width], *[None] * (width - len(fields))]


# ---------------------------------------------------------------- JSON


def _read_json(text: str) -> Payload:
    try:
        value = parse_json(text)
    except ValueError as error:
        return _read_json_lines(text, error)
    return read_value(value)


def _read_json_lines(text: str, whole: ValueError) -> Payload:
    """Read JSON Lines; what cannot be read that way either is refused for the reason it is no document."""
    lines = [line for line in text.split("\n") if line and not line.isspace()]
    if not lines:
        return NO_ROWS
    try:
        values = [parse_json(line) for line in lines] if len(lines) > 1 else None
    except ValueError:
        values = None
    if values is None:
        raise PayloadError(f"payload cannot be parsed as JSON: {whole}") from whole
    return _safely(lambda notes: _concatenated([_value(value, notes) for value in values]))


def read_value(value: JSON) -> Payload:
    """Return the rows of a parsed JSON value; raises PayloadError if it has too many columns."""
    return _safely(lambda notes: _value(value, notes))


def _safely(read: Callable[[list[str]], Payload]) -> Payload:
    notes: list[str] = []
    try:
        payload = read(notes)
    except RecursionError as error:
        raise PayloadError("payload cannot be parsed as JSON: it is nested too deeply") from error
    return replace(payload, warnings=tuple(notes)) if notes else payload


def _concatenated(payloads: Sequence[Payload]) -> Payload:
    joined = [row for payload in payloads if payload.joined for row in payload.joined.rows]
    rows = [row for payload in payloads for row in payload.rows]
    return Payload(rows, joined=Payload(joined) if joined else None)


def _value(value: JSON, notes: list[str], *, key: str | None = None) -> Payload:
    if isinstance(value, Mapping):
        return _object(value, notes)
    if isinstance(value, list | tuple):
        return _list(value, notes, key=key)
    if value is None:
        return NO_ROWS
    return Payload(((None if key is None else (key,), [value]),))


def _object(value: Mapping[str, JSON], notes: list[str]) -> Payload:
    value = without_ids(value)
    if not value:
        return NO_ROWS
    if OUTPUT in value:
        return _joined(value, notes)
    if (frame := _frame(value)) is not None:
        return _of_frame(frame, notes)
    lists = [key for key, item in value.items() if type(item) is list]
    if "dataframe_records" in lists:
        return _list(value["dataframe_records"], notes, key="dataframe_records")
    if len(lists) == 1 and lists[0] in ENVELOPES:
        return _envelope(value, lists[0], notes)
    if len(lists) == len(value) >= 2 and _is_columnar(list(value.values())):
        names = tuple(value)
        return Payload([(names, values) for values in zip(*value.values(), strict=True)])
    return Payload((flat(value, notes),))


def without_ids(value: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Return an object without the ids that a batch transform adds to it."""
    if IDS[0] in value or IDS[1] in value:
        return {key: item for key, item in value.items() if key not in IDS}
    return value


def _joined(value: Mapping[str, JSON], notes: list[str]) -> Payload:
    output = _value(value[OUTPUT], notes, key=OUTPUT)
    rest = {key: item for key, item in value.items() if key not in (OUTPUT, INPUT)}
    beside = _value(value[INPUT], notes, key=INPUT) if INPUT in value else _object(rest, notes)
    return replace(output, joined=beside if beside.rows else None)


def _frame(value: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    """Return the object of `columns` and `data` that this is or holds, if so."""
    if _is_frame(value):
        return value
    if _is_frame(inner := value.get("dataframe_split")):
        return inner
    if not ENVELOPES.isdisjoint(value):
        for key in value.keys() & ENVELOPES:
            if isinstance(item := value[key], Mapping) and (frame := _frame(item)) is not None:
                return frame
    return None


def _is_frame(value: JSON) -> bool:
    if not isinstance(value, Mapping) or "columns" not in value or "data" not in value:
        return False
    columns, data = value["columns"], value["data"]
    if not isinstance(columns, list) or not isinstance(data, list):
        return False
    return SCALARS.issuperset(map(type, columns)) and all(isinstance(row, list) for row in data)


def _of_frame(frame: Mapping[str, JSON], notes: list[str]) -> Payload:
    names, doubles = unique_names([str(name) for name in frame["columns"]])
    notes.extend(doubles)
    rows = []
    for row in frame["data"]:
        if len(row) != len(names):
            raise PayloadError(f"a row of data has {len(row)} values for {len(names)} columns")
        rows.append(flat(dict(zip(names, row, strict=True)), notes))
    return Payload(rows)


def _is_columnar(columns: list[list[JSON]]) -> bool:
    length = len(columns[0])
    return length > 0 and all(len(c) == length and SCALARS.issuperset(map(type, c)) for c in columns)


def _envelope(value: Mapping[str, JSON], key: str, notes: list[str]) -> Payload:
    items = value[key]
    if SCALARS.issuperset(map(type, items)):
        if len(value) == 1:
            return _list(items, notes, key=key)
        # Read as one row, the list is one feature among others, and nothing is left out.
        batch = [((key,), [item]) for item in items] or None
        as_row = batch if batch and len(items) > MAX_COLUMNS else (flat(value, notes),)
        return Payload(as_row, batch, enveloped=True)
    payload = _list(items, notes)
    if all(values for _, values in payload.rows):
        return payload
    others = flat({name: item for name, item in value.items() if name != key}, notes)
    return replace(payload, rows=[fields if fields[1] else others for fields in payload.rows])


def _list(items: Sequence[JSON], notes: list[str], *, key: str | None = None) -> Payload:
    if not items:
        return NO_ROWS
    if not SCALARS.issuperset(map(type, items)):
        if isinstance(items[0], Mapping) and OUTPUT in items[0]:
            return _concatenated([_value(item, notes) for item in items])
        return Payload([_element(item, notes) for item in items])
    one = None if key is None else (key,)
    batch: list[Fields] = [(one, [item]) for item in items]
    if len(items) > MAX_COLUMNS:  # too wide to be a row
        return Payload(batch)
    names = None if key is None else indexed_names(key, len(items))
    return Payload(((names, items),), batch, enveloped=key is not None)


def _element(item: JSON, notes: list[str]) -> Fields:
    if isinstance(item, Mapping):
        return flat(without_ids(item), notes)
    if isinstance(item, list):
        if SCALARS.issuperset(map(type, item)) and len(item) <= MAX_COLUMNS:
            return None, item
        return None, flat({"": item}, [])[1]
    return ((), []) if item is None else (None, [item])
