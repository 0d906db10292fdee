"""The fold over parts: in this process, or in a pool of processes. Merges in the order of the parts."""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from typing import Protocol

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.failures import Answer, attempt, result
from open_model_monitor.errors import EngineError

Work = Callable[[Part], bytes]
OpenWork = Callable[[], AbstractContextManager[Work]]  # opened once per worker; picklable
Merge = Callable[[Iterable[bytes]], bytes]  # of all results at once, in their order


class Engine(Protocol):
    """Whoever folds parts; parts must not be empty."""

    def fold(self, parts: Sequence[Part], open_work: OpenWork, merge: Merge) -> bytes:
        """Return the merged result of all parts, in their order."""
        ...


class Inline:
    """One part after the other, here."""

    def fold(self, parts: Sequence[Part], open_work: OpenWork, merge: Merge) -> bytes:
        """See `Engine`."""
        with open_work() as work:
            return merge(map(work, parts))


class Threads:
    """Some threads, for work that is done in processes of its own: a worker that only waits needs no process."""

    def __init__(self, workers: int, stop: threading.Event | None = None) -> None:
        """`stop` is set when nothing more is wanted, so that work in hand can end early."""
        self.workers = workers
        self._stop = stop or threading.Event()

    def fold(self, parts: Sequence[Part], open_work: OpenWork, merge: Merge) -> bytes:
        """See `Engine`."""
        closing: list[BaseException] = []
        results: deque[Future[bytes]] = deque(Future() for _ in parts)
        todo = deque(zip(parts, results, strict=True))
        # A worker is opened, used and closed by one thread: what it starts may end with the thread that started it.
        threads = [
            threading.Thread(target=_work_off, args=(todo, open_work, closing), daemon=True)
            for _ in range(min(self.workers, len(parts)))
        ]
        for thread in threads:
            thread.start()
        try:
            merged = merge(_results(results))
        finally:
            self._stop.set()
            todo.clear()
            for thread in threads:
                thread.join()
        if closing:
            raise closing[0]
        return merged


def _results(futures: deque[Future[bytes]]) -> Iterator[bytes]:
    while futures:
        yield futures.popleft().result()  # and none is kept once it is merged


def _work_off(
    todo: deque[tuple[Part, Future[bytes]]], open_work: OpenWork, closing: list[BaseException]
) -> None:
    """Do parts until there are none; what goes wrong is the result of the part in hand, or happens at closing."""
    in_hand = _next(todo)
    try:
        if in_hand is not None:
            with open_work() as work:
                while in_hand is not None:
                    part, future = in_hand
                    future.set_result(work(part))
                    in_hand = _next(todo)
    except BaseException as error:
        if in_hand is not None:
            in_hand[1].set_exception(error)
        else:
            closing.append(error)


def _next(todo: deque[tuple[Part, Future[bytes]]]) -> tuple[Part, Future[bytes]] | None:
    try:
        return todo.popleft()
    except IndexError:
        return None


class Processes:
    """A pool of spawned processes."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def fold(self, parts: Sequence[Part], open_work: OpenWork, merge: Merge) -> bytes:
        """See `Engine`; raises EngineError if a worker dies."""
        context = multiprocessing.get_context("spawn")
        workers = min(self.workers, len(parts))
        with ProcessPoolExecutor(workers, context, initializer=_prepare, initargs=(open_work,)) as pool:
            try:
                return merge(map(result, pool.map(_answer, parts)))
            except BrokenProcessPool as error:
                raise EngineError(
                    f"one of {workers} worker processes died; if memory ran out, use fewer (--workers); a program "
                    'of yours must call this under `if __name__ == "__main__":`'
                ) from error


# How to open the worker of this process, and the worker with its manager, whose end would close it.
_openers: list[OpenWork] = []
_opened: list[tuple[Work, AbstractContextManager[Work]]] = []


def _prepare(open_work: OpenWork) -> None:
    _openers.append(open_work)


def _answer(part: Part) -> Answer:
    return attempt(lambda: _worker()(part))


def _worker() -> Work:
    """Return the worker, opened for the first part, so that a failure to open is an answer as well."""
    if not _opened:
        # Left open on purpose: it ends with the process, whose pipes and children go with it.
        manager = _openers[0]()
        _opened.append((manager.__enter__(), manager))
    return _opened[0][0]
