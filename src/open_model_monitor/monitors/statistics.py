"""statistics.json: what is read off a profile, written, and read from others (`data_quality.md` §2)."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors import document_values as documents
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.document_values import NUMERIC
from open_model_monitor.monitors.matching import Matching
from open_model_monitor.profiling.columns import (
    ColumnProfile,
    DatasetProfile,
    nan_is_missing,
    resolved_classes,
)
from open_model_monitor.profiling.kll import DEFAULT_C, DEFAULT_K, Floats, bucket_counts

MAX_LEVELS = 48  # an item on a higher one would stand for more rows than a sum of 64 bits can hold
Bucket = tuple[float, float, float]  # lower bound, upper bound, count


@dataclass(frozen=True, slots=True)
class FeatureStatistics:
    """The statistics of one feature; what is None is not available.

    `levels` is the sketch, `categories` all values with their counts, most frequent first. The rest is known
    only of our own data: `counts` by value as far as they were counted, of all values or (`watched`) of some;
    counts by class; `examples` of values that are no numbers; whether the document shows the type counts.
    """

    name: str
    inferred_type: str
    num_present: int
    num_missing: int
    mean: float | None = None
    sum: float | None = None
    std_dev: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    distinct: float | None = None
    levels: tuple[Floats, ...] | None = None
    buckets: tuple[Bucket, ...] = ()
    categories: Mapping[str, int] | None = None
    type_counts: Mapping[str, int] | None = None
    non_finite: int = 0
    examples: tuple[str, ...] = ()
    counts: Mapping[str, int] | None = None
    watched: frozenset[str] | None = None
    extended: bool = False

    @property
    def numeric(self) -> bool:
        """Whether the feature has numbers."""
        return self.inferred_type in NUMERIC

    @property
    def item_count(self) -> int:
        """All rows."""
        return self.num_present + self.num_missing

    @property
    def completeness(self) -> float:
        """The share of rows that have a value."""
        return self.num_present / self.item_count if self.item_count else 0.0

    def rows_with(self, values: Collection[str]) -> int | None:
        """Return how many rows hold one of some values; None if that was not counted."""
        if self.counts is None or (self.watched is not None and not self.watched >= set(values)):
            return None
        return sum(self.counts.get(value, 0) for value in set(values))

    def to_dict(self) -> dict[str, JSON]:
        """Return the entry of `statistics.json`, keys in the order of the original."""
        head = {"name": self.name, "inferred_type": self.inferred_type}
        if self.numeric:
            return {**head, "numerical_statistics": self._numerical()}
        return {**head, "string_statistics": self._string()}

    def _common(self) -> dict[str, JSON]:
        common: dict[str, JSON] = {
            "common": {"num_present": self.num_present, "num_missing": self.num_missing}
        }
        if self.extended and self.type_counts is not None:
            common["data_type_counts"] = dict(sorted(self.type_counts.items()))
        return common

    def _numerical(self) -> dict[str, JSON]:
        levels = [level.tolist() for level in self.levels or (np.empty(0),)]
        buckets = [{"lower_bound": lo, "upper_bound": up, "count": count} for lo, up, count in self.buckets]
        return {
            **self._common(),
            "mean": documents.written(self.mean),
            "sum": documents.written(self.sum),
            # The schema knows no "NaN" for this one.
            "std_dev": self.std_dev if self.std_dev is not None and math.isfinite(self.std_dev) else None,
            "min": documents.written(self.minimum),
            "max": documents.written(self.maximum),
            "approximate_num_distinct_values": int(self.distinct or 0),
            "completeness": self.completeness,
            "distribution": {
                "kll": {
                    "buckets": buckets,
                    "sketch": {"parameters": {"c": DEFAULT_C, "k": float(DEFAULT_K)}, "data": levels},
                }
            },
        }

    def _string(self) -> dict[str, JSON]:
        values = {**self._common(), "distinct_count": self.distinct or 0.0, "completeness": self.completeness}
        if self.categories:
            buckets = [{"value": value, "count": count} for value, count in self.categories.items()]
            values["distribution"] = {"categorical": {"buckets": buckets}}
        return values

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any], path: str) -> FeatureStatistics:
        """Read an entry, whoever wrote it; `path` is for messages.

        Raises DocumentError.
        """
        part = "numerical_statistics" if "numerical_statistics" in entry else "string_statistics"
        values, path = documents.mapping(entry, part, path), f"{path}.{part}"
        common = documents.mapping(values, "common", path)
        kind = documents.inferred_type(entry, path)
        distinct = documents.number(values, "approximate_num_distinct_values", path)
        return cls(
            name=entry["name"],
            inferred_type=kind or "Unknown",
            num_present=documents.count(common, "num_present", f"{path}.common") or 0,
            num_missing=documents.count(common, "num_missing", f"{path}.common") or 0,
            mean=documents.number(values, "mean", path),
            sum=documents.number(values, "sum", path),
            std_dev=documents.number(values, "std_dev", path),
            minimum=documents.number(values, "min", path),
            maximum=documents.number(values, "max", path),
            distinct=documents.number(values, "distinct_count", path) if distinct is None else distinct,
            **_read_distribution(values, path),
        )


def _read_distribution(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    distribution, path = documents.mapping(values, "distribution", path), f"{path}.distribution"
    kll, categorical = (documents.mapping(distribution, key, path) for key in ("kll", "categorical"))
    sketch = documents.mapping(kll, "sketch", f"{path}.kll")
    data = documents.items(sketch, "data", f"{path}.kll.sketch")
    found: dict[str, Any] = {}
    try:
        if data is not None:
            levels = [np.array(level, dtype=np.float64).reshape(-1) for level in data]
            found["levels"] = tuple(level[np.isfinite(level)] for level in levels)
            if any(map(len, levels[MAX_LEVELS:])):
                raise ValueError(f"more than {MAX_LEVELS} levels")
            found["levels"] = found["levels"][:MAX_LEVELS]
        found["buckets"] = tuple(
            (float(b["lower_bound"]), float(b["upper_bound"]), float(b["count"]))
            for b in documents.items(kll, "buckets", f"{path}.kll") or ()
        )
        buckets = documents.items(categorical, "buckets", f"{path}.categorical")
        if buckets is not None:
            found["categories"] = {str(b["value"]): int(b["count"]) for b in buckets}
    except (TypeError, ValueError, KeyError) as error:
        raise DocumentError(f"{path} is no distribution: {type(error).__name__} {error}") from error
    return found


@dataclass(frozen=True, slots=True)
class Statistics:
    """The statistics of a data set; `matching` is how its columns found the baseline, None if it was read."""

    item_count: int
    features: tuple[FeatureStatistics, ...]
    matching: Matching | None = None

    def to_dict(self) -> dict[str, JSON]:
        """Return the content of `statistics.json`."""
        features = [feature.to_dict() for feature in self.features]
        return {"version": 0.0, "dataset": {"item_count": self.item_count}, "features": features}

    def without(self, features: Collection[str]) -> Statistics:
        """Return these without those of some features."""
        return replace(self, features=tuple(f for f in self.features if f.name not in features))

    @classmethod
    def from_dict(cls, document: JSON) -> Statistics:
        """Read a `statistics.json`, whoever wrote it.

        Raises DocumentError if it is something else; the message says what it looks like.
        """
        entries = documents.features_of(document, documents.STATISTICS)
        features = tuple(
            FeatureStatistics.from_dict(entry, documents.feature_path(i, entry["name"]))
            for i, entry in enumerate(entries)
        )
        _refuse_placeholder(features)
        dataset = documents.mapping(document, "dataset", "the document")
        rows = documents.count(dataset, "item_count", "dataset")
        largest = max((feature.item_count for feature in features), default=0)
        return cls(largest if rows is None else rows, features)

    @classmethod
    def of(
        cls,
        profile: DatasetProfile,
        matching: Matching,
        behaviour: Behaviour,
        *,
        expected: Sequence[tuple[str | None, Behaviour]] = (),
    ) -> Statistics:
        """Read the statistics off a profile, in report order and under the names of the baseline.

        `expected` holds, per feature of the baseline, its type and behaviour; extra columns follow `behaviour`.
        """
        features = []
        for matched in matching.columns:
            known = (None, behaviour) if matched.index is None else expected[matched.index]
            column = profile.columns[matched.column]
            features.append(_of_column(matched.feature, column, profile, known[0], known[1]))
        return cls(profile.rows, tuple(features), matching)


def _refuse_placeholder(features: Sequence[FeatureStatistics]) -> None:
    """Early products wrote the statistics of a message in place of the data's (`datasets.md` §10)."""
    if len(features) != 1 or features[0].name != "message":
        return
    said = next((v for v in features[0].categories or () if re.search("not.*supported", v, re.I)), None)
    if said is not None:
        raise DocumentError(
            f"These are no statistics of data: the only feature is `message`, and all it says is {said!r}. An "
            "early version of the original wrote that when it could not preprocess the data; make a new baseline"
        )


