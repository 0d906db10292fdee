"""One column's bag of states, and the profile of a whole data set.

What cannot be decided before the last row is counted twice: whether native integers are promoted (a float among
them), whether numbers count as text, whether the text `nan` means missing.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from open_model_monitor.profiling.distinct import (
    EXACT_LIMIT,
    Categories,
    DistinctValues,
    hash_numbers,
    hash_texts,
)
from open_model_monitor.profiling.kll import KLL
from open_model_monitor.profiling.values import (
    BOOLEAN,
    CLASSES,
    EXAMPLES,
    FRACTIONAL,
    INTEGRAL,
    STRING,
    ColumnValues,
    class_of,
    classify,
    number_of,
)

MAX_CATEGORIES = 120

# The attributes of a column's profile that are plain values themselves.
_PLAIN = ("section", "named", "classes", "texts", "nan_texts", "non_finite", "examples")


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """What a profile is told before it sees a row.

    `missing_values` are texts that mean "missing": under "" for all columns, else by column name.
    `watched` texts keep their exact counts even in a column of too many categories; these are the values that
    some baseline feature allows, because which feature a column belongs to is only known after the last row.
    """

    max_categories: int = MAX_CATEGORIES
    distinct_exact_limit: int = EXACT_LIMIT
    missing_values: Mapping[str, Collection[str]] = field(default_factory=dict)
    watched: frozenset[str] = frozenset()

    def missing_in(self, *names: str) -> set[str]:
        """Return the texts that mean "missing" in a column that the settings call by any of `names`."""
        return {text for name in ("", *names) for text in self.missing_values.get(name, ())}


class Moments:
    """Count, sum, extremes and squared deviations of doubles (Chan, Golub, LeVeque 1979 for the merge)."""

    __slots__ = ("count", "m2", "maximum", "mean", "minimum", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.mean = 0.0
        self.m2 = 0.0
        self.minimum = math.inf
        self.maximum = -math.inf

    def insert(self, numbers: NDArray[np.float64]) -> None:
        """Add finite doubles."""
        if not len(numbers):
            return
        batch = Moments()
        batch.count = len(numbers)
        with np.errstate(over="ignore", invalid="ignore"):  # sums of the largest doubles are infinite
            batch.total = float(numbers.sum())
            batch.mean = batch.total / batch.count
            deviations = numbers - batch.mean
            batch.m2 = float(np.square(deviations).sum())
        batch.minimum, batch.maximum = float(numbers.min()), float(numbers.max())
        self._add(batch)

    def _add(self, other: Moments) -> None:
        count = self.count + other.count
        if not other.count:
            return
        delta = other.mean - self.mean
        self.m2 += other.m2 + delta * delta * self.count * other.count / count
        self.mean += delta * other.count / count
        self.total += other.total
        self.count = count
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    def merge(self, other: Moments) -> Moments:
        """Return a new value for both."""
        both = Moments()
        both._add(self)
        both._add(other)
        return both

    @property
    def std_dev(self) -> float:
        """The population standard deviation; 0.0 for a single value, NaN if there is none."""
        if not self.count or math.isnan(self.m2):  # squares of the largest doubles are infinite
            return math.nan
        return math.sqrt(max(0.0, self.m2) / self.count)

    def to_list(self) -> list[float]:
        """Return the state as plain numbers."""
        return [getattr(self, name) for name in sorted(self.__slots__)]

    @classmethod
    def from_list(cls, values: list[float]) -> Moments:
        """Rebuild what `to_list` returned."""
        moments = cls()
        for name, value in zip(sorted(cls.__slots__), values, strict=True):
            setattr(moments, name, value)
        moments.count = int(moments.count)
        return moments


class ColumnProfile:
    """Everything known about the values of one column; rows without the column count as missing."""

    def __init__(self, options: ProfileOptions, *, section: str, named: bool) -> None:
        self.section = section
        self.named = named
        self.classes = dict.fromkeys(CLASSES, 0)
        self.texts = 0
        self.nan_texts: dict[str, int] = {}
        self.non_finite = 0
        self.examples: list[str] = []
        self.moments = Moments()
        self.sketch = KLL()
        self.categories = Categories(options.max_categories)
        # Filled only when there are too many categories to count one by one.
        self.distinct = DistinctValues(options.distinct_exact_limit)
        self._options = options
        # Likewise, and only of the texts in `options.watched`.
        self._watched_counts: dict[str, int] = {}

    def update(self, values: ColumnValues) -> None:
        """Add what a batch holds in this column."""
        for kind, times in values.classes.items():
            self.classes[kind] += times
        self.nan_texts = _sum(self.nan_texts, values.nan_texts)
        self.texts += values.texts
        self.non_finite += values.non_finite
        self.examples = _first_examples(self.examples, values.examples)
        self.moments.insert(values.numbers)
        self.sketch.insert(values.numbers)
        few = self.categories.counts
        watched_before = self._watched_among(few) if few is not None else {}
        if few is not None and not self.categories.add(values.counted(self.categories.limit)):
            self.distinct.insert(_hashes_of(few))
            self._watched_counts = watched_before
        if self.categories.counts is None:
            self.distinct.insert(values.hashes())
            self._watched_counts = _sum(self._watched_counts, values.counted_among(self._options.watched))

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """Return a new profile of both."""
        both = object.__new__(ColumnProfile)
        both.section, both.named = self.section, self.named
        both.classes = {kind: self.classes[kind] + other.classes[kind] for kind in CLASSES}
        both.texts = self.texts + other.texts
        both.nan_texts = _sum(self.nan_texts, other.nan_texts)
        both.non_finite = self.non_finite + other.non_finite
        both.examples = _first_examples(self.examples, other.examples)
        both.moments = self.moments.merge(other.moments)
        both.sketch = self.sketch.merge(other.sketch)
        both.categories = self.categories.merge(other.categories)
        both.distinct = self.distinct.merge(other.distinct)
        both._options, both._watched_counts = self._options, {}
        if both.categories.counts is None:
            for side in (self, other):
                if side.categories.counts is not None:
                    both.distinct.insert(_hashes_of(side.categories.counts))
            both._watched_counts = _sum(self.watched_counts, other.watched_counts)
        return both

    @property
    def watched_counts(self) -> dict[str, int]:
        """The exact counts of the watched texts that occur."""
        counts = self.categories.counts
        return self._watched_counts if counts is None else self._watched_among(counts)

    def _watched_among(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {text: counts[text] for text in self._options.watched if text in counts}

    def distinct_count(self, *, numeric: bool) -> float:
        """Return the number of distinct values: by value for a numeric column, by text otherwise."""
        counts = self.categories.counts
        if counts is None:
            return self.distinct.count() + (0 if numeric else len(self.nan_texts))
        if numeric:
            return float(len(np.unique(_hashes_of(counts))))
        return float(len(counts))

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            **{name: getattr(self, name) for name in _PLAIN},
            "moments": self.moments.to_list(),
            "sketch": self.sketch.to_dict(),
            "categories": [self.categories.limit, self.categories.counts],
            "distinct": self.distinct.to_dict(),
            "watched_counts": dict(sorted(self._watched_counts.items())),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any], options: ProfileOptions) -> Self:
        """Rebuild what `to_dict` returned."""
        column = object.__new__(cls)
        column._options = options
        column._watched_counts = data["watched_counts"]
        for name in _PLAIN:
            setattr(column, name, data[name])
        column.moments = Moments.from_list(data["moments"])
        column.sketch = KLL.from_dict(data["sketch"])
        limit, counts = data["categories"]
        column.categories = Categories(limit)
        column.categories.counts = counts
        column.distinct = DistinctValues.from_dict(data["distinct"])
        return column


def _first_examples(left: list[str], right: list[str]) -> list[str]:
    """Return the first distinct examples, so that repeats in two batches count as they would in one."""
    return list(dict.fromkeys([*left, *right]))[:EXAMPLES]


def _sum(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {text: left.get(text, 0) + right.get(text, 0) for text in [*left, *right]}


def _merged(mine: ColumnProfile | None, theirs: ColumnProfile | None) -> ColumnProfile:
    if mine is not None and theirs is not None:
        return mine.merge(theirs)
    (only,) = (column for column in (mine, theirs) if column is not None)
    return copy.deepcopy(only)


def _hashes_of(texts: Collection[str]) -> NDArray[np.uint64]:
    """Hash texts as `ColumnValues.hashes` would: numbers by value, `nan` not at all."""
    words = [text for text in texts if text.strip().lower() != "nan"]
    numeric = [class_of(word) in (INTEGRAL, FRACTIONAL) for word in words]
    numbers = np.array([number_of(w) for w, is_number in zip(words, numeric, strict=True) if is_number])
    others = hash_texts(w.strip() for w, is_number in zip(words, numeric, strict=True) if not is_number)
    return np.concatenate((hash_numbers(numbers[np.isfinite(numbers)]), others))


class DatasetProfile:
    """The profiles of all columns in the order in which they first appeared, and the number of rows."""

    kind: ClassVar[str] = "dataset-profile"

    def __init__(self, options: ProfileOptions | None = None) -> None:
        self.options = options or ProfileOptions()
        self.rows = 0
        self.columns: dict[str, ColumnProfile] = {}

    def update(self, batch: pa.RecordBatch, meant: Mapping[str, Collection[str]] | None = None) -> Self:
        """Add a batch; returns this profile.

        `meant` says by which names the options mean each column; without it a column has its own name only.
        """
        self.rows += batch.num_rows
        for field_, array in zip(batch.schema, batch.columns, strict=True):
            metadata = field_.metadata or {}
            profile = self.columns.get(field_.name)
            if profile is None:
                profile = self.columns[field_.name] = ColumnProfile(
                    self.options,
                    section=metadata.get(b"section", b"").decode(),
                    named=metadata.get(b"named", b"1") == b"1",
                )
            names = [field_.name] if meant is None else meant[field_.name]
            profile.update(classify(array, metadata, self.options.missing_in(*names)))
        return self

    def merge(self, other: Self) -> Self:
        """Return a new profile of both; `other` is what was read after this."""
        both = type(self)(self.options)
        both.rows = self.rows + other.rows
        for name in [*self.columns, *(n for n in other.columns if n not in self.columns)]:
            mine, theirs = self.columns.get(name), other.columns.get(name)
            both.columns[name] = _merged(mine, theirs)
        return both

    def ordered(self) -> list[tuple[str, ColumnProfile]]:
        """Return the columns in the order in which they first appeared (`datasets.md` §6)."""
        return list(self.columns.items())

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "rows": self.rows,
            "options": {
                "max_categories": self.options.max_categories,
                "distinct_exact_limit": self.options.distinct_exact_limit,
                "missing_values": {k: sorted(texts) for k, texts in self.options.missing_values.items()},
                "watched": sorted(self.options.watched),
            },
            "columns": {name: column.to_dict() for name, column in self.columns.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        options = data["options"]
        profile = cls(ProfileOptions(**options | {"watched": frozenset(options["watched"])}))
        profile.rows = data["rows"]
        profile.columns = {
            name: ColumnProfile.from_dict(column, profile.options) for name, column in data["columns"].items()
        }
        return profile


def resolved_classes(column: ColumnProfile, rows: int, *, numeric: bool | None) -> tuple[str, dict[str, int]]:
    """Decide what could not be decided early; returns the inferred type and the counts by class.

    `numeric` says what the baseline expects of the column (None: nothing known); the text `nan` is missing in a
    numeric column and text otherwise. The counts include `Unknown`, the missing values, and add up to `rows`.
    """
    classes = dict(column.classes)
    if column.texts == 0 and classes[FRACTIONAL]:
        classes[FRACTIONAL] += classes[INTEGRAL]
        classes[INTEGRAL] = 0
    if not nan_is_missing(column, numeric=numeric):
        classes[STRING] += sum(column.nan_texts.values())
    classes["Unknown"] = rows - sum(classes.values())
    return inferred_type(classes), classes


def nan_is_missing(column: ColumnProfile, *, numeric: bool | None) -> bool:
    """Return whether the text `nan` means missing in this column; `numeric` as in `resolved_classes`."""
    if numeric is not None:
        return numeric
    words = column.classes[STRING] + column.classes[BOOLEAN]
    return column.classes[INTEGRAL] + column.classes[FRACTIONAL] > 0 and not words


def inferred_type(classes: Mapping[str, int]) -> str:
    """Return a column's type from its counts by class (`data_quality.md` §2.2)."""
    if not any(classes[kind] for kind in CLASSES):
        return "Unknown"
    if classes[STRING] or classes[BOOLEAN]:
        return STRING
    return FRACTIONAL if classes[FRACTIONAL] else INTEGRAL
