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
from open_model_monitor.errors import OutsideError, ScriptFailure
from open_model_monitor.jobs.sandbox import Answer, Sandbox, ScriptLimits
from open_model_monitor.jobs.script_log import Listener, ScriptLog
from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions
from open_model_monitor.profiling.state import dumps, loads
from open_model_monitor.rows.batches import Joiner
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.lane import Lane
from open_model_monitor.rows.scripts import TRACEBACKS
from open_model_monitor.storage import Storage

Progress = Callable[[int, int], None]  # bytes read so far, rows so far


@dataclass(slots=True)
class PartState:
    """What one part yields: its profile, what was counted, and which records failed in the script."""

    profile: DatasetProfile
    counts: Counts = field(default_factory=Counts)
    failures: list[ScriptFailure] = field(default_factory=list)

    kind: ClassVar[str] = "part"

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        return type(self)(
            self.profile.merge(other.profile),
            self.counts.merge(other.counts),
            [*self.failures, *other.failures][:TRACEBACKS],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "profile": self.profile.to_dict(),
            "counts": self.counts.to_dict(),
            "failures": [failure.to_dict() for failure in self.failures],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        failures = [ScriptFailure(**failure) for failure in data["failures"]]
        return cls(DatasetProfile.from_dict(data["profile"]), Counts.from_dict(data["counts"]), failures)


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
        state = PartState(DatasetProfile(self.options))
        read, joiner = Counts(), Joiner()
        for answer in work(blocks(storage, part, self.format, read)):
            for batch in answer.batches:
                for joined in joiner.add(self._kept(batch)):
                    state.profile.update(joined)
            state.counts = state.counts.merge(answer.counts)
            state.failures = [*state.failures, *answer.failures][:TRACEBACKS]
            if self.progress is not None:
                self.progress(read.bytes_read, state.counts.rows_out)
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise OutsideError(
                    "The run's time limit passed; raise it (--time-limit) or analyse less at once"
                )
        for joined in joiner.flush():
            state.profile.update(joined)
        state.counts = state.counts.merge(read)
        return dumps(state)

    def _kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if not self.excluded:
            return batch
        names = batch.schema.names
        places = {str(i): name for i, name in enumerate(names)}
        gone = {key if key in names else places.get(key, key) for key in self.excluded}
        return batch.select([name for name in names if name not in gone])
