"""One column's bag of states, and the profile of a whole data set.

What cannot be decided before the last row is counted twice: whether native integers are promoted (a float among
them), whether numbers count as text, whether the text `nan` means missing.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
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
from open_model_monitor.profiling.lockstep import Lockstep
from open_model_monitor.profiling.numbers import Floats, Moments, Numbers
from open_model_monitor.profiling.values import (
    BLANKS,
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
    plain_numbers,
    spelling,
)

MAX_CATEGORIES = 120
FEW_INTEGERS = "few integers"

_CANONICAL = re.compile(r"0|-?[1-9]\d{0,14}", re.ASCII)  # an integer that a double holds, as Python writes it

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

    @property
    def watches_numbers(self) -> bool:
        """Whether a watched text is a number."""
        return _any_number(self.watched)

    def missing_in(self, *names: str) -> set[str]:
        """Return the texts that mean "missing" in a column that the settings call by any of `names`."""
        return {text for name in ("", *names) for text in self.missing_values.get(name, ())}


@lru_cache(maxsize=8)  # asked for each column of each batch
def _any_number(texts: frozenset[str]) -> bool:
    return any(class_of(text) in (INTEGRAL, FRACTIONAL) for text in texts)


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
        self.numbers = Numbers()
        self.categories = Categories(options.max_categories)
        # Filled only when there are too many categories to count one by one.
        self.distinct = DistinctValues(options.distinct_exact_limit)
        self._options = options
        # Likewise, and only of the texts in `options.watched`.
        self._watched_counts: dict[str, int] = {}

    @property
    def moments(self) -> Moments:
        """Count, sum, extremes and deviations of the finite numbers."""
        return self.numbers.moments

    @property
    def sketch(self) -> KLL:
        """The quantile sketch of the finite numbers."""
        return self.numbers.sketch

    def update(self, values: ColumnValues) -> None:
        """Add what a batch holds in this column, except to `numbers`, which `DatasetProfile` adds to."""
        for kind, times in values.classes.items():
            self.classes[kind] += times
        self.nan_texts = _sum(self.nan_texts, values.nan_texts)
        self.texts += values.texts
        self.non_finite += values.non_finite
        self.examples = _first_examples(self.examples, values.examples)
        if self.categories.counts is not None:
            before = dict(self.categories.counts)
            if not self.categories.add(values.counted(self.categories.limit)):
                self.distinct.insert(_hashes_of(before))
                self._watched_counts = self._watched_among(before)
        if self.categories.counts is None:
            self.distinct.insert(values.hashes())
            self._watched_counts = _sum(self._watched_counts, values.counted_among(self._options.watched))

    def update_numbers(self, numbers: Floats, *, integral: int, texts: int) -> None:
        """Add finite numbers of which nothing is to be remembered but classes and distinct values."""
        self.classes[INTEGRAL] += integral
        self.classes[FRACTIONAL] += len(numbers) - integral
        self.texts += texts
        self.distinct.insert_numbers(numbers)

    @property
    def written(self) -> str | None:
        """How all numbers of the column are written, see `DatasetProfile.number_columns`; None if that differs."""
        counts = self.categories.counts
        seen = [kind for kind in CLASSES if self.classes[kind]]
        if counts is None:
            return seen[0] if len(seen) == 1 and self.holds_only_numbers else None
        if self.nan_texts or self.non_finite:
            return None
        return FEW_INTEGERS if seen == [INTEGRAL] and all(map(_CANONICAL.fullmatch, counts)) else None

    @property
    def holds_only_numbers(self) -> bool:
        """Whether nothing but numbers was seen, and too many to count one by one: their texts are done with."""
        words = self.classes[STRING] or self.classes[BOOLEAN] or self.nan_texts or self.non_finite
        return self.categories.counts is None and not words and not self._options.watches_numbers

    def merge(self, other: ColumnProfile) -> ColumnProfile:
        """Return a new profile of both."""
        both = object.__new__(ColumnProfile)
        both.section, both.named = self.section, self.named
        both.classes = {kind: self.classes[kind] + other.classes[kind] for kind in CLASSES}
        both.texts = self.texts + other.texts
        both.nan_texts = _sum(self.nan_texts, other.nan_texts)
        both.non_finite = self.non_finite + other.non_finite
        both.examples = _first_examples(self.examples, other.examples)
        both.numbers = self.numbers.merge(other.numbers)
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
            "numbers": self.numbers.to_dict(),
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
        column.numbers = Numbers.from_dict(data["numbers"])
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
    words = [word for text in texts if (word := text.strip(BLANKS)).lower() != "nan"]
    numeric = [class_of(word) in (INTEGRAL, FRACTIONAL) for word in words]
    numbers = np.array([number_of(w) for w, is_number in zip(words, numeric, strict=True) if is_number])
    others = hash_texts(w for w, is_number in zip(words, numeric, strict=True) if not is_number)
    return np.concatenate((hash_numbers(numbers[np.isfinite(numbers)]), others))


class DatasetProfile:
    """The profiles of all columns in the order in which they first appeared, and the number of rows."""

    kind: ClassVar[str] = "dataset-profile"

    def __init__(self, options: ProfileOptions | None = None) -> None:
        self.options = options or ProfileOptions()
        self.rows = 0
        self._columns: dict[str, ColumnProfile] = {}
        self._lockstep = Lockstep()

    @property
    def columns(self) -> dict[str, ColumnProfile]:
        """The columns' profiles by name."""
        self._lockstep.leave(self._columns)
        return self._columns

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self._columns)

    def number_columns(self) -> dict[str, str]:
        """Return which columns hold only numbers that need not be read as text, and how they are written so far.

        By name: Integral or Fractional, if they are past counting one by one, and all are so; FEW_INTEGERS for
        integers that are counted, and all written as Python would.
        """
        if self.options.missing_values:
            return {}
        kinds = {name: column.written for name, column in self._columns.items()}
        return {name: kind for name, kind in kinds.items() if kind is not None}

    def update(self, batch: pa.RecordBatch, meant: Mapping[str, Collection[str]] | None = None) -> Self:
        """Add a batch; returns this profile.

        `meant` says by which names the options mean each column; without it a column has its own name only.
        """
        self.rows += batch.num_rows
        numbers: dict[str, Floats] = {}
        for field_, array in zip(batch.schema, batch.columns, strict=True):
            metadata = field_.metadata or {}
            profile = self._column(field_.name, metadata)
            missing = self.options.missing_in(*([field_.name] if meant is None else meant[field_.name]))
            plain = None if missing or not profile.holds_only_numbers else plain_numbers(array, metadata)
            if plain is not None:
                integral, texts = spelling(array, metadata)
                profile.update_numbers(plain, integral=integral, texts=texts)
                numbers[field_.name] = plain
            else:
                values = classify(array, metadata, missing)
                profile.update(values)
                numbers[field_.name] = values.numbers
        self._lockstep.insert(numbers, batch.num_rows, self._columns)
        return self

    def _column(self, name: str, metadata: Mapping[bytes, bytes]) -> ColumnProfile:
        profile = self._columns.get(name)
        if profile is None:
            section, named = metadata.get(b"section", b"").decode(), metadata.get(b"named", b"1") == b"1"
            profile = self._columns[name] = ColumnProfile(self.options, section=section, named=named)
        return profile

    def merge(self, other: Self) -> Self:
        """Return a new profile of both; `other` is what was read after this."""
        both = type(self)(self.options)
        both.rows = self.rows + other.rows
        mine, theirs = self.columns, other.columns
        for name in dict.fromkeys([*mine, *theirs]):
            both._columns[name] = _merged(mine.get(name), theirs.get(name))
        return both

    def take(self, other: Self) -> None:
        """Merge what was read after this into it, column by column; `other` is used up, which saves a third profile."""
        self.rows += other.rows
        mine, theirs = self.columns, other.columns
        for name in list(theirs):
            mine[name] = _merged(mine.get(name), theirs.pop(name))

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
        profile._columns = {
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
