"""Steps 2 to 5 of a run, once per part: read, preprocess or convert, batch, profile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Self

import pyarrow as pa

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.record import Block, Counts, Format, Part, Window
from open_model_monitor.engines.local import Work
from open_model_monitor.errors import DataError, OutsideError, ScriptFailure
from open_model_monitor.jobs.sandbox import Answer, Sandbox, ScriptLimits
from open_model_monitor.jobs.script_log import Listener, ScriptLog
from open_model_monitor.jobs.selection import Selected, Selector
from open_model_monitor.monitors.matching import AUTO
from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions
from open_model_monitor.profiling.state import dumps, loads
from open_model_monitor.rows.batches import Joiner
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.lane import Lane
from open_model_monitor.rows.scripts import TRACEBACKS
from open_model_monitor.storage import Storage

MAX_COLUMNS = 20_000  # of a data set; each takes some kilobytes

Progress = Callable[[int, int], None]  # bytes read so far, rows so far


@dataclass(slots=True)
class PartState:
    """What one part yields: its profile, what was counted, which records failed in the script, and which
    columns the settings meant.
    """

    profile: DatasetProfile
    counts: Counts = field(default_factory=Counts)
    failures: list[ScriptFailure] = field(default_factory=list)
    selected: Selected = field(default_factory=Selected)

    kind: ClassVar[str] = "part"

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        return type(self)(
            self.profile.merge(other.profile),
            self.counts.merge(other.counts),
            [*self.failures, *other.failures][:TRACEBACKS],
            self.selected.merge(other.selected),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "profile": self.profile.to_dict(),
            "counts": self.counts.to_dict(),
            "failures": [failure.to_dict() for failure in self.failures],
            "selected": self.selected.to_dict(),
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
        )


def _too_wide(profile: DatasetProfile) -> str:
    latest = ", ".join(repr(name) for name in list(profile.columns)[-3:])
    return (
        f"more than {MAX_COLUMNS:,} columns, the latest {latest}; keys that are ids or values make a column each: "
        "a preprocessing script can give them fixed names"
    )


def merge_parts(left: bytes, right: bytes) -> bytes:
    """Merge two packed part states."""
    return dumps(loads(left, PartState).merge(loads(right, PartState)))


@dataclass(frozen=True, slots=True)
class ScriptSetup:
    """How the process of a preprocessor is started, wherever the worker is."""

    script: Path
    environment: Mapping[str, str]
    cwd: Path
    tree: Path | None
    log: Path
    limits: ScriptLimits

    @contextmanager
    def sandbox(self, role: str, listener: Listener | None = None) -> Iterator[Sandbox]:
        """Start the process; ends it, and closes its log, on leaving."""
        log = ScriptLog(self.log, listener)
        try:
            with Sandbox(
                self.script, role, self.environment, self.cwd, self.tree, log, self.limits
            ) as sandbox:
                yield sandbox
        finally:
            log.close()


@dataclass(frozen=True, slots=True)
class ProfileParts:
    """Opens a worker that profiles parts; plain values only, so that it travels to any process.

    `progress` and `listener` stay behind when it does.
    """

    format: Format
    window: Window | None
    variants: tuple[str, ...]
    baseline_columns: tuple[str, ...]
    excluded: tuple[str, ...]
    options: ProfileOptions
    script: ScriptSetup | None
    deadline: float | None = None
    progress: Progress | None = None
    listener: Listener | None = None
    column_matching: str = AUTO

    def portable(self) -> ProfileParts:
        """Return this without what cannot travel."""
        return replace(self, progress=None, listener=None)

    @contextmanager
    def __call__(self) -> Iterator[Work]:
        """Open the worker; a script is loaded once and sees all its parts."""
        if self.script is None:
            converter = Converter(self.format, self.baseline_columns)
            yield partial(self._profile, Storage(), partial(self._convert, converter))
            return
        with self.script.sandbox("preprocessor", self.listener) as sandbox:
            sandbox.start(self.format, self.window, self.variants, self.baseline_columns)
            yield partial(self._profile, Storage(), sandbox.answers)

    def _convert(self, converter: Converter, read: Iterable[Block]) -> Iterator[Answer]:
        lane = Lane(self.format, converter, None, self.window, self.variants)
        for block in read:
            counts = Counts()
            yield Answer(list(lane.batches(block, counts)), counts, [])

    def _profile(
        self, storage: Storage, work: Callable[[Iterable[Block]], Iterator[Answer]], part: Part
    ) -> bytes:
        selector = Selector(
            self.excluded,
            self.options.missing_values,
            self.baseline_columns,
            column_matching=self.column_matching,
            output_columns_position=self.format.output_columns_position,
        )
        state = PartState(DatasetProfile(self.options), selected=selector.selected)
        read, joiner = Counts(), Joiner()

        def update(batches: Iterable[pa.RecordBatch]) -> None:
            for batch in batches:
                state.profile.update(*selector.select(batch))
                if len(state.profile.columns) > MAX_COLUMNS:
                    raise DataError(_too_wide(state.profile))

        for answer in work(blocks(storage, part, self.format, read)):
            for batch in answer.batches:
                update(joiner.add(batch))
            state.counts = state.counts.merge(answer.counts)
            state.failures = [*state.failures, *answer.failures][:TRACEBACKS]
            self._go_on(read.bytes_read, state.counts.rows_out)
        update(joiner.flush())
        state.counts = state.counts.merge(read)
        return dumps(state)

    def _go_on(self, read: int, rows: int) -> None:
        """Tell how far it is; raise OutsideError if the time is up."""
        if self.progress is not None:
            self.progress(read, rows)
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutsideError("The run's time limit passed; raise it (--time-limit) or analyse less at once")
