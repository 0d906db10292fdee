"""What handlers receive, and the small types that travel with the data.

The four record classes are published interface: plain mutable attributes, no slots, no validation, with the
quirks that scripts have come to rely on (`as_dict` rewrites the raw line and drops `mode`). Do not tidy them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import msgspec

JSON = Any
Value = str | int | float | bool | None

K = TypeVar("K")

SCRIPT = "script"  # the section of columns named by a script's keys, which have no order of their own
SECTIONS = ("endpointInput", "endpointOutput", "batchTransformOutput")
GROUND_TRUTH = "groundTruthData"

# The columns of a batch of predictions with their labels; `KEY` tells rows apart, whatever their order.
LABELLED = KEY, PREDICTION, PROBABILITY, LABEL = ("key", "prediction", "probability", "label")


class EventConfig:
    """Holder of an endpoint, a variant and a span of time; published, never passed to a handler."""

    def __init__(self, endpoint: str, variant: str, start_time: Any, end_time: Any) -> None:
        self.endpoint = endpoint
        self.variant = variant
        self.start_time = start_time
        self.end_time = end_time


class _Explained:
    """Ends the message of a missing attribute with the nearest one that exists."""

    def __getattr__(self, name: str) -> NoReturn:
        owner = type(self).__name__
        message = f"'{owner}' object has no attribute '{name}'"
        if not name.startswith("__"):
            known = [key for key in vars(self) if not key.startswith("_")]
            wanted = _FORMER_NAMES.get(name) or next(iter(difflib.get_close_matches(name, known, 1)), None)
            nearest = f" Did you mean '{wanted}'?" if wanted else ""
            message += f".{nearest} Attributes of {owner}: {', '.join(known)}"
        raise AttributeError(message, name=name, obj=self)


# What early samples, still copied today, read; the service never had these.
_FORMER_NAMES = {
    "event_data": "endpoint_input.data",
    "content_type": "observedContentType",
    "observed_content_type": "observedContentType",
    "inference_id": "event_dict['eventMetadata']['inferenceId']",
}


class EventMetadata(_Explained):
    """The ids and the time of one inference."""

    def __init__(self, event_metadata_dict: Mapping[str, Any]) -> None:
        self.event_id = event_metadata_dict.get("eventId", None)
        self.event_time = event_metadata_dict.get("inferenceTime", None)
        self.custom_attribute = event_metadata_dict.get("customAttributes", None)


class EventData(_Explained):
    """One captured section: the payload as captured text, never parsed or decoded."""

    def __init__(self, data_dict: Mapping[str, Any]) -> None:
        self.encoding = data_dict.get("encoding", None)
        self.data = data_dict.get("data", None)
        self.observedContentType = data_dict.get("observedContentType", None)
        self.mode = data_dict.get("mode", None)

    def as_dict(self) -> dict[str, Any]:
        """Return encoding, data and observedContentType; `mode` is left out, as published."""
        return {
            "encoding": self.encoding,
            "data": self.data,
            "observedContentType": self.observedContentType,
        }


class CapturedData(_Explained):
    """One captured inference: the `inference_record` of a preprocessor."""

    def __init__(self, event_dict: dict[str, Any]) -> None:
        self.event_metadata: EventMetadata | None = None
        self.endpoint_input: EventData | None = None
        self.endpoint_output: EventData | None = None
        self.batch_transform_output: EventData | None = None
        self.ground_truth: EventData | None = None
        self.event_version = event_dict.get("eventVersion")
        self.event_dict = event_dict
        self._event_dict_postprocessed = False
        metadata = event_dict.get("eventMetadata")
        if isinstance(metadata, dict):
            self.event_metadata = EventMetadata(metadata)
        sections = event_dict.get("captureData")
        if isinstance(sections, dict):
            if isinstance(section := sections.get("endpointInput"), dict):
                self.endpoint_input = EventData(section)
            if isinstance(section := sections.get("endpointOutput"), dict):
                self.endpoint_output = EventData(section)
            if isinstance(section := sections.get("batchTransformOutput"), dict):
                self.batch_transform_output = EventData(section)
        if isinstance(truth := event_dict.get("groundTruthData"), dict):
            self.ground_truth = EventData(truth)

    def as_dict(self) -> dict[str, Any]:
        """Return the raw line with its sections replaced; the first call mutates it, as published."""
        if not self._event_dict_postprocessed:
            sections = self.event_dict.get("captureData") or {}
            for key, section in self.sections().items():
                if sections.get(key) is not None:
                    sections[key] = section.as_dict()
            self._event_dict_postprocessed = True
        return self.event_dict

    def sections(self) -> dict[str, EventData]:
        """Return the captured sections that are present, by their name in the capture."""
        named = zip(
            SECTIONS, (self.endpoint_input, self.endpoint_output, self.batch_transform_output), strict=True
        )
        return {key: section for key, section in named if section is not None}

    def __str__(self) -> str:
        return str(self.as_dict())


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time; both bounds are aware and UTC."""

    start: datetime
    end: datetime

    @property
    def on_whole_hours(self) -> bool:
        """Whether hour folders alone decide what belongs to the window."""
        return all(t.minute == t.second == t.microsecond == 0 for t in (self.start, self.end))


