"""Look into captures, or any data, before running anything: payloads, rows, columns, what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.formats import format_to_dict
from open_model_monitor.capture.items import items
from open_model_monitor.capture.layout import plan
from open_model_monitor.capture.record import JSON, CapturedData, Counts, Format, Item, Window
from open_model_monitor.capture.sniff import sniff_format
from open_model_monitor.jobs.payload_shapes import json_shape, section_shape, text_shape
from open_model_monitor.profiling.columns import DatasetProfile, resolved_classes
from open_model_monitor.rows.batches import Batcher
from open_model_monitor.rows.convert import Converter
from open_model_monitor.storage import Storage, normalise

LIMIT = 10_000
SAMPLES = 3  # values shown per column
SAMPLE = 60  # characters of one
MAX_SHAPES = 50
NOT_NEEDED, ADVISABLE, NEEDED = "not needed", "advisable", "needed"


@dataclass(frozen=True, slots=True)
class PayloadKind:
    """Payloads of one section that look alike; `section` is "" for data that are no captures."""

    section: str
    encoding: str
    content_type: str
    shape: str
    records: int
    example: str


@dataclass(frozen=True, slots=True)
class ColumnSeen:
    """A column a run would see; `samples` are distinct values as text."""

    name: str
    inferred_type: str
    section: str
    missing: int
    distinct: float
    classes: dict[str, int]
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Autopsy:
    """What was found. `complete` says whether everything was read; `preprocessor` is one of three words."""

    source: str
    format: JSON
    sniffed: bool
    objects: int
    bytes: int
    records: int
    rows: int
    complete: bool
    rows_per_record: dict[int, int]
    payloads: tuple[PayloadKind, ...]
    columns: tuple[ColumnSeen, ...]
    first_time: str | None = None
    last_time: str | None = None
    with_attributes: int = 0
    with_inference_id: int = 0
    malformed: int = 0
    malformed_samples: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    preprocessor: str = NOT_NEEDED
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> JSON:
        """Return the autopsy as JSON values."""
        rows = {str(number): records for number, records in self.rows_per_record.items()}
        return asdict(self) | {"rows_per_record": rows}


def inspect(
    source: str,
    *,
    format: Format | None = None,
    window: Window | None = None,
    variants: tuple[str, ...] = (),
    limit: int = LIMIT,
    storage: Storage | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Autopsy:
    """Read up to `limit` records as a run without a preprocessor would, and describe them.

    `progress` is told how many bytes and records were read. Raises NoData and what storage raises.
    """
    source, storage = normalise(source), storage or Storage()
    read_as = format or sniff_format(storage, source, window)
    planned = plan(storage, source, read_as, window, variants=variants, range_bytes=None)
    seen, counts = _Seen(read_as), Counts()
    complete = True
    for item in _items(planned.parts, read_as, window, variants, counts, storage):
        if seen.records >= limit:
            complete = False
            break
        seen.add(item, counts)
        if progress is not None and seen.records % 500 == 0:
            progress(counts.bytes_read, seen.records)
    seen.finish()
    need, reasons = _need(seen, counts)
    return Autopsy(
        source=source,
        format=format_to_dict(read_as),
        sniffed=format is None,
        objects=planned.objects,
        bytes=planned.bytes,
        records=seen.records,
        rows=seen.profile.rows,
        complete=complete,
        rows_per_record=dict(sorted(seen.rows_per_record.items())),
        payloads=seen.payloads(),
        columns=columns_of(seen.profile, seen.samples),
        first_time=seen.times[0],
        last_time=seen.times[1],
        with_attributes=seen.with_attributes,
        with_inference_id=seen.with_inference_id,
        malformed=counts.lines_malformed,
        malformed_samples=tuple(counts.malformed),
        warnings=(*planned.warnings, *counts.warnings),
        preprocessor=need,
        reasons=tuple(reasons),
    )


def _items(
    parts: Iterable[Any],
    format: Format,
    window: Window | None,
    variants: tuple[str, ...],
    counts: Counts,
    storage: Storage,
) -> Iterator[Item]:
    for part in parts:
        for block in blocks(storage, part, format, counts):
            yield from items(block, format, counts, window=window, variants=variants)


@dataclass(slots=True)
class _Seen:
    """Collects what is seen, record by record."""

    format: Format
    records: int = 0
    rows_per_record: Counter[int] = field(default_factory=Counter)
    times: list[str | None] = field(default_factory=lambda: [None, None])
    with_attributes: int = 0
    with_inference_id: int = 0
    profile: DatasetProfile = field(default_factory=DatasetProfile)
    samples: dict[str, list[str]] = field(default_factory=dict)
    by_section: Counter[str] = field(default_factory=Counter)
    _kinds: dict[tuple[str, str, str, str], list[Any]] = field(default_factory=dict)  # → records, example
    _converter: Converter = field(init=False)
    _batcher: Batcher | None = None

    def __post_init__(self) -> None:
        self._converter = Converter(self.format)

    def add(self, item: Item, counts: Counts) -> None:
        self._batcher = batcher = self._batcher or Batcher(counts)
        rows = self._converter.rows(item, counts)
        for row in rows:
            batcher.add(row)
        if batcher.full:
            self.finish()
        if item.header:
            return
        self.records += 1
        self.rows_per_record[len(rows)] += 1
        if isinstance(item.value, CapturedData):
            self._look_at_record(item.value, item)
        else:
            shape = text_shape(item.value, "csv") if item.kind == "csv" else json_shape(item.value)
            self._count("", "", "", shape, item.value)

    def _look_at_record(self, record: CapturedData, item: Item) -> None:
        sections = dict(record.sections())
        if record.ground_truth is not None:
            sections["groundTruthData"] = record.ground_truth
        for name, section in sections.items():
            self.by_section[name] += 1
            encoding, kind = str(section.encoding or "none"), str(section.observedContentType or "none")
            self._count(name, encoding, kind, section_shape(section), section.data)
        if record.event_metadata is not None and record.event_metadata.custom_attribute:
            self.with_attributes += 1
        self.with_inference_id += item.origin.inference_id is not None
        if (moment := item.origin.inference_time) is not None:
            self.times = [min(self.times[0] or moment, moment), max(self.times[1] or moment, moment)]

    def _count(self, section: str, encoding: str, content_type: str, shape: str, data: Any) -> None:
        key = (section, encoding, content_type, shape)
        if key not in self._kinds and len(self._kinds) >= MAX_SHAPES:
            key = (section, encoding, content_type, "other shapes")
        if key not in self._kinds:
            self._kinds[key] = [0, data if isinstance(data, str) else repr(data)]
        self._kinds[key][0] += 1

    def finish(self) -> None:
        """Profile what was collected."""
        batch = self._batcher.flush() if self._batcher is not None else None
        if batch is not None:
            self.profile.update(batch)
            sample_values(batch, self.samples)

    def payloads(self) -> tuple[PayloadKind, ...]:
        order = {name: place for place, name in enumerate(self.by_section)}
        kinds = [PayloadKind(*key, number, example[:2000]) for key, (number, example) in self._kinds.items()]
        return tuple(sorted(kinds, key=lambda kind: (order.get(kind.section, 0), -kind.records)))


def sample_values(batch: pa.RecordBatch, samples: dict[str, list[str]]) -> None:
    """Add the first distinct values of a batch to `samples`, by column."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        known = samples.setdefault(name, [])
        if len(known) >= SAMPLES:
            continue
        for value in column.slice(0, 200).to_pylist():
            text = str(value).strip()
            if value is not None and text and text not in known and len(known) < SAMPLES:
                known.append(text[:SAMPLE])


