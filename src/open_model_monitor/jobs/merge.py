"""The ground-truth run: captures and labels in, merged captures out (`datasets.md` §11).

Labels that fit into memory are held there while captures pass by. More are dealt into buckets by a hash of their id,
captures likewise, and bucket is joined with bucket: two folds, so that any engine can do them.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.ground_truth import (
    HOUR_SECONDS,
    Capture,
    Label,
    Labels,
    captures,
    join,
    labels,
)
from open_model_monitor.capture.items import items
from open_model_monitor.capture.layout import is_capture, plan
from open_model_monitor.capture.record import Block, Counts, Format, Part, Window
from open_model_monitor.engines.local import Engine, Inline, Work
from open_model_monitor.errors import Malformed, NoData, NoLabels
from open_model_monitor.profiling.state import dumps, loads
from open_model_monitor.rows.batch_outputs import batch_outputs
from open_model_monitor.storage import Stat, Storage, is_remote

BUCKET_BYTES = 160 << 20  # of label files in memory at a time, which then take about twice that
MAX_BUCKETS = 512
MAX_FILES = 4096  # of labels, that one worker deals
PIECE_BYTES = 8 << 20  # of a bucket or a merged file that is held before it is written
COVERAGE = "_coverage.json"  # beside merged files; hidden, so that nobody takes it for one

_LABELS = Format("jsonlines")
_HOUR = re.compile(r"(?:^|/)(\d{4})/(\d\d)/(\d\d)/(\d\d)(?=/[^/]+$)")
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)

Progress = Callable[[int, int], None]  # bytes read so far, captures so far


@dataclass(frozen=True, slots=True)
class MergeJob:
    """The description of a merge.

    `output` becomes the root of the merged files: below it the folders that captures have below `source`, by hour.
    `format` is that of captures, or of the outputs of a batch transform. `labels_until` is None for whatever has
    arrived. `scratch` is where buckets are kept meanwhile.
    """

    source: str
    labels: str
    output: str
    scratch: str
    format: Format = field(default_factory=lambda: Format("capture"))
    window: Window | None = None
    lookback: int = 0  # hours of labels before the window that are read as well
    labels_until: datetime | None = None
    variants: tuple[str, ...] = ()
    max_malformed_fraction: float = 0.10

    @property
    def label_window(self) -> Window | None:
        """The hour folders of labels that are read: from the window's start on, for labels come late."""
        if self.window is None:
            return None
        start = max(self.window.start - timedelta(hours=self.lookback), _EARLIEST)
        first = start.replace(minute=0, second=0, microsecond=0)
        return Window(first, self.labels_until or _LATEST)


@dataclass(slots=True)
class Merged:
    """What one part of a merge counted; `hours` are, by folder of merged files, what was counted for it."""

    kind: ClassVar[str] = "merged"

    coverage: Coverage = field(default_factory=Coverage)
    hours: dict[str, Coverage] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)

    def merge(self, other: Self) -> Self:
        """Return a new sum of both."""
        hours = {
            name: self.hours.get(name, Coverage()).merge(other.hours.get(name, Coverage()))
            for name in {**self.hours, **other.hours}
        }
        return type(self)(self.coverage.merge(other.coverage), hours, self.counts.merge(other.counts))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "coverage": self.coverage.to_dict(),
            "hours": {name: one.to_dict() for name, one in self.hours.items()},
            "counts": self.counts.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        hours = {name: Coverage.from_dict(one) for name, one in data["hours"].items()}
        return cls(Coverage.from_dict(data["coverage"]), hours, Counts.from_dict(data["counts"]))


