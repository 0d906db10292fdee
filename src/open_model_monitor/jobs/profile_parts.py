"""Steps 2 to 5 of a run, once per part: read, preprocess or convert, batch, profile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.record import Counts, Format, Part, Window
from open_model_monitor.engines.local import Work
from open_model_monitor.errors import EngineError, OutsideError
from open_model_monitor.jobs.allocator import give_back_freed_memory, keep_freed_memory
from open_model_monitor.jobs.part_state import PartProfiler, PartState, ProfileSettings
from open_model_monitor.jobs.sandbox import Sandbox
from open_model_monitor.jobs.script_log import Listener
from open_model_monitor.jobs.script_setup import ScriptSetup
from open_model_monitor.profiling.state import dumps, loads
from open_model_monitor.rows.batches import Batcher
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.fast import FastLane
from open_model_monitor.rows.labelled import Attributes, Labeller
from open_model_monitor.rows.lane import Lane
from open_model_monitor.storage import Storage

Progress = Callable[[int, int], None]  # bytes read so far, rows so far


def merge_parts(packed: Iterable[bytes]) -> bytes:
    """Merge packed part states, in their order."""
    merged: PartState | None = None
    for one in packed:
        state = loads(one, PartState)
        del one
        if merged is None:
            merged = state
        else:
            merged.take(state)
        del state  # the next one may take minutes
        give_back_freed_memory()
    if merged is None:
        raise ValueError("no parts")
    return dumps(merged)


@dataclass(frozen=True, slots=True)
class ProfileParts:
    """Opens a worker that profiles parts; plain values only, so that it travels to any process.

    `progress`, `listener` and `stop` stay behind when it does.
    """

    format: Format
    window: Window | None
    variants: tuple[str, ...]
    settings: ProfileSettings
    script: ScriptSetup | None
    deadline: float | None = None
    progress: Progress | None = None
    listener: Listener | None = None
    stop: threading.Event | None = None  # set when the result is no longer wanted

    def portable(self) -> ProfileParts:
        """Return this without what cannot travel."""
        return replace(self, progress=None, listener=None, stop=None)

    @contextmanager
    def __call__(self) -> Iterator[Work]:
        """Open the worker; a script is loaded once and sees all its parts."""
        if self.script is None:
            keep_freed_memory()
            converter = Converter(self.format, self.settings.baseline_columns)
            if self.settings.attributes is not None:
                yield partial(self._labelled, Storage(), converter, self.settings.attributes)
            else:
                yield partial(self._profile, Storage(), converter)
            return
        with self.script.sandbox("preprocessor", self.listener) as sandbox:
            sandbox.start(self.format, self.window, self.variants, settings=self.settings)
            yield partial(self._script, Storage(), sandbox)

    def _script(self, storage: Storage, sandbox: Sandbox, part: Part) -> bytes:
        """Read the part; the script's process does the rest."""
        read = Counts()
        with closing(blocks(storage, part, self.format, read)) as found:
            return sandbox.profile(found, read, lambda rows: self._go_on(read.bytes_read, rows))

    def _profile(self, storage: Storage, converter: Converter, part: Part) -> bytes:
        lane = Lane(self.format, converter, None, self.window, self.variants)
        profiler, read, counts = PartProfiler(self.settings), Counts(), Counts()
        fast = FastLane(lane, profiler.number_columns)
        with closing(blocks(storage, part, self.format, read)) as found:
            for block in found:
                profiler.add(fast.batches(block, counts))
                self._go_on(read.bytes_read, counts.rows_out)
        profiler.add(fast.flush(counts))
        self._go_on(read.bytes_read, counts.rows_out)
        return dumps(profiler.state(counts.merge(read), []))

    def _labelled(self, storage: Storage, converter: Converter, attributes: Attributes, part: Part) -> bytes:
        labeller = Labeller(attributes, converter)
        lane = Lane(self.format, converter, labeller.rows, self.window, self.variants)
        profiler, read, counts = PartProfiler(self.settings), Counts(), Counts()
        batcher = Batcher(counts)
        with closing(blocks(storage, part, self.format, read)) as found:
            for block in found:
                profiler.add(lane.feed(block, counts, batcher))
                self._go_on(read.bytes_read, counts.rows_out)
        if (last := batcher.flush()) is not None:
            profiler.add([last])
        return dumps(profiler.state(counts.merge(read), []))

    def _go_on(self, read: int, rows: int) -> None:
        """Tell how far it is; raise OutsideError if the time is up."""
        if self.progress is not None:
            self.progress(read, rows)
        if self.stop is not None and self.stop.is_set():
            raise EngineError("the run ended before this part did")
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutsideError("The run's time limit passed; raise it (--time-limit) or analyse less at once")
