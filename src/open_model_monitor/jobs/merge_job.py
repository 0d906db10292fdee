"""What a merge is told, and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Self

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.record import Counts, Format, Window

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
