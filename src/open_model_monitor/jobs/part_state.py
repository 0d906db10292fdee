"""What one part yields, and who gathers it: batches in, a state out. Runs wherever the batches are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import pyarrow as pa

from open_model_monitor.capture.record import Counts
from open_model_monitor.errors import DataError, ScriptFailure
from open_model_monitor.jobs.selection import Selected, Selector
from open_model_monitor.monitors.matching import AUTO
from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions
from open_model_monitor.rows.batches import Joiner
from open_model_monitor.rows.scripts import TRACEBACKS

MAX_COLUMNS = 20_000  # of a data set; each takes up to 220 kB, if it holds many numbers


@dataclass(slots=True)
class PartState:
    """What one part yields: its profile, what was counted, which records failed in the script, and which
    columns the settings meant.

    `seconds` of a part with a script is the time its process worked, `script_seconds` the user's own share of it.
    """

    profile: DatasetProfile
    counts: Counts = field(default_factory=Counts)
    failures: list[ScriptFailure] = field(default_factory=list)
    selected: Selected = field(default_factory=Selected)
    seconds: float = 0.0
    script_seconds: float = 0.0

    kind: ClassVar[str] = "part"

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        return type(self)(
            self.profile.merge(other.profile),
            self.counts.merge(other.counts),
            [*self.failures, *other.failures][:TRACEBACKS],
            self.selected.merge(other.selected),
            self.seconds + other.seconds,
            self.script_seconds + other.script_seconds,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "profile": self.profile.to_dict(),
            "counts": self.counts.to_dict(),
            "failures": [failure.to_dict() for failure in self.failures],
            "selected": self.selected.to_dict(),
            "seconds": self.seconds,
            "script_seconds": self.script_seconds,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        failures = [ScriptFailure(**failure) for failure in data["failures"]]
        return cls(
            DatasetProfile.from_dict(data["profile"]),
            Counts.from_dict(data["counts"]),
            failures,
            Selected.from_dict(data["selected"]),
            data["seconds"],
            data["script_seconds"],
        )


def _too_wide(names: Sequence[str]) -> str:
    latest = ", ".join(map(repr, names[-3:]))
    return (
        f"more than {MAX_COLUMNS:,} columns, the latest {latest}; keys that are ids or values make a column each: "
        "a preprocessing script can give them fixed names"
    )


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """What gathering a part must know; plain values only, so that it travels to any process."""

    options: ProfileOptions = field(default_factory=ProfileOptions)
    excluded: tuple[str, ...] = ()
    baseline_columns: tuple[str, ...] = ()
    column_matching: str = AUTO
    output_columns_position: str = "START"


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
        self._profile = DatasetProfile(settings.options)
        self._joiner = Joiner()

    def add(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Take batches; raises DataError if they have too many columns."""
        for batch in batches:
            self._update(self._joiner.add(batch))

    def _update(self, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in batches:
            if batch.num_columns > MAX_COLUMNS:
                raise DataError(_too_wide(batch.schema.names))
            self._profile.update(*self._selector.select(batch))
            if self._profile.width > MAX_COLUMNS:
                raise DataError(_too_wide(list(self._profile.columns)))

    def number_columns(self) -> Mapping[str, str]:
        """See `DatasetProfile.number_columns`; knows of all batches so far."""
        self._update(self._joiner.flush())
        return self._profile.number_columns()

    def state(self, counts: Counts, failures: list[ScriptFailure]) -> PartState:
        """Return the state of the part, which ends with this."""
        self._update(self._joiner.flush())
        return PartState(self._profile, counts, failures[:TRACEBACKS], self._selector.selected)
