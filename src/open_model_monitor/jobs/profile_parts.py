"""Steps 2 to 5 of a run, once per part: read, preprocess or convert, batch, profile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial, reduce

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.record import Block, Counts, Format, Part, Window
from open_model_monitor.engines.local import Work
from open_model_monitor.errors import OutsideError, ScriptFailure
from open_model_monitor.jobs.part_state import PartProfiler, PartState, ProfileSettings
from open_model_monitor.jobs.sandbox import Answer
from open_model_monitor.jobs.script_log import Listener
from open_model_monitor.jobs.script_setup import ScriptSetup
from open_model_monitor.profiling.state import dumps, loads
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.lane import Lane
from open_model_monitor.storage import Storage

Progress = Callable[[int, int], None]  # bytes read so far, rows so far


def merge_parts(packed: Iterable[bytes]) -> bytes:
    """Merge packed part states, in their order."""
    return dumps(reduce(PartState.merge, (loads(one, PartState) for one in packed)))


@dataclass(frozen=True, slots=True)
class ProfileParts:
    """Opens a worker that profiles parts; plain values only, so that it travels to any process.

    `progress` and `listener` stay behind when it does.
    """

    format: Format
    window: Window | None
    variants: tuple[str, ...]
    settings: ProfileSettings
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
            converter = Converter(self.format, self.settings.baseline_columns)
            yield partial(self._profile, Storage(), partial(self._convert, converter))
            return
        with self.script.sandbox("preprocessor", self.listener) as sandbox:
            sandbox.start(self.format, self.window, self.variants, self.settings.baseline_columns)
            yield partial(self._profile, Storage(), sandbox.answers)

    def _convert(self, converter: Converter, read: Iterable[Block]) -> Iterator[Answer]:
        lane = Lane(self.format, converter, None, self.window, self.variants)
        for block in read:
            counts = Counts()
            yield Answer(list(lane.batches(block, counts)), counts, [])

    def _profile(
        self, storage: Storage, work: Callable[[Iterable[Block]], Iterator[Answer]], part: Part
    ) -> bytes:
        profiler, read = PartProfiler(self.settings), Counts()
        counts, failures = Counts(), list[ScriptFailure]()
        for answer in work(blocks(storage, part, self.format, read)):
            profiler.add(answer.batches)
            counts = counts.merge(answer.counts)
            failures += answer.failures
            self._go_on(read.bytes_read, counts.rows_out)
        return dumps(profiler.state(counts.merge(read), failures))

    def _go_on(self, read: int, rows: int) -> None:
        """Tell how far it is; raise OutsideError if the time is up."""
        if self.progress is not None:
            self.progress(read, rows)
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutsideError("The run's time limit passed; raise it (--time-limit) or analyse less at once")