def _of_column(
    name: str, column: ColumnProfile, profile: DatasetProfile, expected: str | None, behaviour: Behaviour
) -> FeatureStatistics:
    numeric = None if expected in (None, "Unknown") else expected in NUMERIC
    kind, classes = resolved_classes(column, profile.rows, numeric=numeric)
    missing = classes["Unknown"]
    counts, watched = column.categories.counts, None
    if counts is None:
        counts, watched = column.watched_counts, profile.options.watched
    if nan_missing := nan_is_missing(column, numeric=numeric):
        counts = {text: times for text, times in counts.items() if text.strip().lower() != "nan"}
    is_number = kind in NUMERIC
    listed = not is_number and watched is None and 0 < len(counts) <= behaviour.max_categories
    exact = float(len(counts)) if watched is None and not is_number else None
    return FeatureStatistics(
        name=name,
        inferred_type=kind,
        num_present=profile.rows - missing,
        num_missing=missing,
        distinct=column.distinct_count(numeric=is_number or nan_missing) if exact is None else exact,
        categories=_ranked(counts) if listed else None,
        type_counts=classes,
        non_finite=column.non_finite,
        examples=tuple(column.examples),
        counts=counts,
        watched=watched,
        extended=behaviour.extended_statistics,
        **(_numbers(column) if is_number else {}),
    )


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _numbers(column: ColumnProfile) -> dict[str, Any]:
    moments, levels = column.moments, tuple(column.sketch.levels)
    if not moments.count:  # infinite values only
        return {"levels": levels, "buckets": ((0.0, 0.0, 0.0),) * 10}
    return {
        "mean": moments.mean,
        "sum": moments.total,
        "std_dev": moments.std_dev,
        "minimum": moments.minimum,
        "maximum": moments.maximum,
        "levels": levels,
        "buckets": tuple(bucket_counts(levels, moments.minimum, moments.maximum)),
    }