def merge(
    job: MergeJob,
    storage: Storage,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    bucket_bytes: int = BUCKET_BYTES,
) -> Merged:
    """Join captures with labels and write the merged captures.

    Raises NoData if there is no capture or nothing is joined, NoLabels if there is no label yet, Malformed if too
    many lines cannot be read.
    """
    found = _capture_parts(job, storage)
    storage.remove(job.scratch)  # of a merge that was interrupted
    label_files = _label_files(job, storage)
    size = sum(stat.size for stat in label_files)
    if size <= bucket_bytes:
        merged = _directly(job, storage, found, label_files, progress)
    else:
        buckets = min(MAX_BUCKETS, math.ceil(size / bucket_bytes))
        merged = _in_buckets(job, storage, found, label_files, buckets, engine or Inline())
    _judge(job, merged)
    for folder, coverage in merged.hours.items():
        storage.write(f"{folder}/{COVERAGE}", msgspec.json.encode(coverage.to_dict()))
    return merged


# ---------------------------------------------------------------- what is read


def _capture_parts(job: MergeJob, storage: Storage) -> list[tuple[Part, str]]:
    """Return the parts of the captures, each with the folder below the output where it goes; "" if that varies."""
    if is_capture(job.format) or job.window is None:
        planned = plan(storage, job.source, job.format, job.window, variants=job.variants)
        return [(part, "") for part in planned.parts]
    found, hour = [], job.window.start.replace(minute=0, second=0, microsecond=0)
    while hour < job.window.end:  # a manifest lists objects that lie elsewhere: their hour is the manifest's
        folder = f"{hour:%Y/%m/%d/%H}"
        if any(storage.list(f"{job.source}/{folder}")):
            planned = plan(storage, f"{job.source}/{folder}", job.format, None)
            found += [(part, folder) for part in planned.parts]
        hour += timedelta(hours=1)
    if not found:
        raise NoData(
            f"Job inputs had no data: no output of a batch transform below {job.source} in the window"
        )
    return found


def _label_files(job: MergeJob, storage: Storage) -> list[Stat]:
    """Return the files of labels, the latest last: by hour folder, then by when they were written."""
    window = job.label_window
    try:
        planned = plan(storage, job.labels, _LABELS, window, range_bytes=None)
    except NoData as error:
        reach = "" if window is None else f" from {window.start:%Y-%m-%dT%H:00Z} on"
        raise NoLabels(
            f"No labels yet: there is no file of labels in {job.labels}{reach}. Folders that were searched: "
            f"{str(error).partition('no object to read in ')[2] or job.labels}"
        ) from error
    wanted = {address for part in planned.parts for address in part.objects}
    stats = {stat.address: stat for stat in storage.list(job.labels) if stat.address in wanted}
    return sorted(stats.values(), key=lambda stat: (_hour_of(stat.address) or 0, stat.modified, stat.address))


def _hour_of(address: str) -> int | None:
    found = _HOUR.search(address)
    if found is None:
        return None
    year, month, day, hour = map(int, found.groups())
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp() // HOUR_SECONDS)


def _read_labels(storage: Storage, address: str, counts: Counts) -> Iterator[tuple[str, Label]]:
    with closing(blocks(storage, Part((address,)), _LABELS, counts)) as found:
        for block in found:
            yield from labels(block, _hour_of(address), counts)


def _read_captures(
    job: MergeJob, storage: Storage, part: Part, counts: Counts
) -> Iterator[tuple[Block, Iterator[Capture]]]:
    with closing(blocks(storage, part, job.format, counts)) as found:
        for block in found:
            if is_capture(job.format):
                yield block, captures(block, counts, window=job.window, variants=job.variants)
            else:
                records = (batch_outputs(item, counts) for item in items(block, job.format, counts))
                yield block, (capture for one in records for capture in one)


# ---------------------------------------------------------------- one pass, labels in memory


def _directly(
    job: MergeJob,
    storage: Storage,
    parts: Sequence[tuple[Part, str]],
    label_files: Sequence[Stat],
    progress: Progress | None,
) -> Merged:
    merged, known = Merged(), Labels()
    for stat in label_files:
        for key, label in _read_labels(storage, stat.address, merged.counts):
            known.put(key, label)
    writer = _HourWriter(job, storage, "part-00000", merged)
    for part, folder in parts:
        for block, found in _read_captures(job, storage, part, merged.counts):
            writer.join(block.source, folder, found, known)
            if progress is not None:
                progress(merged.counts.bytes_read, merged.coverage.captured)
    writer.close()
    known.settle(merged.coverage)
    return merged


