"""Columns without gaps hold equally many numbers: their sketches are kept as one matrix, which is far faster.

Nothing but speed depends on it: `tests/laws` compare with columns kept one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from open_model_monitor.profiling.numbers import Floats, Numbers


class HasNumbers(Protocol):
    """A column's profile, as far as this module is concerned."""

    numbers: Numbers


class Lockstep:
    """The columns that are kept as one at the moment; their own `numbers` are stale until they `leave`."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._together = Numbers()
        self._room = np.empty(0)  # for the numbers of a batch, whose pages need not be made anew for each

    def insert(self, numbers: Mapping[str, Floats], rows: int, columns: Mapping[str, HasNumbers]) -> None:
        """Add the numbers of `rows` rows by column."""
        full = {name for name, values in numbers.items() if len(values) == rows}
        if not full.issuperset(self._names):
            self.leave(columns)
        if not self._names:
            self._form([name for name in numbers if name in full], columns)
        if self._names:
            self._together.insert(self._stacked([numbers[name] for name in self._names], rows))
        members = set(self._names)
        for name, values in numbers.items():
            if name not in members and len(values):
                columns[name].numbers.insert(values)

    def _stacked(self, columns: Sequence[Floats], rows: int) -> Floats:
        """Return columns as rows of a matrix; it is valid until the next call."""
        if self._room.size < len(columns) * rows:
            self._room = np.empty(len(columns) * rows)
        return np.stack(columns, out=self._room[: len(columns) * rows].reshape(len(columns), rows))

    def _form(self, names: list[str], columns: Mapping[str, HasNumbers]) -> None:
        """Put the largest group of columns together that agree in what decides their compactions."""
        schedules = {name: columns[name].numbers.schedule for name in names}
        if not schedules:
            return
        ((schedule, size),) = Counter(schedules.values()).most_common(1)
        if size > 1:
            self._names = tuple(name for name in names if schedules[name] == schedule)
            self._together = Numbers.stack([columns[name].numbers for name in self._names])

    def leave(self, columns: Mapping[str, HasNumbers]) -> None:
        """Give every column its own numbers back."""
        for place, name in enumerate(self._names):
            columns[name].numbers = self._together.column(place)
        self._names, self._together = (), Numbers()
