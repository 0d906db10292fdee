"""A merge of more labels than fit into memory: both sides are dealt into buckets by a hash of the id.

Two folds over parts, which any engine can do; a third one for captures whose inference id met no label, by their
event id.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from open_model_monitor.capture.ground_truth import Capture, Label, Labels
from open_model_monitor.capture.record import Part
from open_model_monitor.engines.local import Engine, Work
from open_model_monitor.jobs.merge_job import Merged, MergeJob
from open_model_monitor.jobs.merge_reading import read_captures, read_labels
from open_model_monitor.jobs.merged_files import HourWriter
from open_model_monitor.profiling.state import dumps, loads
from open_model_monitor.storage import Stat, Storage, is_remote

DEALT_BYTES, DEALT_FILES = 64 << 20, 4096  # of labels, that one worker deals
PIECE_BYTES = 8 << 20  # of all buckets, that are held before they are written


def in_buckets(
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
        if not groups or size + stat.size > DEALT_BYTES or len(groups[-1]) >= DEALT_FILES:
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
            for key, label in read_labels(storage, address, merged.counts):
                dealer.deal(key, (key, label.truth, label.hour))
        dealer.close()
        return dumps(merged)

    def _deal_captures(self, storage: Storage, part: Part) -> bytes:
        merged, (*objects, folder) = Merged(), part.objects
        part = replace(part, objects=tuple(objects))
        order = f"{zlib.crc32(repr(part).encode()):08x}"
        dealer = _Dealer(storage, f"{self.job.scratch}/captures", order, self.buckets)
        for block, found in read_captures(self.job, storage, part, merged.counts):
            for capture in found:
                key = capture.inference_id or capture.event_id or ""
                dealer.deal(key, _as_dealt(block.source, folder, capture))
        dealer.close()
        return dumps(merged)

    def _join(self, storage: Storage, part: Part) -> bytes:
        merged, (bucket,) = Merged(), part.objects
        known = self._known(storage, bucket)
        writer = HourWriter(self.job, storage, f"part-{bucket}", merged)
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
        writer = HourWriter(self.job, storage, f"part-{bucket}-by-event-id", merged)
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