@dataclass(slots=True)
class _HourWriter:
    """Writes merged lines to files by hour, in pieces of bounded size; counts by hour."""

    job: MergeJob
    storage: Storage
    stem: str
    merged: Merged
    _held: dict[str, list[bytes]] = field(default_factory=dict)
    _sizes: dict[str, int] = field(default_factory=dict)
    _pieces: dict[str, int] = field(default_factory=dict)

    def join(
        self,
        source: str,
        folder: str,
        found: Iterable[Capture],
        known: Labels,
        later: list[Capture] | None = None,
    ) -> None:
        """Join captures of one object, or such that go to one folder."""
        below = folder or self._below(source)
        if below is not None:
            self._join(below, found, known, later)
            return
        for hour, alike in groupby(found, lambda capture: capture.hour):  # no folder says where they belong
            self._join(_dated(hour), alike, known, later)

    def _join(self, below: str, found: Iterable[Capture], known: Labels, later: list[Capture] | None) -> None:
        coverage, where = Coverage(), f"{self.job.output}/{below}".rstrip("/")
        lines = join(found, known, coverage, later)
        self.merged.coverage = self.merged.coverage.merge(coverage)
        self.merged.hours[where] = self.merged.hours.get(where, Coverage()).merge(coverage)
        if lines:
            self._held.setdefault(where, []).extend(lines)
            self._sizes[where] = self._sizes.get(where, 0) + sum(map(len, lines))
            if self._sizes[where] >= PIECE_BYTES:
                self._write(where)

    def _below(self, address: str) -> str | None:
        """Return the folder of an object below the source, if it lies in an hour folder."""
        inside = address.removeprefix(f"{self.job.source}/")
        if inside != address and _HOUR.search(inside):
            return inside.rpartition("/")[0]
        found = _HOUR.search(address)
        return found[0].strip("/") if found else None

    def _write(self, where: str) -> None:
        piece = self._pieces.get(where, 0)
        self.storage.write(f"{where}/{self.stem}-{piece:04d}.jsonl", b"".join(self._held.pop(where)))
        self._pieces[where], self._sizes[where] = piece + 1, 0

    def close(self) -> None:
        """Write what is still held."""
        for where in list(self._held):
            self._write(where)


def _dated(hour: int | None) -> str:
    return "" if hour is None else f"{datetime.fromtimestamp(hour * HOUR_SECONDS, UTC):%Y/%m/%d/%H}"


# ---------------------------------------------------------------- by buckets


def _in_buckets(
    job: MergeJob,
    storage: Storage,
    parts: Sequence[tuple[Part, str]],
    label_files: Sequence[Stat],
    buckets: int,
    engine: Engine,
) -> Merged:
    """Deal labels and captures into buckets, join each; then those again that go by another id."""
    dealt = engine.fold(_label_parts(label_files), _Step(job, "labels", buckets), merge_packed)
    counted = loads(dealt, Merged)
    of_captures = [replace(part, objects=(*part.objects, folder)) for part, folder in parts]
    counted = counted.merge(
        loads(engine.fold(of_captures, _Step(job, "captures", buckets), merge_packed), Merged)
    )
    numbered = [Part((f"{bucket:05d}",)) for bucket in range(buckets)]
    joined = loads(engine.fold(numbered, _Step(job, "join", buckets), merge_packed), Merged)
    if storage.list(f"{job.scratch}/again"):
        joined = joined.merge(
            loads(engine.fold(numbered, _Step(job, "again", buckets), merge_packed), Merged)
        )
    return counted.merge(joined)


def _label_parts(files: Sequence[Stat]) -> list[Part]:
    """Deal files out in their order; the first object of a part is its number, by which its labels are ordered."""
    groups: list[list[str]] = []
    size = 0
    for stat in files:
        if not groups or size + stat.size > BUCKET_BYTES or len(groups[-1]) >= MAX_FILES:
            groups.append([])
            size = 0
        groups[-1].append(stat.address)
        size += stat.size
    return [Part((f"{number:06d}", *addresses)) for number, addresses in enumerate(groups)]


