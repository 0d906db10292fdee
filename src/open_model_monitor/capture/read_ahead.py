"""Remote objects are fetched while those before them are computed: a bounded number of requests and bytes ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

from open_model_monitor.errors import StorageError
from open_model_monitor.storage import READ_AHEAD, Storage

REQUESTS = 16  # in flight at once
FIRST = 1 << 20  # bytes asked for of each object ahead; most are smaller
CHUNK = READ_AHEAD  # and of the rest of a large one: REQUESTS × FIRST + 2 × CHUNK = 32 MiB are held at most
TAIL = 64 << 10  # past the end of a range, where its last line ends
BATCHES = 4  # results ahead of a slow iterator

T = TypeVar("T")
Fetched = tuple[bytes, int]  # bytes, and the size of the whole object


class ReadAhead:
    """Opens objects in their given order; threads fetch the next ones meanwhile, and end with this context."""

    def __init__(
        self, storage: Storage, addresses: Iterator[str], start: int = 0, end: int | None = None
    ) -> None:
        self._storage, self._addresses, self._start, self._end = storage, addresses, start, end
        self._asked: deque[tuple[str, Future[Fetched]]] = deque()
        self._made: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._made is not None:
            self._made.shutdown(cancel_futures=True)

    def open(self) -> RemoteStream:
        """Return the next object, as a stream from `start` on; what is wrong with it, reading it raises."""
        for address in islice(self._addresses, REQUESTS - len(self._asked)):
            self._asked.append((address, self.fetch(address, self._start, FIRST)))
        address, first = self._asked.popleft()
        return RemoteStream(self, address, first, self._start, self._end)

    def fetch(self, address: str, start: int, length: int) -> Future[Fetched]:
        """Ask for bytes."""
        if self._made is None:  # parts of local files need no threads
            self._made = ThreadPoolExecutor(REQUESTS, "read-ahead")
        return self._made.submit(self._storage.fetch, address, start, length)


class RemoteStream:
    """One object, read from front to back; the next chunk is on its way while one is read."""

    def __init__(
        self, ahead: ReadAhead, address: str, first: Future[Fetched], start: int, end: int | None
    ) -> None:
        self._ahead, self._address, self._end = ahead, address, end
        self._next: Future[Fetched] | None = first
        self._reached, self._more = start, True
        self._chunk, self._at = b"", 0

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end; raises StorageError."""
        if self._at >= len(self._chunk):
            self._chunk, self._at = self._arrived(), 0
        self._at += size
        return self._chunk[self._at - size : self._at]

    def whole(self) -> bytes | None:
        """Return all of it if the first request brought all; to be asked before anything is read."""
        self._chunk = self._arrived()
        return None if self._more else self._chunk

    def _arrived(self) -> bytes:
        if not self._more:
            return b""
        data, size = (self._next or self._ask()).result()
        self._reached += len(data)
        if not data and self._reached < size:
            ended = f"{self._address} ended at byte {self._reached:,} of {size:,}"
            raise StorageError(f"{ended}; it may have been replaced meanwhile", retry=True)
        self._more = bool(data) and self._reached < size
        # What lies behind a range is asked for only when wanted: others read it.
        ahead = self._more and (self._end is None or self._reached < self._end)
        self._next = self._ask() if ahead else None
        return data

    def _ask(self) -> Future[Fetched]:
        length = CHUNK if self._end is None else min(CHUNK, max(self._end - self._reached, 0) + TAIL)
        return self._ahead.fetch(self._address, self._reached, length)


def in_background(results: Iterator[T]) -> Iterator[T]:
    """Yield what an iterator yields, which a thread runs a few results ahead."""
    pool, end = ThreadPoolExecutor(1, "read-ahead"), object()
    try:
        asked = deque(pool.submit(next, results, end) for _ in range(BATCHES))
        while (result := asked.popleft().result()) is not end:
            asked.append(pool.submit(next, results, end))
            yield result  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
