"""What one part yields, and who gathers it: batches in, a state out. Runs wherever the batches are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import pyarrow as pa

from open_model_monitor.capture.record import Counts
from open_model_monitor.errors import DataError, ScriptFailure
from open_model_monitor.jobs.segments import merged_segments, refuse_too_many, rows_by_segment
from open_model_monitor.jobs.selection import SEGMENT_BY, Selected, Selector, place_of
from open_model_monitor.monitors.matching import AUTO
from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions
from open_model_monitor.profiling.quality import QualityOptions, QualityProfile
from open_model_monitor.rows.batches import Joiner
from open_model_monitor.rows.labelled import SEGMENT, Attributes
from open_model_monitor.rows.scripts import TRACEBACKS

Profile = DatasetProfile | QualityProfile

MAX_COLUMNS = 20_000  # of a data set; each takes up to 220 kB, if it holds many numbers


@dataclass(slots=True)
class PartState:
    """What one part yields: its profile, what was counted, which records failed in the script, and which
    columns the settings meant.

    `seconds` of a part with a script is the time its process worked, `script_seconds` the user's own share of it.
    """

    profile: Profile
    counts: Counts = field(default_factory=Counts)
    failures: list[ScriptFailure] = field(default_factory=list)
    selected: Selected = field(default_factory=Selected)
    seconds: float = 0.0
    script_seconds: float = 0.0
    segments: dict[str, Profile] = field(
        default_factory=dict
    )  # by the value of the column that tells them apart

    kind: ClassVar[str] = "part"

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        return type(self)(
            merged(self.profile, other.profile),
            self.counts.merge(other.counts),
            [*self.failures, *other.failures][:TRACEBACKS],
            self.selected.merge(other.selected),
            self.seconds + other.seconds,
            self.script_seconds + other.script_seconds,
            merged_segments(self.segments, other.segments, merged),
        )

    def take(self, other: Self) -> None:
        """Merge what comes after this into it; `other` is used up."""
        self.profile.take(other.profile)  # type: ignore[arg-type]  # which is of the same kind
        self.counts = self.counts.merge(other.counts)
        self.failures = [*self.failures, *other.failures][:TRACEBACKS]
        self.selected = self.selected.merge(other.selected)
        self.seconds += other.seconds
        self.script_seconds += other.script_seconds
        self.segments = merged_segments(self.segments, other.segments, merged)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "of": self.profile.kind,
            "profile": self.profile.to_dict(),
            "counts": self.counts.to_dict(),
            "failures": [failure.to_dict() for failure in self.failures],
            "selected": self.selected.to_dict(),
            "seconds": self.seconds,
            "script_seconds": self.script_seconds,
            "segments": {name: profile.to_dict() for name, profile in self.segments.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        failures = [ScriptFailure(**failure) for failure in data["failures"]]
        profile = _KINDS[data["of"]]
        return cls(
            profile.from_dict(data["profile"]),
            Counts.from_dict(data["counts"]),
            failures,
            Selected.from_dict(data["selected"]),
            data["seconds"],
            data["script_seconds"],
            {name: profile.from_dict(segment) for name, segment in data["segments"].items()},
        )


_KINDS: dict[str, type[DatasetProfile] | type[QualityProfile]] = {
    kind.kind: kind for kind in (DatasetProfile, QualityProfile)
}


def merged(left: Profile, right: Profile) -> Profile:
    """Return a new profile of both, which are of one kind."""
    return left.merge(right)  # type: ignore[arg-type]


def _too_wide(names: Sequence[str]) -> str:
    latest = ", ".join(map(repr, names[-3:]))
    return (
        f"more than {MAX_COLUMNS:,} columns, the latest {latest}; keys that are ids or values make a column each: "
        "a preprocessing script can give them fixed names"
    )


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """What gathering a part must know; plain values only, so that it travels to any process.

    With `quality` and `attributes` predictions and their labels are gathered instead of columns.
    """

    options: ProfileOptions = field(default_factory=ProfileOptions)
    excluded: tuple[str, ...] = ()
    baseline_columns: tuple[str, ...] = ()
    column_matching: str = AUTO
    output_columns_position: str = "START"
    quality: QualityOptions | None = None
    attributes: Attributes | None = None
    segment_by: str | None = None
    max_segments: int = 50

    def profile(self) -> Profile:
        """Return an empty profile."""
        return DatasetProfile(self.options) if self.quality is None else QualityProfile(self.quality)


class PartProfiler:
    """Gathers the batches of one part, in order."""

    def __init__(self, settings: ProfileSettings) -> None:
        self._selector = Selector(
            settings.excluded,
            settings.options.missing_values,
            settings.baseline_columns,
            column_matching=settings.column_matching,
            output_columns_position=settings.output_columns_position,
        )
        self._settings = settings
        self._profile = settings.profile()
        self._segments: dict[str, Profile] = {}
        self._joiner = Joiner()

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take batches; raises DataError if they have too many columns."""
        for batch in batches:
            self._update(self._joiner.add(batch))

    def _update(self, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in batches:
            if batch.num_columns > MAX_COLUMNS:
                raise DataError(_too_wide(batch.schema.names))
            chosen, meant = self._selector.select(batch)
            self._profile.update(chosen, meant)
            if self._settings.segment_by is not None:
                self._update_segments(batch, self._settings.segment_by)
            if isinstance(self._profile, DatasetProfile) and self._profile.width > MAX_COLUMNS:
                raise DataError(_too_wide(list(self._profile.columns)))

    def _update_segments(self, batch: pa.RecordBatch, column: str) -> None:
        names = tuple(batch.schema.names)
        place = names.index(SEGMENT) if self._settings.quality else place_of(column, names)
        if place is None:
            self._selector.selected.columns |= dict.fromkeys(names)  # to be named, should no batch have it
            values = pa.nulls(batch.num_rows, pa.string())
        else:
            self._selector.selected.met.add(SEGMENT_BY + column)
            values = batch.column(place)
        for name, rows in rows_by_segment(batch, values):
            if name not in self._segments:
                self._segments[name] = self._settings.profile()
                refuse_too_many(self._segments, column, self._settings.max_segments)
            self._segments[name].update(*self._selector.select(rows))

    def number_columns(self) -> Mapping[str, str]:
        """See `DatasetProfile.number_columns`; knows of all batches so far."""
        self._update(self._joiner.flush())
        return self._profile.number_columns()

    def state(self, counts: Counts, failures: list[ScriptFailure]) -> PartState:
        """Return the state of the part, which ends with this."""
        self._update(self._joiner.flush())
        selected = self._selector.selected
        return PartState(self._profile, counts, failures[:TRACEBACKS], selected, segments=self._segments)