def merge_packed(packed: Iterable[bytes]) -> bytes:
    """Merge packed states, in their order."""
    total = Merged()
    for state in packed:
        total = total.merge(loads(state, Merged))
    return dumps(total)


@dataclass(frozen=True, slots=True)
class _Step:
    """Opens a worker for one step of the join; plain values only, so that it travels to any process."""

    job: MergeJob
    step: str
    buckets: int

    @contextmanager
    def __call__(self) -> Iterator[Work]:
        steps = {
            "labels": self._deal_labels,
            "captures": self._deal_captures,
            "join": self._join,
            "again": self._again,
        }
        yield partial(steps[self.step], Storage())

    def _deal_labels(self, storage: Storage, part: Part) -> bytes:
        merged, (order, *addresses) = Merged(), part.objects
        dealer = _Dealer(storage, f"{self.job.scratch}/labels", order, self.buckets)
        for address in addresses:
            for key, label in _read_labels(storage, address, merged.counts):
                dealer.deal(key, (key, label.truth, label.hour))
        dealer.close()
        return dumps(merged)

    def _deal_captures(self, storage: Storage, part: Part) -> bytes:
        merged, (*objects, folder) = Merged(), part.objects
        part = replace(part, objects=tuple(objects))
        order = f"{zlib.crc32(repr(part).encode()):08x}"
        dealer = _Dealer(storage, f"{self.job.scratch}/captures", order, self.buckets)
        for block, found in _read_captures(self.job, storage, part, merged.counts):
            for capture in found:
                key = capture.inference_id or capture.event_id or ""
                dealer.deal(key, _as_dealt(block.source, folder, capture))
        dealer.close()
        return dumps(merged)

    def _join(self, storage: Storage, part: Part) -> bytes:
        merged, (bucket,) = Merged(), part.objects
        known = self._known(storage, bucket)
        writer = _HourWriter(self.job, storage, f"part-{bucket}", merged)
        again = _Dealer(storage, f"{self.job.scratch}/again", bucket, self.buckets)
        for (source, folder), found in _dealt_captures(storage, f"{self.job.scratch}/captures/{bucket}"):
            later: list[Capture] = []
            writer.join(source, folder, found, known, later)
            for capture in later:
                again.deal(capture.event_id or "", _as_dealt(source, folder, capture))
        again.close()
        writer.close()
        known.settle(merged.coverage)
        alone = msgspec.msgpack.encode(list(known.unmatched()))
        storage.write(f"{self.job.scratch}/alone/{bucket}", alone)
        return dumps(merged)

    def _again(self, storage: Storage, part: Part) -> bytes:
        """Join the captures whose inference id met no label by their event id."""
        merged, (bucket,) = Merged(), part.objects
        if not storage.list(f"{self.job.scratch}/again/{bucket}"):
            return dumps(merged)
        known = self._known(storage, bucket)
        writer = _HourWriter(self.job, storage, f"part-{bucket}-by-event-id", merged)
        for (source, folder), found in _dealt_captures(storage, f"{self.job.scratch}/again/{bucket}"):
            writer.join(source, folder, found, known)
        writer.close()
        # The first join counted these labels; those that met a capture only now are no longer alone.
        alone = set(msgspec.msgpack.decode(storage.read(f"{self.job.scratch}/alone/{bucket}")))
        merged.coverage.labels_unmatched -= len(alone.intersection(known.met()))
        return dumps(merged)

    def _known(self, storage: Storage, bucket: str) -> Labels:
        known = Labels()
        for key, truth, hour in _dealt(storage, f"{self.job.scratch}/labels/{bucket}"):
            known.put(key, Label(truth, hour))
        return known