class Origin(
    msgspec.Struct, frozen=True, gc=False
):  # one per record, and a dataclass costs three times as much
    """Where an item came from."""

    source: str  # address of the object
    line: int  # 1-based line, element or row number within the object
    event_id: str | None = None
    inference_id: str | None = None
    inference_time: str | None = None
    lines_from: int = 0  # the byte of the object at which the counting of lines began

    @property
    def place(self) -> str:
        """Where it came from, as messages say it."""
        return _place(self.source, self.line, self.lines_from)


def _place(source: str, line: int, lines_from: int) -> str:
    return f"{source}:{line} after byte {lines_from:,}" if lines_from else f"{source}:{line}"


class Item(msgspec.Struct, gc=False):  # one per record, as above
    """What a handler is called with, or the default conversion takes.

    `value` is a CapturedData, a CSV line (str), a JSON value or a Parquet row (dict), by `kind`.
    """

    kind: str  # "capture", "csv", "json" or "parquet"
    value: Any
    origin: Origin
    header: bool = False  # a CSV header line


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a row: their names, the section each came from, and whether it has a name of its own.

    `sections` holds "output", "input", SCRIPT or "" per column; unnamed columns are called `_c{position}`.
    Rows of one shape share one Columns, so that `is` tells whether two rows line up.
    """

    names: tuple[str, ...]
    sections: tuple[str, ...]
    named: tuple[bool, ...]


class Row(msgspec.Struct, gc=False):  # one per record, as above
    """One flat row: values in the order of its columns."""

    columns: Columns
    values: Sequence[Any]
    origin: Origin


@dataclass(frozen=True, slots=True)
class Format:
    """How the bytes of a source are read; from `dataset_format` (see `capture.formats.parse_format`).

    `kind` is "capture", "merged", "csv", "json" (one document per object), "jsonlines" or "parquet".
    """

    kind: str
    header: bool = False
    output_columns_position: str = "START"
    sections: tuple[str, ...] = ("endpointInput", "endpointOutput")


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of one object (or one JSON document, or Parquet rows as Arrow IPC), uncompressed.

    The unit that is read at once, and that travels to the process of a user's script.
    """

    source: str
    first_line: int  # 1-based number of the first line, element or row
    data: bytes
    header: str | None = None  # the header line of a CSV object, in each of its blocks
    starts_object: bool = True  # whether this is the first block of the object
    check_time: bool = False  # whether records must be compared with the window one by one
    keep_undated: bool = True  # whether a compared record without a readable time belongs to the window
    lines_from: int = 0  # the byte of the object at which the counting of lines began


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of the input that one worker takes: some objects, read one after the other; or a range of a huge one.

    `check_times` holds, per object, whether its records must be compared with the window one by one, and
    `keep_undated` whether such a record without a readable time belongs to the window all the same. To a range
    belong the lines that begin in it, and the row groups of a table; `end` None is the end of the object.
    """

    objects: tuple[str, ...]
    check_times: tuple[bool, ...] = ()
    keep_undated: tuple[bool, ...] = ()
    start: int = 0
    end: int | None = None

    @property
    def is_cut(self) -> bool:
        """Whether this is a range of one object."""
        return self.start > 0 or self.end is not None

    def to_dict(self) -> JSON:
        """Return the part as JSON values."""
        return {
            "objects": list(self.objects),
            "check_times": list(self.check_times),
            "keep_undated": list(self.keep_undated),
            "start": self.start,
            "end": self.end,
        }

    @classmethod
    def from_dict(cls, data: JSON) -> Part:
        """Rebuild what `to_dict` returned."""
        objects, checks, keeps = data["objects"], data["check_times"], data["keep_undated"]
        return cls(tuple(objects), tuple(checks), tuple(keeps), data["start"], data["end"])


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line or record that cannot be read; `text` is its beginning."""

    source: str
    line: int
    reason: str
    text: str = ""
    lines_from: int = 0  # the byte of the object at which the counting of lines began

    def __str__(self) -> str:
        shown = f" in: {self.text}" if self.text else ""
        return f"{_place(self.source, self.line, self.lines_from)}: {self.reason}{shown}"


