"""A user's script in a process of its own: start it, feed it blocks, catch its output, watch its limits.

Process separation, a cleaned environment, a memory limit and the run's time budget; no promise beyond that:
scripts are trusted code (SECURITY.md).
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

import msgspec
import pyarrow as pa

from open_model_monitor.capture.ipc import batch_from_ipc
from open_model_monitor.capture.items import items
from open_model_monitor.capture.record import Block, Counts, Format, Item, Window
from open_model_monitor.errors import DataError, EngineError, ScriptError, ScriptFailure
from open_model_monitor.jobs.part_state import ProfileSettings
from open_model_monitor.jobs.sandbox_child import END, PLACE
from open_model_monitor.jobs.script_log import ScriptLog
from open_model_monitor.rows.script_failures import sha256_of, with_record

SLOW_CALL = 60.0  # seconds a single call may take before a warning
IN_FLIGHT = 2  # blocks sent ahead of the answers
PIPE_BYTES = 1 << 20  # as much as Linux grants everybody
_GRACE = 2.0  # seconds for the last output of an ended process


@dataclass(frozen=True, slots=True)
class ScriptLimits:
    """What a script may use, and how its faults count.

    `deadline` is a time of `time.monotonic`; None for no limit. `isolation` is "auto" (a mount namespace where
    the system grants one, else redirection), "namespace" or "redirect".
    """

    memory_bytes: int = 4 << 30
    deadline: float | None = None
    skip_failing: bool = False
    redact: bool = False
    log_level: str = "INFO"
    seed: int | None = None
    isolation: str = "auto"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script made of one block."""

    batches: list[pa.RecordBatch]
    counts: Counts
    failures: list[ScriptFailure]
    log_lines: int = 0  # tagged lines that the script had written by then


