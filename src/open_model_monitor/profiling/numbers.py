"""The numbers of a column: their moments and their quantile sketch.

Both depend on the numbers and their order alone, never on how they were cut into batches: the moments of values are
taken when the sketch compacts them. So the two lanes and all engines agree to the last bit.

As in `kll`, columns that receive equally many numbers may be kept as one, with a row per column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.profiling.kll import KLL

Floats = NDArray[np.float64]
_FIELDS = ("m2", "maximum", "mean", "minimum", "total")


class Moments:
    """Count, sum, extremes and squared deviations of doubles (Chan, Golub, LeVeque 1979 for the sum of two).

    The fields are numbers, or arrays with a place per column.
    """

    __slots__ = ("count", *_FIELDS)

    def __init__(self) -> None:
        self.count = 0
        self.total: Any = 0.0
        self.mean: Any = 0.0
        self.m2: Any = 0.0
        self.minimum: Any = math.inf
        self.maximum: Any = -math.inf

    @classmethod
    def of(cls, numbers: Floats) -> Self:
        """Return the moments of finite doubles, along the last axis."""
        moments = cls()
        moments.count = numbers.shape[-1]
        if moments.count:
            with np.errstate(all="ignore"):  # sums of the largest doubles are infinite
                moments.total = numbers.sum(-1)
                moments.mean = moments.total / moments.count
                deviations = numbers - np.asarray(moments.mean)[..., np.newaxis]
                moments.m2 = np.square(deviations, out=deviations).sum(-1)
            moments.minimum, moments.maximum = numbers.min(-1), numbers.max(-1)
        return moments

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        both = type(self)()
        both.count = self.count + other.count
        if not (self.count and other.count):
            filled = self if self.count else other
            for name in _FIELDS:
                setattr(both, name, getattr(filled, name))
            return both
        with np.errstate(all="ignore"):
            delta = other.mean - self.mean
            both.m2 = self.m2 + other.m2 + delta * delta * (self.count * other.count / both.count)
            both.mean = self.mean + delta * (other.count / both.count)
            both.total = self.total + other.total
        both.minimum = np.minimum(self.minimum, other.minimum)
        both.maximum = np.maximum(self.maximum, other.maximum)
        return both

    def column(self, place: int) -> Self:
        """Return the moments of one of the columns."""
        one = type(self)()
        one.count = self.count
        if self.count:
            for name in _FIELDS:
                setattr(one, name, getattr(self, name)[place])
        return one

    @classmethod
    def stack(cls, several: Sequence[Self]) -> Self:
        """Return the moments of single columns, of equally many numbers each, as one."""
        together = cls()
        together.count = several[0].count
        if together.count:
            for name in _FIELDS:
                setattr(together, name, np.array([getattr(one, name) for one in several]))
        return together

    def plain(self) -> Self:
        """Return the moments of a single column with Python's numbers for NumPy's."""
        return self.from_list(self.to_list())

    @property
    def std_dev(self) -> float:
        """The population standard deviation; 0.0 for a single value, NaN if there is none."""
        if not self.count or math.isnan(self.m2):  # squares of the largest doubles are infinite
            return math.nan
        return math.sqrt(max(0.0, self.m2) / self.count)

    def to_list(self) -> list[float]:
        """Return the state as plain numbers, the count first."""
        return [self.count, *(float(getattr(self, name)) for name in _FIELDS)]

    @classmethod
    def from_list(cls, values: list[float]) -> Self:
        """Rebuild what `to_list` returned."""
        moments = cls()
        moments.count = int(values[0])
        for name, value in zip(_FIELDS, values[1:], strict=True):
            setattr(moments, name, value)
        return moments


class Numbers:
    """All finite numbers seen in one column, or in each of several."""

    __slots__ = ("_counted", "_settled", "sketch")

    def __init__(self) -> None:
        self.sketch = KLL()
        self._settled = Moments()
        self._counted = 0  # how many values at the beginning of the sketch's level 0 the moments hold already

    @property
    def moments(self) -> Moments:
        """The moments of all numbers of a single column."""
        return self._settled.merge(Moments.of(self.sketch.level_0[self._counted :])).plain()

    @property
    def schedule(self) -> tuple[Any, ...]:
        """What columns must agree in to be kept as one."""
        return self.sketch.schedule, self._settled.count, self._counted

    def insert(self, numbers: Floats) -> None:
        """Add finite doubles (last axis) in order."""
        self.sketch.insert(numbers, self._settle)

    def _settle(self, leaving: Floats) -> None:
        self._settled = self._settled.merge(Moments.of(leaving[..., self._counted :]))
        self._counted = max(0, self._counted - leaving.shape[-1])

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        both = type(self)()
        both.sketch = self.sketch.merge(other.sketch)
        both._settled = self.moments.merge(other.moments)
        both._counted = both.sketch.level_0.shape[-1]
        return both

    def column(self, place: int) -> Self:
        """Return the numbers of one of the columns, sharing nothing with this."""
        one = type(self)()
        one.sketch = self.sketch.column(place)
        one._settled = self._settled.column(place)
        one._counted = self._counted
        return one

    @classmethod
    def stack(cls, several: Sequence[Self]) -> Self:
        """Return single columns, which must agree in `schedule`, as one."""
        together = cls()
        together.sketch = KLL.stack([one.sketch for one in several])
        together._settled = Moments.stack([one._settled for one in several])
        together._counted = several[0]._counted
        return together

    def to_dict(self) -> dict[str, Any]:
        """Return the state of a single column as plain values."""
        return {
            "sketch": self.sketch.to_dict(),
            "moments": self._settled.to_list(),
            "counted": self._counted,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        numbers = cls()
        numbers.sketch = KLL.from_dict(data["sketch"])
        numbers._settled = Moments.from_list(data["moments"])
        numbers._counted = data["counted"]
        return numbers
