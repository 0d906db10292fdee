"""Captures of the plainest kind: their payloads are taken out of a block of lines all at once.

A capture is plain if its payloads are one CSV line each, without quotes, as text or as BASE64, or JSON text: what
`Converter` reads without a second look. Captures of all other kinds are left to it.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import msgspec

from open_model_monitor.capture.encoding import is_utf8
from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.ranges import line_ends
from open_model_monitor.capture.record import Format
from open_model_monitor.rows.skeleton import SIDES, Skeleton, Texts, skeleton_of

# None announces a header, all mean CSV where it matters. Others are looked at one by one, which costs time.
USUAL_TYPES = ("text/csv", "text/csv; charset=utf-8", "text/csv; charset=UTF-8", "text/csv;charset=utf-8")

Encodings = tuple[str | None, str | None]  # of input and output; None for one that is absent or not asked for


@dataclass(frozen=True, slots=True)
class Payloads:
    """The payloads of some captures that seem plain, a text for each; `plain_text` finds out."""

    lines: int  # that were read
    records: int  # that count
    encodings: Encodings
    inputs: Sequence[str] | None
    outputs: Sequence[str] | None


class PlainCaptures:
    """Reads blocks of plain captures; remembers what kind the last ones were."""

    def __init__(self, format: Format) -> None:
        self._wanted = tuple(side in format.sections for side in SIDES)
        self._encodings: Encodings | None = None
        self._usual = True  # whether content types are among USUAL_TYPES
        self._decoders: dict[tuple[Encodings, bool, bool], Callable[[bytes], list[Any]]] = {}
        self._skeleton: Skeleton | None = None  # of the last ones, where only texts of CSV differ

    def read(self, data: bytes, belongs: Callable[[Any], bool] | None = None) -> Payloads | Texts | None:
        """Return the payloads of whole lines, in order; None if a line is not a plain capture like the others.

        `belongs` tells from a capture's inferenceTime whether it counts.
        """
        if (scanned := self._scanned(data, belongs)) is not None:
            return scanned
        records = self._decoded(data, timed=belongs is not None)
        if records is None:
            return None
        lines, encodings = len(records), self._encodings or (None, None)
        if belongs is not None:
            moments = [record.eventMetadata.inferenceTime for record in records]
            inside = {moment: belongs(moment) for moment in dict.fromkeys(moments)}
            records = [record for record, moment in zip(records, moments, strict=True) if inside[moment]]
        texts: list[Sequence[str] | None] = []
        for side, encoding in zip(SIDES, encodings, strict=True):
            sound = self._usual or not encoding or _sound_types(records, side, encoding)
            payloads = _payloads(records, side, encoding) if encoding and sound else None
            if encoding and payloads is None:
                return None
            texts.append(payloads)
        if {*encodings} <= {"CSV", None}:
            sides = tuple(side for side, encoding in zip(SIDES, encodings, strict=True) if encoding)
            self._skeleton = skeleton_of(_first_line(data), sides)
        return Payloads(lines, len(records), encodings, *texts)

    def _scanned(self, data: bytes, belongs: Callable[[Any], bool] | None) -> Texts | None:
        """Return the texts of captures that differ from the last ones in nothing else, and all count."""
        texts = self._skeleton.read(data) if self._skeleton is not None else None
        if texts is None or belongs is None:
            return texts
        moments = {} if texts.times is None else dict.fromkeys(texts.times.decode().split("\n"))
        return texts if moments and all(map(belongs, moments)) else None

    def _decoded(self, data: bytes, *, timed: bool) -> list[Any] | None:
        if not is_utf8(data):
            return None
        records = self._as_before(data, timed=timed)
        if records is None:
            self._encodings = self._encodings_of(_first_line(data))
            for self._usual in (True, False):
                if (records := self._as_before(data, timed=timed)) is not None:
                    break
        # Blank lines and lines of two values would make another number.
        return records if records is not None and len(records) == count_lines(data) else None

    def _as_before(self, data: bytes, *, timed: bool) -> list[Any] | None:
        """Return the records of captures like the last ones; None if they are not."""
        if self._encodings is None:
            return None
        kind = self._encodings, timed, self._usual
        if kind not in self._decoders:
            self._decoders[kind] = _decoder(self._encodings, self._wanted, timed=timed, usual=self._usual)
        try:
            return self._decoders[kind](data)
        except (msgspec.MsgspecError, RecursionError):
            return None

    def _encodings_of(self, line: bytes) -> Encodings | None:
        try:
            sections = parse_json(line)["captureData"]
            found = [
                sections[side].get("encoding") if wanted and sections.get(side) is not None else None
                for side, wanted in zip(SIDES, self._wanted, strict=True)
            ]
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        known = all(encoding in ("CSV", "BASE64", "JSON", None) for encoding in found) and found != [
            None,
            None,
        ]
        return (found[0], found[1]) if known else None


def _decoder(
    encodings: Encodings, wanted: Sequence[bool], *, timed: bool, usual: bool
) -> Callable[[bytes], list[Any]]:
    """Return a decoder of lines that takes plain captures of these encodings only, and no shadow traffic."""
    sections: list[Any] = []
    absent: list[Any] = []
    for side, encoding, is_wanted in zip(SIDES, encodings, wanted, strict=True):
        if encoding is not None:
            fields: list[Any] = [("data", str), ("encoding", Literal[encoding])]
            if usual and encoding == "BASE64":  # of which the content type must say that it is CSV
                fields.append(("observedContentType", Literal[USUAL_TYPES]))
            else:
                fields.append(
                    ("observedContentType", Literal[USUAL_TYPES] | None if usual else str | None, None)
                )
            sections.append((side, msgspec.defstruct("Section", fields, gc=False)))
        elif is_wanted:
            absent.append((side, None, None))
    if encodings[1] is None:
        absent.append(("batchTransformOutput", None, None))
    capture = msgspec.defstruct("Capture", [*sections, *absent], gc=False)
    named: list[Any] = [("invocationSource", None, None)]
    if timed:  # only then, for a text costs as much as a number of its digits
        named.append(("inferenceTime", str | None, None))
    metadata = msgspec.defstruct("Metadata", named, gc=False, frozen=True)
    rest: list[Any] = [("eventVersion", Literal["0"], "0"), ("eventMetadata", metadata, metadata())]
    line = msgspec.defstruct("Line", [("captureData", capture), *rest], gc=False)
    return msgspec.json.Decoder(line).decode_lines


def _payloads(records: Sequence[Any], side: str, encoding: str) -> list[str] | None:
    payloads = list(map(attrgetter(f"captureData.{side}.data"), records))
    if encoding == "BASE64":
        try:
            return [binascii.a2b_base64(payload, strict_mode=True).decode() for payload in payloads]
        except ValueError:
            return None
    return payloads


def _sound_types(records: Sequence[Any], side: str, encoding: str) -> bool:
    """Whether no content type announces a header, or something else than CSV in BASE64."""
    types = set(map(attrgetter(f"captureData.{side}.observedContentType"), records))
    lowered = [str(one).lower() for one in types]
    return all("header" not in one and (encoding != "BASE64" or "csv" in one) for one in lowered)


def plain_text(payloads: Sequence[str]) -> bytes | None:
    """Return payloads as lines of CSV, the last without its end; None if one is more or less than a plain line."""
    text = "\n".join(payloads)
    if "\r" in text:
        payloads = [payload.rstrip("\r\n") for payload in payloads]
        text = "\n".join(payloads)
    if '"' in text or "\r" in text or "" in payloads or (not text.isascii() and "\ufeff" in text):
        return None
    if "," not in payloads[0] and not all(map(str.strip, payloads)):  # a blank line is no field
        return None
    lines = text.encode()
    if count_lines(lines) != len(payloads) or lines.endswith(b"\n"):  # some bring line ends of their own
        lines = lines.replace(b"\n\n", b"\n").removesuffix(b"\n")
        # None is empty, so as many lines as payloads, all of them filled, are a line each.
        if count_lines(lines) != len(payloads) or b"\n\n" in lines or lines.startswith(b"\n"):
            return None
    return lines


def _first_line(data: bytes) -> bytes:
    return data[: data.find(b"\n") + 1 or len(data)]


def count_lines(data: bytes) -> int:
    """Return the number of lines, of which the last may lack its end."""
    return line_ends(data) + (not data.endswith(b"\n"))
