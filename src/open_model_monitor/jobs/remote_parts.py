"""Profiling parts on other machines: out go plain values, back come states, what scripts said, and failures."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.failures import pack_error, unpack_error
from open_model_monitor.engines.local import Work
from open_model_monitor.errors import MonitorError, OutsideError, ScriptError
from open_model_monitor.jobs.part_state import PartState
from open_model_monitor.jobs.profile_parts import ProfileParts, Progress, merge_parts
from open_model_monitor.jobs.script_kit import ScriptKit
from open_model_monitor.jobs.script_log import MAX_BYTES, Listener
from open_model_monitor.jobs.script_setup import ScriptSetup
from open_model_monitor.profiling.state import dumps, loads

MAX_LOG = 1 << 20  # characters of a part's log that come back: the first half of them and the last


class _Told(msgspec.Struct):
    """What comes back of a part: its state, or the failure that ended it, and what was seen meanwhile."""

    host: str
    state: bytes = b""
    failure: bytes = b""
    log: str = ""
    read: int = 0
    rows: int = 0

    def count(self, read: int, rows: int) -> None:
        self.read, self.rows = read, rows


@dataclass(frozen=True, slots=True)
class RemoteParts:
    """Opens a worker wherever it is unpickled; a script is started there anew for each part.

    A deadline is a time of one machine's clock, so what is left of it travels.
    """

    work: ProfileParts
    kit: ScriptKit | None = None

    def __reduce__(self) -> Any:
        """Travel as plain values and the seconds that are left."""
        deadline = self.work.deadline
        left = None if deadline is None else deadline - time.monotonic()
        return _arrived, (replace(self.work.portable(), deadline=None), self.kit, left)

    @contextmanager
    def __call__(self) -> Iterator[Work]:
        """Open the worker; failures are in what it returns, for what the script said is to come with them."""
        yield self._work

    def _work(self, part: Part) -> bytes:
        told = _Told(socket.gethostname())
        try:
            with (
                self._script(told) as script,
                replace(self.work, script=script, progress=told.count)() as work,
            ):
                told.state = self._as_packed(work(part), script)
        except MonitorError as error:
            told.failure = pack_error(error)
        return msgspec.msgpack.encode(told)

    @contextmanager
    def _script(self, told: _Told) -> Iterator[ScriptSetup | None]:
        if self.kit is None:
            yield None
            return
        with self.kit.unpacked(self.work.deadline) as script:
            try:
                yield script
            except ScriptError as error:
                raise ScriptError(self.kit.as_packed(error.failure, script.script)) from error
            finally:
                told.log = _shortened(script.log)

    def _as_packed(self, packed: bytes, script: ScriptSetup | None) -> bytes:
        """Let the failures of skipped records name the script's own place as well."""
        if self.kit is None or script is None or not script.limits.skip_failing:
            return packed
        state = loads(packed, PartState)
        state.failures = [self.kit.as_packed(failure, script.script) for failure in state.failures]
        return dumps(state)


def _arrived(work: ProfileParts, kit: ScriptKit | None, left: float | None) -> RemoteParts:
    return RemoteParts(replace(work, deadline=None if left is None else time.monotonic() + left), kit)


def _shortened(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    if len(text) <= MAX_LOG:
        return text
    return (
        f"{text[: MAX_LOG // 2]} …\n{len(text) - MAX_LOG:,} characters were left out\n{text[-MAX_LOG // 2 :]}"
    )


@dataclass(slots=True)
class Arrivals:
    """Takes in what workers return, in the order of the parts."""

    log: Path
    deadline: float | None = None
    progress: Progress | None = None
    listener: Listener | None = None
    _read: int = 0
    _rows: int = 0
    _logged: int = 0

    def merge(self, packed: Iterable[bytes]) -> bytes:
        """Return the merged state of all parts; raises what a part failed with."""
        return merge_parts(map(self._state, packed))

    def _state(self, packed: bytes) -> bytes:
        told = msgspec.msgpack.decode(packed, type=_Told)
        self._keep(told)
        if told.failure:
            raise unpack_error(told.failure)
        self._read, self._rows = self._read + told.read, self._rows + told.rows
        if self.progress is not None:
            self.progress(self._read, self._rows)
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutsideError("The run's time limit passed; raise it (--time-limit) or analyse less at once")
        return told.state

    def _keep(self, told: _Told) -> None:
        """Append a part's log, each line with the host it comes from; nothing beyond what a run's log may hold."""
        if not told.log or self._logged > MAX_BYTES:
            return
        self._logged += len(told.log)
        with self.log.open("a", encoding="utf-8") as file:
            for line in told.log.splitlines():
                moment, _, said = line.partition(" ")
                file.write(f"{moment} {told.host} {said}\n")
                tag, found, text = said.partition(": ")
                if self.listener is not None and found:
                    self.listener(tag, text)
