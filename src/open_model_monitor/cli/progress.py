"""Progress on stderr for what takes longer than a second; nothing where nobody watches."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

DELAY = 1.0


class Watched:
    """A context manager that shows what is done; `told` takes bytes and rows, of one part after the other."""

    def __init__(self, console: Console, what: str, *, noun: str = "rows") -> None:
        self._shown = console.is_terminal
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task(what)
        self._what = what
        self._noun = noun
        self._timer = threading.Timer(DELAY, self._progress.start)
        self._timer.daemon = True
        self._before = [0, 0]
        self._last = [0, 0]

    def __enter__(self) -> Self:
        if self._shown:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._shown:
            self._timer.join()  # it may be at it this very moment
            self._progress.stop()

    def told(self, read: int, rows: int) -> None:
        """Take the numbers of the part at hand; smaller ones than before mean that the next part has begun."""
        if read < self._last[0] or rows < self._last[1]:
            self._before = [before + last for before, last in zip(self._before, self._last, strict=True)]
        self._last = [read, rows]
        megabytes = (self._before[0] + read) / 1e6
        text = f"{self._what}  {self._before[1] + rows:,} {self._noun}, {megabytes:,.1f} MB"
        self._progress.update(self._task, description=text)
