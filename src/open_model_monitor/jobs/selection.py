"""Settings that name columns: to leave them out, or to say which texts mean "missing" in them.

A name is looked up among the features of the baseline, then among the columns of the data, then as an output
column whose name was taken; last, `3` and `_c3` are the fourth column of a row (`datasets.md` §12). A column and
the feature it is compared with have one fate: what is left out leaves the baseline too, before columns are matched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import pyarrow as pa

from open_model_monitor.errors import SettingsError
from open_model_monitor.monitors.matching import AUTO, CurrentColumn, match

SEGMENT_BY = "segment_by: "  # before the name of the column of segments, among those that were met

_PREFIXES = ("endpointOutput_", "batchTransformOutput_")
_PLACE = re.compile(r"(?:_c)?(\d{1,6})")


@dataclass(slots=True)
class Selected:
    """What the names in the settings met: the columns there are, names that fit, features left out."""

    columns: dict[str, None] = field(default_factory=dict)  # in order of first appearance
    met: set[str] = field(default_factory=set)
    features: set[str] = field(default_factory=set)

    def merge(self, other: Self) -> Self:
        """Return a new value for both."""
        return type(self)(self.columns | other.columns, self.met | other.met, self.features | other.features)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "columns": list(self.columns),
            "met": sorted(self.met),
            "features": sorted(self.features),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        return cls(dict.fromkeys(data["columns"]), set(data["met"]), set(data["features"]))

    def check(
        self,
        excluded: Collection[str],
        missing_values: Collection[str],
        baseline: Sequence[str] = (),
        *,
        segment_by: str | None = None,
    ) -> None:
        """Refuse names that fit nothing, neither in the data nor in the baseline.

        Raises SettingsError listing the names there are.
        """
        for setting, names in (("exclude_features_attribute", excluded), ("missing_values", missing_values)):
            unknown = [name for name in names if name and name not in self.met and name not in baseline]
            if unknown:
                shown = ", ".join(map(repr, unknown))
                there = ", ".join(map(repr, dict.fromkeys([*baseline, *self.columns])))
                raise SettingsError(f"{setting} names {shown}; there are the columns {there}")
        if segment_by is not None and SEGMENT_BY + segment_by not in self.met:
            there = ", ".join(map(repr, self.columns))
            raise SettingsError(f"segment_by names {segment_by!r}; there are the columns {there}")


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of a batch that are kept, and by which names in the settings each is meant."""

    kept: tuple[str, ...]
    meant: Mapping[str, frozenset[str]]


def place_of(name: str, columns: Sequence[str]) -> int | None:
    """Return which of a row's columns a name means: its own, that of an output, or the one at an index."""
    found = next(
        (columns.index(one) for one in (name, *(p + name for p in _PREFIXES)) if one in columns), None
    )
    index = _PLACE.fullmatch(name)
    return int(index[1]) if found is None and index and int(index[1]) < len(columns) else found


class Selector:
    """Applies the settings to the batches of one part; `selected` is what came of it so far."""

    def __init__(
        self,
        excluded: Collection[str],
        missing_values: Collection[str],
        baseline: Sequence[str] = (),
        *,
        column_matching: str = AUTO,
        output_columns_position: str = "START",
    ) -> None:
        self.selected = Selected()
        self._excluded = tuple(excluded)
        self._others = tuple(name for name in missing_values if name)
        self._baseline = tuple(baseline)
        self._how = column_matching
        self._position = output_columns_position
        self._choices: dict[tuple[CurrentColumn, ...], Choice] = {}
        # The column that a place stood for in the first batch that has it; JSON rows may differ in order.
        self._places: dict[str, str] = {}

    def select(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Mapping[str, frozenset[str]] | None]:
        """Return the batch without what is left out, and the names that mean each column (None: its own)."""
        if not self._excluded and not self._others:
            return batch, None
        columns = tuple(_current(one) for one in batch.schema)
        choice = self._choices.get(columns)
        if choice is None:
            choice = self._choices[columns] = self._chosen(columns)
        kept = batch if len(choice.kept) == len(columns) else batch.select(list(choice.kept))
        return kept, choice.meant

    def _chosen(self, columns: tuple[CurrentColumn, ...]) -> Choice:
        names = [one.column for one in match(columns, None, self._how).columns]
        self.selected.columns |= dict.fromkeys(names)
        features = self._features(columns, self._baseline)
        gone = set()
        for name in self._excluded:
            column = self._column(name, names, features)
            if name in self._baseline:
                self.selected.features.add(name)
            elif len(columns) <= len(self._baseline) and column in features:
                # More columns than features: the baseline was made without this one already.
                self.selected.features.add(features[column])
            gone.add(column)
        rest = tuple(column for column in columns if column.name not in gone)
        features = self._features(rest, [f for f in self._baseline if f not in self.selected.features])
        meant: dict[str, set[str]] = {column.name: set() for column in rest}
        for name in self._others:
            column = self._column(name, names, features)
            if column in meant:
                meant[column].add(name)
        return Choice(tuple(meant), {column: frozenset(found) for column, found in meant.items()})

    def _features(self, columns: Sequence[CurrentColumn], baseline: Sequence[str]) -> dict[str | None, str]:
        """Return the feature of each column that has one."""
        matching = match(columns, baseline, self._how, output_columns_position=self._position)
        return {m.column: m.feature for m in matching.columns if m.index is not None}

    def _column(self, name: str, names: Sequence[str], features: Mapping[str | None, str]) -> str | None:
        """Return the column that a name means, None if there is none."""
        if name in self._baseline:
            found = next((column for column, feature in features.items() if feature == name), None)
        else:
            spellings = (name, *(prefix + name for prefix in _PREFIXES))
            found = next((spelling for spelling in spellings if spelling in names), None)
            if found is None:
                found = self._at_place(name, names)
        if found is not None:
            self.selected.met.add(name)
        return found

    def _at_place(self, name: str, names: Sequence[str]) -> str | None:
        place = _PLACE.fullmatch(name)
        if place and int(place[1]) < len(names):
            return self._places.setdefault(name, names[int(place[1])])
        return None


def _current(column: pa.Field) -> CurrentColumn:
    metadata = column.metadata or {}
    section, named = metadata.get(b"section", b"").decode(), metadata.get(b"named", b"1") == b"1"
    return CurrentColumn(column.name, section, named)
