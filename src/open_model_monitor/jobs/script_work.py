"""What the process of a preprocessor makes of blocks: the packed state of a part, or the batches of each block."""

from __future__ import annotations

from time import perf_counter  # at once: scripts may replace what the module offers
from typing import Any

from open_model_monitor.capture.ipc import batch_to_ipc
from open_model_monitor.capture.record import Block, Counts
from open_model_monitor.jobs.part_state import PartProfiler, ProfileSettings
from open_model_monitor.profiling.state import dumps
from open_model_monitor.rows.batches import Batcher
from open_model_monitor.rows.lane import InHand, Lane
from open_model_monitor.rows.scripts import Preprocessor
from open_model_monitor.rows.texts import LineReader

TIMED = 8  # the handler is timed in one block of so many: asking for the time is not free


class PartWork:
    """Profiles the rows that a handler makes, part by part; they never leave its process.

    `in_hand[0]` is kept at the line that is worked on.
    """

    def __init__(
        self, lane: Lane, preprocessor: Preprocessor, settings: ProfileSettings, in_hand: InHand
    ) -> None:
        self._lane = lane
        self._preprocessor = preprocessor
        self._settings = settings
        self._in_hand = in_hand
        self._begin()

    def _begin(self) -> None:
        self._counts = Counts()
        self._profiler = PartProfiler(self._settings)
        self._batcher = Batcher(self._counts, reader=LineReader(self._profiler.number_columns))
        self._preprocessor.failures.clear()
        self._blocks = 0
        self._seconds = self._timed_seconds = self._handler_seconds = 0.0

    def take(self, block: Block) -> dict[str, Any]:
        """Profile the rows of one more block; returns how many there are so far."""
        timed, started = self._blocks % TIMED == 0, perf_counter()
        before = self._preprocessor.time_calls(on=timed)
        self._profiler.add(self._lane.feed(block, self._counts, self._batcher, self._in_hand))
        if (batch := self._batcher.settle()) is not None:
            self._profiler.add([batch])
        seconds = perf_counter() - started
        self._blocks += 1
        self._seconds += seconds
        if timed:
            self._timed_seconds += seconds
            self._handler_seconds += self._preprocessor.seconds - before
        return {"rows": self._counts.rows_out}

    def finish(self, read: Counts) -> dict[str, Any]:
        """End the part, of which `read` tells what was read; returns its packed state."""
        if (batch := self._batcher.flush()) is not None:
            self._profiler.add([batch])
        state = self._profiler.state(self._counts.merge(read), self._preprocessor.failures)
        state.seconds = self._seconds
        state.script_seconds = self._seconds * self._handler_seconds / (self._timed_seconds or 1.0)
        self._begin()
        return {"part": dumps(state), "rows": state.counts.rows_out}


class InspectWork:
    """Returns the batches of each block, exactly as the handler's values have it."""

    def __init__(self, lane: Lane, preprocessor: Preprocessor, in_hand: InHand) -> None:
        self._lane = lane
        self._preprocessor = preprocessor
        self._in_hand = in_hand

    def take(self, block: Block) -> dict[str, Any]:
        """Return the batches, the counts and the failures of one block."""
        counts = Counts()
        batcher = Batcher(counts)
        batches = [*self._lane.feed(block, counts, batcher, self._in_hand)]
        if (last := batcher.flush()) is not None:
            batches.append(last)
        failures = [failure.to_dict() for failure in self._preprocessor.failures]
        self._preprocessor.failures.clear()
        return {
            "batches": [batch_to_ipc(batch) for batch in batches],
            "counts": counts.to_dict(),
            "failures": failures,
        }
