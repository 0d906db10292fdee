"""Merged captures as files: in the hour folders of the captures, with the coverage of each hour beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

import msgspec

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.ground_truth import HOUR_SECONDS, Capture, Labels, join
from open_model_monitor.jobs.merge_job import Merged, MergeJob
from open_model_monitor.jobs.merge_reading import HOUR
from open_model_monitor.storage import Storage

PIECE_BYTES = 8 << 20  # of a file that is held before it is written
COVERAGE = "_coverage.json"  # hidden, so that nobody takes it for captures


@dataclass(slots=True)
class HourWriter:
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
        if inside != address and HOUR.search(inside):
            return inside.rpartition("/")[0]
        found = HOUR.search(address)
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


def write_coverage(storage: Storage, merged: Merged) -> None:
    """Write what was counted in each hour beside its merged files."""
    for folder, coverage in merged.hours.items():
        storage.write(f"{folder}/{COVERAGE}", msgspec.json.encode(coverage.to_dict()))


def read_coverage(storage: Storage, objects: Iterable[str]) -> Coverage | None:
    """Return what merges counted in the folders of merged files; None if none of them says anything."""
    total = None
    for folder in dict.fromkeys(address.rpartition("/")[0] for address in objects):
        address = f"{folder}/{COVERAGE}"
        if storage.exists(address):
            one = Coverage.from_dict(msgspec.json.decode(storage.read(address)))
            total = one if total is None else total.merge(one)
    return total