@dataclass(slots=True)
class Counts:
    """What a run read, dropped and could not read; adds up over parts, named as in the run summary."""

    objects_selected: int = 0
    objects_unreadable: int = 0
    bytes_read: int = 0
    lines_read: int = 0
    lines_malformed: int = 0
    lines_with_invalid_utf8: int = 0
    records_out_of_window: int = 0
    records_shadow_skipped: int = 0
    records_in: int = 0
    records_dropped_by_script: int = 0
    returned_none: int = 0
    returned_empty: int = 0
    records_failed_in_script: int = 0
    rows_out: int = 0
    rows_off_header: int = 0  # CSV rows with fewer or more fields than their header
    not_tabular: dict[str, int] = field(default_factory=dict)  # content type → sections without columns
    row_widths: dict[int, int] = field(default_factory=dict)  # headerless CSV: width → rows
    rejected: list[Rejected] = field(default_factory=list)  # the first SAMPLES that are malformed
    cut_unreadable: list[str] = field(default_factory=list)  # objects of which a range is unreadable
    warnings: dict[str, int] = field(default_factory=dict)  # text → how often

    def reject(self, origin: Origin, reason: str, text: str = "") -> None:
        """Count one malformed line or record and keep the first ones as samples."""
        self.lines_malformed += 1
        if len(self.rejected) < SAMPLES:
            self.rejected.append(
                Rejected(origin.source, origin.line, reason, text[:SAMPLE_TEXT], origin.lines_from)
            )

    def redact(self) -> None:
        """Take the payload texts out of the samples."""
        self.rejected = [replace(sample, text="") for sample in self.rejected]

    def give_up(self, part: Part, address: str, error: Exception) -> None:
        """Count an object that cannot be read to its end; once, however many of its ranges fail."""
        self.objects_unreadable += 1
        if part.is_cut:
            self.cut_unreadable.append(address)
        self.warn(f"{address} cannot be read to its end, its remaining records are lost: {error}")

    @property
    def malformed(self) -> list[str]:
        """The first lines and records that cannot be read, each as `object:line: reason in: text`."""
        return list(map(str, self.rejected))

    def warn(self, text: str) -> None:
        """Count a warning."""
        self.warnings[text] = self.warnings.get(text, 0) + 1

    def merge(self, other: Counts) -> Counts:
        """Return a new sum of both."""
        total = Counts()
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(total, name, _added(mine, theirs) if isinstance(mine, dict) else mine + theirs)
        total.rejected = total.rejected[:SAMPLES]
        total.cut_unreadable = list(dict.fromkeys(total.cut_unreadable))
        total.objects_unreadable -= len(self.cut_unreadable + other.cut_unreadable) - len(
            total.cut_unreadable
        )
        return total

    @property
    def rows_ragged(self) -> int:
        """CSV rows whose width is not that of their header, or of the widest row where there is none."""
        widest = max(self.row_widths, default=0)
        return self.rows_off_header + sum(rows for width, rows in self.row_widths.items() if width < widest)

    def to_dict(self) -> JSON:
        """Return the counts as JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {
            "row_widths": [[width, rows] for width, rows in self.row_widths.items()],
            "rejected": [list(astuple(sample)) for sample in self.rejected],
        }

    @classmethod
    def from_dict(cls, data: JSON) -> Counts:
        """Rebuild what `to_dict` returned."""
        rejected = [Rejected(*sample) for sample in data["rejected"]]
        return cls(**data | {"row_widths": dict(data["row_widths"]), "rejected": rejected})

    def summary(self) -> JSON:
        """Return what the run summary says of the counts."""
        inner = ("row_widths", "rejected", "cut_unreadable")
        shown = {name: getattr(self, name) for name in self.__slots__ if name not in inner}
        return shown | {"malformed": self.malformed}


def _added(left: dict[K, int], right: dict[K, int]) -> dict[K, int]:
    return {key: left.get(key, 0) + right.get(key, 0) for key in [*left, *right]}


SAMPLES = 20
SAMPLE_TEXT = 200  # characters of one
