"""Flat JSON objects become rows without a second look: one decoder, no record classes, no shapes to tell apart.

Taken are lines, or payloads, that are an object of plain values; beside such a payload also a single value, or one
plain line of CSV. Every other shape that JSON comes in is for `payloads`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

import msgspec

from open_model_monitor.capture.record import Origin, Row
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.flatten import MAX_COLUMNS, SCALARS, Names
from open_model_monitor.rows.payloads import IDS, INPUT, OUTPUT, single_line

# The names of the values, or how many unnamed ones there are, or None if there is no payload; and the values.
Fields = tuple[Names | int | None, list[Any]]

_RESERVED = frozenset((*IDS, INPUT, OUTPUT))  # keys that a batch transform gives a meaning
_decode = msgspec.json.Decoder().decode


def rows_of_lines(data: bytes, converter: Converter, origin: Origin) -> list[Row] | None:
    """Return a row for each line of JSON Lines; None unless each is a flat object."""
    rows = []
    for line in data.split(b"\n"):
        if line and not line.isspace():
            names, values = _object(line) or (None, [])
            if names is None or isinstance(names, int):
                return None
            rows.append(Row(converter.plain(names), values, origin))
    return rows


def rows_of_payloads(
    inputs: Sequence[str] | None,
    outputs: Sequence[str] | None,
    encodings: Sequence[str | None],
    converter: Converter,
    origin: Origin,
) -> list[Row] | None:
    """Return a row for each capture, whose payloads stand at the same place in both; None unless all are taken."""
    ins, outs = _fields(inputs, encodings[0]), _fields(outputs, encodings[1])
    if ins is None or outs is None:
        return None
    rows = []
    for (left, mine), (right, theirs) in zip(ins, outs, strict=False):
        values = mine + theirs if converter.outputs_last else theirs + mine
        rows.append(Row(converter.columns(left, right), values, origin))
    return rows


def _fields(payloads: Sequence[str] | None, encoding: str | None) -> Sequence[Fields] | repeat[Fields] | None:
    if payloads is None:
        return repeat((None, []))
    read = _value if encoding == "JSON" else _line
    fields = []
    for payload in payloads:
        if (one := read(payload)) is None:
            return None
        fields.append(one)
    return fields


def _line(text: str) -> Fields | None:
    values = single_line(text, "CSV", None)
    return None if values is None else (len(values), list(values))


def _value(text: str) -> Fields | None:
    if text.lstrip()[:1] == "{":
        return _object(text)
    try:
        value = _decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if type(value) is list and len(value) == 1:
        value = value[0]
    return None if value is None or type(value) not in SCALARS else (1, [value])


def _object(text: str | bytes) -> Fields | None:
    try:
        value = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if type(value) is not dict or not 0 < len(value) <= MAX_COLUMNS or not _RESERVED.isdisjoint(value):
        return None
    return (tuple(value), list(value.values())) if SCALARS.issuperset(map(type, value.values())) else None