@dataclass(slots=True)
class Sandbox:
    """One script's process; a context manager that ends it.

    `tree` holds the private opt/ml (None: /opt/ml is real, as in a container); `cwd` is the script's own folder.
    """

    script: Path
    role: str
    environment: Mapping[str, str]
    cwd: Path
    tree: Path | None
    log: ScriptLog
    limits: ScriptLimits = ScriptLimits()
    view: str = ""  # how the script sees /opt/ml: "namespace", "redirected" or "container"
    _process: subprocess.Popen[bytes] = field(init=False, repr=False)
    _inbox: Connection = field(init=False, repr=False)
    _outbox: Connection = field(init=False, repr=False)
    _place: mmap.mmap = field(init=False, repr=False)
    _drains: list[threading.Thread] = field(default_factory=list, repr=False)
    _sent: deque[Block] = field(default_factory=deque, repr=False)
    _answered: int = 0
    _reader: tuple[Format, Window | None, tuple[str, ...]] | None = None

    def __enter__(self) -> Self:
        """Start the process; the script is loaded by `start` or `postprocess`."""
        theirs_in, outbox = os.pipe()
        inbox, theirs_out = os.pipe()
        _widen(outbox)
        log_out, log_in = os.pipe()
        with tempfile.TemporaryFile() as shared:
            shared.truncate(PLACE.size)
            self._place = mmap.mmap(shared.fileno(), PLACE.size)
            given = (theirs_in, theirs_out, log_in, shared.fileno())
            self._process = subprocess.Popen(  # noqa: S603 — our own interpreter
                [sys.executable, "-P", "-m", "open_model_monitor.jobs.sandbox_child", *map(str, given)],
                env=dict(self.environment),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=given,
                start_new_session=True,
            )
        for descriptor in (theirs_in, theirs_out, log_in):
            os.close(descriptor)
        self._outbox = Connection(outbox, readable=False)
        self._inbox = Connection(inbox, writable=False)
        self._listen(cast(BinaryIO, self._process.stdout), "stdout")
        self._listen(cast(BinaryIO, self._process.stderr), "stderr")
        self._listen(os.fdopen(log_out, "rb"), "stdout")
        return self

    def _listen(self, pipe: BinaryIO, tag: str) -> None:
        thread = threading.Thread(target=self.log.drain, args=(pipe, tag), daemon=True)
        thread.start()
        self._drains.append(thread)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outbox.close()
        if kind is not None:
            self._kill()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        self._kill()  # whatever the script left running
        self._catch_up()
        self._inbox.close()
        self._place.close()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _catch_up(self) -> None:
        end = time.monotonic() + _GRACE
        for thread in self._drains:
            thread.join(max(0.0, end - time.monotonic()))

    # ------------------------------------------------------------ the two roles

    def start(
        self,
        format_: Format,
        window: Window | None = None,
        variants: tuple[str, ...] = (),
        baseline_columns: tuple[str, ...] = (),
        *,
        settings: ProfileSettings | None = None,
    ) -> None:
        """Load a preprocessor; with `settings` it will `profile` parts, without it gives `answers`.

        Raises ScriptError if it cannot be loaded.
        """
        self._reader = (format_, window, variants)
        self._order(
            format=format_,
            window=window,
            variants=variants,
            baseline_columns=settings.baseline_columns if settings else baseline_columns,
            settings=settings,
        )
        self.view = self._receive()["ready"]

    def answers(self, blocks: Iterable[Block]) -> Iterator[Answer]:
        """Yield the answer to each block, in order; the next blocks are worked on meanwhile.

        Raises ScriptError as soon as a record fails, the process dies or the time limit passes.
        """
        for answer in self._exchange(blocks):
            yield Answer(
                [batch_from_ipc(batch) for batch in answer["batches"]],
                Counts.from_dict(answer["counts"]),
                [ScriptFailure(**failure) for failure in answer["failures"]],
                answer["log_lines"],
            )

    def profile(self, blocks: Iterable[Block], read: Counts, rows_so_far: Callable[[int], None]) -> bytes:
        """Return the packed state of a part, of which `read` tells in the end what was read.

        Raises ScriptError like `answers`, DataError for rows that no profile can take.
        """
        for answer in self._exchange(blocks):
            rows_so_far(answer["rows"])
        self._send(END, msgspec.msgpack.encode(read.to_dict()))
        rows_so_far(self._receive()["rows"])
        try:
            return (
                self._inbox.recv_bytes()
            )  # by itself: a state is large, and a message is decoded into a copy
        except (EOFError, OSError):
            raise self._died() from None

    def _exchange(self, blocks: Iterable[Block]) -> Iterator[dict[str, Any]]:
        sending: queue.Queue[Block | None] = queue.Queue()
        sender = threading.Thread(target=self._send_all, args=(sending,), daemon=True)
        sender.start()
        try:
            for block in blocks:
                self._sent.append(block)
                sending.put(block)
                if len(self._sent) > IN_FLIGHT:
                    yield self._answer()
            while self._sent:
                yield self._answer()
        finally:
            sending.put(None)

    def _send_all(self, sending: queue.Queue[Block | None]) -> None:
        while (block := sending.get()) is not None:
            self._send(msgspec.msgpack.encode(replace(block, data=b"")), block.data)

    def _send(self, head: bytes, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the process is gone; whoever waits for its answer finds out why
            self._outbox.send_bytes(head)
            self._outbox.send_bytes(data)

    def _answer(self) -> dict[str, Any]:
        answer = self._receive()
        self._sent.popleft()
        self._answered += 1
        return answer

    def postprocess(self) -> None:
        """Load and call a postprocessor.

        Raises ScriptError if it fails.
        """
        self._order()
        self._receive()

    # ------------------------------------------------------------ talking to the process

    def _order(self, **more: Any) -> None:
        order = {
            "role": self.role,
            "script": str(self.script),
            "tree": None if self.tree is None else str(self.tree),
            "isolation": self.limits.isolation,
            "memory_bytes": self.limits.memory_bytes,
            "skip_failing": self.limits.skip_failing,
            "redact": self.limits.redact,
            "log_level": self.limits.log_level,
            "seed": self.limits.seed,
            **more,
        }
        try:
            self._outbox.send_bytes(msgspec.msgpack.encode(order))
        except OSError:
            raise self._died() from None

    def _receive(self) -> dict[str, Any]:
        self._await()
        try:
            answer: dict[str, Any] = msgspec.msgpack.decode(self._inbox.recv_bytes())
        except (EOFError, OSError):
            raise self._died() from None
        if "refused" in answer:
            raise EngineError(answer["refused"])
        if "data_error" in answer:
            raise DataError(answer["data_error"])
        if "failure" in answer:
            self._catch_up()
            raise ScriptError(replace(ScriptFailure(**answer["failure"]), log_tail=list(self.log.tail)))
        return answer

    def _await(self) -> None:
        """Wait for an answer; warn about a call that takes long, end the process at the deadline."""
        place, since, warned = self._in_hand(), time.monotonic(), False
        while not wait([self._inbox], timeout=0.5):
            now = time.monotonic()
            if (at := self._in_hand()) != place:
                place, since, warned = at, now, False
            elif not warned and now - since > SLOW_CALL:
                warned = True
                self.log.add(
                    "WARNING omm", f"a single call takes more than {SLOW_CALL:.0f} s: {self._where()}"
                )
            if self.limits.deadline is not None and now > self.limits.deadline:
                raise self._out_of_time()

    def _in_hand(self) -> tuple[int, int]:
        return cast(tuple[int, int], PLACE.unpack_from(self._place, 0))

    def _item_in_hand(self) -> Item | None:
        sequence, line = self._in_hand()
        ahead = sequence - 1 - self._answered
        if self._reader is None or line == 0 or not 0 <= ahead < len(self._sent):
            return None
        format_, window, variants = self._reader
        read = items(self._sent[ahead], format_, Counts(), window=window, variants=variants)
        return next((item for item in read if item.origin.line == line), None)

    def _where(self) -> str:
        item = self._item_in_hand()
        return f"{item.origin.source} line {item.origin.line}" if item else "while it was loading"

    def _out_of_time(self) -> ScriptError:
        self._kill()
        self._catch_up()
        return self._failure(
            "TimeLimitExceeded",
            f"the run's time limit passed while the {self.role} was working",
            "raise the limit (--time-limit), or look for an endless loop or a slow call in the script",
        )

    def _died(self) -> ScriptError | EngineError:
        try:
            code = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return EngineError(f"the process of {self.script.name} stopped answering")
        self._catch_up()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        remedy = "see the log for its last output"
        if code == -signal.SIGKILL:
            remedy = "SIGKILL usually means that the machine ran out of memory; work on less at once"
        return self._failure("ProcessDied", f"the process of the script {how}", remedy)

    def _failure(self, kind: str, message: str, remedy: str) -> ScriptError:
        item = self._item_in_hand()
        loading = self.role == "preprocessor" and not self.view
        failure = ScriptFailure(
            role=self.role,
            phase="load" if loading else "call",
            script=self.script.name,
            exception_type=kind,
            message=message,
            remedy=remedy,
            script_sha256=sha256_of(self.script),
            log_tail=list(self.log.tail),
        )
        if item is not None:
            failure = with_record(failure, item, redact=self.limits.redact)
        return ScriptError(failure)


def _widen(pipe: int) -> None:
    """Let a pipe hold a whole block where the system can: each side then wakes once for it, not eight times."""
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
