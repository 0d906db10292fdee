"""The fold over parts: in this process, or in a pool of processes. Merges in the order of the parts."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from typing import Protocol

from open_model_monitor.capture.record import Part
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


class Processes:
    """A pool of spawned processes."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def fold(self, parts: Sequence[Part], open_work: OpenWork, merge: Merge) -> bytes:
        """See `Engine`; raises EngineError if a worker dies."""
        context = multiprocessing.get_context("spawn")
        workers = min(self.workers, len(parts))
        with ProcessPoolExecutor(workers, context, initializer=_open, initargs=(open_work,)) as pool:
            try:
                return merge(pool.map(_work, parts))
            except BrokenProcessPool as error:
                raise EngineError(
                    f"one of {workers} worker processes died; if memory ran out, use fewer (--workers)"
                ) from error


# The worker of this process, for the life of its pool; with its manager, whose end would close it.
_opened: list[tuple[Work, AbstractContextManager[Work]]] = []


def _open(open_work: OpenWork) -> None:
    # Left open on purpose: it ends with the process, whose pipes and children go with it.
    manager = open_work()
    _opened.append((manager.__enter__(), manager))


def _work(part: Part) -> bytes:
    work, _ = _opened[0]
    return work(part)