def columns_of(profile: DatasetProfile, samples: dict[str, list[str]]) -> tuple[ColumnSeen, ...]:
    """Return the columns of a profile, in order."""
    found = []
    for name, column in profile.ordered():
        kind, classes = resolved_classes(column, profile.rows, numeric=None)
        found.append(
            ColumnSeen(
                name=name,
                inferred_type=kind,
                section=column.section,
                missing=classes["Unknown"],
                distinct=column.distinct_count(numeric=kind in ("Integral", "Fractional")),
                classes={kind: number for kind, number in classes.items() if number and kind != "Unknown"},
                samples=tuple(samples.get(name, ())),
            )
        )
    return tuple(found)


def _need(seen: _Seen, counts: Counts) -> tuple[str, list[str]]:
    """Return whether a preprocessor is needed, and why."""
    if not seen.records:
        return NOT_NEEDED, []
    needed, advisable = [], []
    for kind, number in sorted(counts.not_tabular.items()):
        needed.append(f"{number} payloads are no table ({kind}); only a script can make rows of them")
    if not seen.profile.rows and not needed:
        needed.append("the records give no rows as they are")
    widths = {kind.shape for kind in seen.payloads() if kind.section == "endpointInput"}
    if len(widths) > 1:
        advisable.append(
            f"the inputs come in {len(widths)} shapes, which share columns only by position or name"
        )
    nested = [name for name, column in seen.profile.columns.items() if column.named and len(name) > 80]
    if nested:
        advisable.append(f"deeply nested JSON makes long column names, such as {nested[0][:60]}…")
    wide = len(seen.profile.columns)
    if wide > 1000:
        advisable.append(f"there are {wide} columns; a script can keep those that matter")
    mixed = [name for name, column in seen.profile.columns.items() if _is_mixed(column.classes)]
    if mixed:
        shown = ", ".join(mixed[:3]) + (", …" if len(mixed) > 3 else "")
        advisable.append(f"{len(mixed)} columns mix numbers with text ({shown}) and count as text")
    # Where nothing at all comes of the records, the rest can be helped too; else a script is a choice.
    if needed and seen.profile.rows:
        return ADVISABLE, needed + advisable
    return (NEEDED if needed else ADVISABLE if advisable else NOT_NEEDED), needed + advisable


def _is_mixed(classes: dict[str, int]) -> bool:
    numbers = classes["Integral"] + classes["Fractional"]
    return bool(classes["String"] and numbers)
