"""Labels joined to captures by inference id or event id (`datasets.md` §11).

Lines are never parsed beyond their ids: a merged line is the captured one with `groundTruthData` put in front, both
as they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any

import msgspec

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.items import SHADOW, belongs
from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.layout import variant_of
from open_model_monitor.capture.record import GROUND_TRUTH, Block, Counts, Origin, Window

HOUR_SECONDS = 3600
MAX_SHARED = 4096  # of equal labels; nearly all are among a few
_MARK = b'"groundTruthData"'


class _Metadata(msgspec.Struct):
    eventId: Any = None
    inferenceId: Any = None
    inferenceTime: Any = None
    invocationSource: Any = None


class _LabelLine(msgspec.Struct):
    groundTruthData: msgspec.Raw
    eventMetadata: _Metadata


class _CaptureLine(msgspec.Struct):
    captureData: msgspec.Raw
    eventMetadata: _Metadata = msgspec.field(default_factory=_Metadata)


class Capture(msgspec.Struct, gc=False):  # one per record
    """A captured line with its ids; `hour` is that of the inference in hours since 1970, None if unknown."""

    inference_id: str | None
    event_id: str | None
    line: bytes
    hour: int | None


class Label(msgspec.Struct, gc=False, frozen=True):  # equal ones are shared
    """What was right: the text of `groundTruthData`, and the hour in which it was collected, if that is known.

    `met` says that a capture with its id was seen.
    """

    truth: bytes
    hour: int | None
    met: bool = False


_read_label = msgspec.json.Decoder(_LabelLine).decode
_read_capture = msgspec.json.Decoder(_CaptureLine).decode


def labels(block: Block, hour: int | None, counts: Counts) -> Iterator[tuple[str, Label]]:
    """Yield each label of a block with the id that it is for; what is no label is counted as malformed."""
    for number, line in enumerate(BytesIO(block.data), block.first_line):
        if line.isspace():
            continue
        counts.lines_read += 1
        try:
            read = _read_label(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _reject(counts, block, number, line, f"no label ({error})")
            continue
        metadata = read.eventMetadata
        key = id_of(metadata.eventId) or id_of(metadata.inferenceId)
        truth = bytes(read.groundTruthData)
        if key is None or not truth.startswith(b"{"):
            what = "no eventMetadata.eventId" if key is None else "groundTruthData is no object"
            _reject(counts, block, number, line, what)
            continue
        yield key, Label(truth, hour)


def captures(
    block: Block, counts: Counts, *, window: Window | None = None, variants: tuple[str, ...] = ()
) -> Iterator[Capture]:
    """Yield the captures of a block, as `items` would: shadow traffic and what is outside the window left out."""
    timed = window if block.check_time else None
    shadow_too = variant_of(block.source) in variants
    for number, line in enumerate(BytesIO(block.data), block.first_line):
        if line.isspace():
            continue
        counts.lines_read += 1
        try:
            read = _read_capture(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _reject(counts, block, number, line, f"no capture ({error})")
            continue
        known = read.eventMetadata
        if not shadow_too and known.invocationSource == SHADOW:
            counts.records_shadow_skipped += 1
        elif timed is not None and not belongs(known.inferenceTime, timed, keep_undated=block.keep_undated):
            counts.records_out_of_window += 1
        else:
            counts.records_in += 1
            hour = hour_of_time(known.inferenceTime)
            yield Capture(id_of(known.inferenceId), id_of(known.eventId), line, hour)


def _reject(counts: Counts, block: Block, number: int, line: bytes, reason: str) -> None:
    origin = Origin(block.source, number, lines_from=block.lines_from)
    counts.reject(origin, reason, line[:400].removesuffix(b"\n").decode("utf-8", "replace"))


def id_of(value: Any) -> str | None:
    """Return an id as text, so that 17 and " 17" are one; None for what is no id."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


@lru_cache(maxsize=4096)
def _hour_named(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() // HOUR_SECONDS)


def hour_of_time(time: Any) -> int | None:
    """Return the hour of a text like 2026-01-31T10:20:00Z in hours since 1970; None if it is no time."""
    if not isinstance(time, str):
        return None
    # Nearly all are in UTC: then the minutes do not matter, and captures of one hour share one answer.
    return _hour_named(f"{time[:14]}00Z" if time[13:14] == ":" and time.endswith("Z") else time)


def merged_line(line: bytes, truth: bytes) -> bytes:
    """Return a captured line with its label."""
    if _MARK in line:
        value = parse_json(line)
        if isinstance(value, dict) and GROUND_TRUTH in value:  # it was merged before
            return msgspec.json.encode({**value, GROUND_TRUTH: msgspec.Raw(truth)}) + b"\n"
    return b"{" + _MARK + b":" + truth + b"," + line.strip()[1:] + b"\n"


class Labels:
    """The labels of some captures by id; the last one that is put in wins."""

    def __init__(self) -> None:
        self._known: dict[str, Label] = {}
        self._shared: dict[Label, Label] = {}
        self.superseded = 0

    def __len__(self) -> int:
        return len(self._known)

    def put(self, key: str, label: Label) -> None:
        """Take one more label."""
        self.superseded += key in self._known
        self._known[key] = self._one_of(label)

    def _one_of(self, label: Label) -> Label:
        if len(self._shared) >= MAX_SHARED:
            return label
        return self._shared.setdefault(label, label)

    def take(self, key: str | None) -> Label | None:
        """Return the label of an id, which then has met its capture."""
        label = self._known.get(key)  # type: ignore[arg-type]
        if label is not None and not label.met and key is not None:
            self._known[key] = self._one_of(Label(label.truth, label.hour, True))
        return label

    def met(self) -> Iterator[str]:
        """Yield the ids that met a capture."""
        return (key for key, label in self._known.items() if label.met)

    def unmatched(self) -> Iterator[str]:
        """Yield the ids that met no capture."""
        return (key for key, label in self._known.items() if not label.met)

    def settle(self, coverage: Coverage) -> None:
        """Count what became of the labels."""
        coverage.labels += len(self._known) + self.superseded
        coverage.labels_superseded += self.superseded
        for key in self.unmatched():
            coverage.labels_unmatched += 1
            coverage.example("labels_unmatched", key)


def join(
    found: Iterable[Capture], known: Labels, coverage: Coverage, later: list[Capture] | None = None
) -> list[bytes]:
    """Give each capture its label; returns the merged lines.

    A capture whose inference id has no label goes by its event id: at once, or into `later` if that label may be
    elsewhere.
    """
    lines = []
    for capture in found:
        own = capture.inference_id
        label = known.take(own or capture.event_id)
        by_event = False
        if label is None and own is not None and capture.event_id not in (None, own):
            if later is not None:
                later.append(capture)
                continue
            label, by_event = known.take(capture.event_id), True
        if label is None:
            coverage.unlabelled += 1
            coverage.example("unlabelled", own or capture.event_id or "a capture without an id")
            continue
        coverage.joined += 1
        coverage.joined_by_event_id += by_event
        if label.hour is not None and capture.hour is not None:
            coverage.late(label.hour - capture.hour)
        lines.append(merged_line(capture.line, label.truth))
    return lines
