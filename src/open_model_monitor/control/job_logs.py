"""The log of a job: lines become events of a stream in the store, in batches; and are read from there."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import Self

from sqlalchemy import func, select

from open_model_monitor.control.store import Row, Store, Transaction
from open_model_monitor.control.tables import log_events
from open_model_monitor.errors import StoreError

MAX_LINE = 256 << 10  # bytes, as of an event of CloudWatch Logs
MAX_BATCH = 500  # lines
MAX_WAITING = 64 << 20  # characters that are kept while the database is away
PAUSE = 0.5  # seconds between two batches
LONGEST_PAUSE = 10.0  # between two tries
PATIENCE = 30.0  # seconds to wait for the database in the end
TRIES = 3  # for a batch that the database refuses

log = logging.getLogger(__name__)


def stream_name(transaction: Transaction, job: Row, now: datetime) -> str:
    """Return the stream of a job: that of a former attempt, so that readers see one log, else a new one."""
    former = transaction.scalar(
        select(log_events.c.stream).where(log_events.c.job == job["id"]).order_by(log_events.c.time.desc())
    )
    return former or f"{job['name']}/algo-1-{int(now.timestamp() * 1000)}"


@dataclass(frozen=True, slots=True)
class _Line:
    time: datetime
    text: str


class JobLog:
    """Collects lines from any thread and writes them beside; a context manager that writes the last ones.

    Whatever happens to the database never disturbs the job: batches are tried again, what cannot be kept is counted
    and told. After `max_lines` lines the rest is only counted.
    """

    def __init__(
        self, store: Store, job_id: str, stream: str, *, max_lines: int, clock: Callable[[], datetime]
    ) -> None:
        self._store, self._job, self._stream, self._clock = store, job_id, stream, clock
        self._max_lines = max_lines
        self._guard = threading.Lock()
        self._waiting: deque[_Line] = deque()
        self._bytes = self._lines = self._suppressed = self._lost = 0
        self._place: int | None = None  # of the next event; unknown until the store was asked
        self._pause, self._refused = PAUSE, 0
        self._wake, self._over = threading.Event(), threading.Event()
        self._writer = threading.Thread(target=self._write_all, daemon=True, name=f"log of {stream}")

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            if self._suppressed:
                limit = f"max_log_lines={self._max_lines:,}"
                self._append(f"… {self._suppressed:,} more lines were not kept ({limit})")
            if self._lost:
                self._append(f"… {self._lost:,} lines were lost while the database could not be reached")
        self._over.set()
        self._wake.set()
        self._writer.join()
        end = time.monotonic() + (PATIENCE if kind is None else 0.0)
        while not self._write() and time.monotonic() < end:
            time.sleep(PAUSE)
        if self._waiting:
            log.error("%d lines of the log %s could not be kept", len(self._waiting), self._stream)

    def add(self, text: str) -> None:
        """Take a line; one that is too long is cut, with a note."""
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # which PostgreSQL's texts cannot hold
        data = text.encode("utf-8", "replace")
        if len(data) > MAX_LINE:
            text = f"{data[:MAX_LINE].decode('utf-8', 'ignore')} … (line cut at {MAX_LINE >> 10} KB)"
        with self._guard:
            if self._lines >= self._max_lines:
                self._suppressed += 1
            elif self._bytes > MAX_WAITING:
                self._lost += 1
            else:
                self._append(text)
            if len(self._waiting) >= MAX_BATCH:
                self._wake.set()

    def _append(self, text: str) -> None:
        self._waiting.append(_Line(self._clock(), text))
        self._lines += 1
        self._bytes += len(text)

    # ------------------------------------------------------------ the writer's thread

    def _write_all(self) -> None:
        while not self._over.is_set():
            # While the database is away, more lines are no reason to ask it sooner.
            (self._wake if self._pause == PAUSE else self._over).wait(self._pause)
            self._wake.clear()
            self._write()

    def _write(self) -> bool:
        """Write all that waits; False if the database did not take it."""
        try:
            while batch := self._batch():
                self._insert(batch)
                self._forget(len(batch))
        except StoreError as error:
            log.warning("the log %s waits: %s", self._stream, error)
            self._place = None  # somebody else may write to the stream
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
            self._refused += not error.retry
            if self._refused >= TRIES:  # lose these, rather than all that follow
                self._lost += self._forget(len(self._batch()))
                self._refused = 0
            return False
        self._pause, self._refused = PAUSE, 0
        return True

    def _insert(self, batch: list[_Line]) -> None:
        with self._store.begin() as transaction:
            place = self._next_place(transaction) if self._place is None else self._place
            rows: list[Row] = [
                {
                    "job": self._job,
                    "stream": self._stream,
                    "place": at,
                    "time": line.time,
                    "message": line.text,
                }
                for at, line in enumerate(batch, place)
            ]
            transaction.insert_many(log_events, rows)
        self._place = place + len(batch)

    def _batch(self) -> list[_Line]:
        with self._guard:
            return list(islice(self._waiting, MAX_BATCH))

    def _forget(self, lines: int) -> int:
        with self._guard:
            for _ in range(lines):
                self._bytes -= len(self._waiting.popleft().text)
        return lines

    def _next_place(self, transaction: Transaction) -> int:
        highest = transaction.scalar(
            select(func.max(log_events.c.place)).where(
                log_events.c.job == self._job, log_events.c.stream == self._stream
            )
        )
        return 0 if highest is None else highest + 1


def read_events(
    transaction: Transaction,
    job_id: str,
    stream: str,
    *,
    start: datetime | None = None,
    after_place: int = -1,
    limit: int = 10_000,
) -> list[Row]:
    """Return `place`, `time` and `message` of a stream's events in order, behind a place and from a time on."""
    statement = select(log_events.c.place, log_events.c.time, log_events.c.message).where(
        log_events.c.job == job_id, log_events.c.stream == stream, log_events.c.place > after_place
    )
    if start is not None:
        statement = statement.where(log_events.c.time >= start)
    return transaction.all(statement.order_by(log_events.c.place).limit(limit))