class _Dealer:
    """Writes values into the buckets of their keys, in pieces of bounded size, in order."""

    def __init__(self, storage: Storage, root: str, order: str, buckets: int) -> None:
        self._storage, self._root, self._order = storage, root, order
        self._held: list[bytearray] = [bytearray() for _ in range(buckets)]
        self._pieces = [0] * buckets
        self._most = max(PIECE_BYTES // buckets, 1 << 16)
        self._encode = msgspec.msgpack.Encoder().encode

    def deal(self, key: str, value: tuple[Any, ...]) -> None:
        """Put a value into the bucket of its key."""
        bucket = zlib.crc32(key.encode("utf-8", "surrogatepass")) % len(self._held)
        packed, held = self._encode(value), self._held[bucket]
        held += len(packed).to_bytes(4, "little")
        held += packed
        if len(held) >= self._most:
            self._write(bucket)

    def _write(self, bucket: int) -> None:
        address = f"{self._root}/{bucket:05d}/{self._order}-{self._pieces[bucket]:06d}"
        _put_aside(self._storage, address, self._held[bucket])
        self._held[bucket] = bytearray()
        self._pieces[bucket] += 1

    def close(self) -> None:
        """Write what is still held."""
        for bucket, held in enumerate(self._held):
            if held:
                self._write(bucket)


def _put_aside(storage: Storage, address: str, data: bytearray) -> None:
    """Write a piece that is read again at once and then thrown away: on this machine without waiting for the disk."""
    if is_remote(address):
        storage.write(address, bytes(data))
        return
    path = Path(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _dealt(storage: Storage, folder: str) -> Iterator[Any]:
    decode = msgspec.msgpack.Decoder().decode
    for stat in sorted(storage.list(folder), key=lambda stat: stat.address):
        data = memoryview(storage.read(stat.address))
        place = 0
        while place < len(data):
            size = int.from_bytes(data[place : place + 4], "little")
            yield decode(data[place + 4 : place + 4 + size])
            place += 4 + size


def _as_dealt(source: str, folder: str, capture: Capture) -> tuple[Any, ...]:
    return source, folder, capture.inference_id, capture.event_id, capture.line, capture.hour


def _dealt_captures(storage: Storage, folder: str) -> Iterator[tuple[tuple[str, str], list[Capture]]]:
    """Yield captures with the object and the folder they belong to, some of the same together."""
    where: tuple[str, str] | None = None
    held: list[Capture] = []
    for source, below, inference_id, event_id, line, hour in _dealt(storage, folder):
        if (source, below) != where or len(held) >= 1024:
            if where is not None:
                yield where, held
            where, held = (source, below), []
        held.append(Capture(inference_id, event_id, line, hour))
    if where is not None:
        yield where, held


# ---------------------------------------------------------------- outcome


def _judge(job: MergeJob, merged: Merged) -> None:
    counts, coverage = merged.counts, merged.coverage
    share = counts.lines_malformed / counts.lines_read if counts.lines_read else 0.0
    if share > job.max_malformed_fraction:
        samples = "\n  ".join(counts.malformed)
        raise Malformed(
            f"{counts.lines_malformed} of {counts.lines_read} captures and labels cannot be read ({share:.0%}; at most "
            f"{job.max_malformed_fraction:.0%} may be). The first ones:\n  {samples}"
        )
    if not coverage.captured:
        raise NoData(f"Job inputs had no data: no capture in {job.source} within the window")
    if not coverage.labels:
        raise NoLabels(f"No labels yet: the files in {job.labels} hold no label")
    if not coverage.joined:
        mine = ", ".join(coverage.examples.get("unlabelled", ()))
        theirs = ", ".join(coverage.examples.get("labels_unmatched", ()))
        raise NoData(
            f"None of {coverage.captured} captures has one of {coverage.labels} labels; ids of captures: {mine}; of "
            f"labels (eventMetadata.eventId): {theirs}. A label's id must be the capture's inferenceId if it has one, "
            "else its eventId"
        )


def read_coverage(storage: Storage, objects: Iterable[str]) -> Coverage | None:
    """Return what merges counted in the folders of merged files; None if none of them says anything."""
    total = None
    for folder in dict.fromkeys(address.rpartition("/")[0] for address in objects):
        address = f"{folder}/{COVERAGE}"
        if storage.exists(address):
            one = Coverage.from_dict(msgspec.json.decode(storage.read(address)))
            total = one if total is None else total.merge(one)
    return total
