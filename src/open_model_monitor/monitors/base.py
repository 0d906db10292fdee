"""The shape of a monitor type, and the values that all of them produce."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar, Generic, Protocol, TypeVar

from open_model_monitor.capture.record import JSON

# What CloudWatch takes for the infinities (`data_quality.md` §7.1).
LARGEST = 2.348543e108


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison that was made; those that do not hold are the violations.

    `about` says what it is about, for data quality {"feature_name": …}, for model quality {"metric_name": …};
    `measured` and `limit` are shares, counts, distances or metrics, as the check has it.
    """

    about: Mapping[str, str]
    constraint_check_type: str
    holds: bool
    description: str
    measured: float | None = None
    limit: float | None = None

    def to_entry(self) -> dict[str, str]:
        """Return the entry of `constraint_violations.json`."""
        check = {"constraint_check_type": self.constraint_check_type, "description": self.description}
        return {**check, **self.about} if "metric_name" in self.about else {**self.about, **check}


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth knowing that changes no status; `feature` is None where it is about the whole run."""

    kind: str
    feature: str | None
    text: str

    def to_dict(self) -> JSON:
        """Return the notice as the run summary holds it."""
        return {"kind": self.kind, "feature": self.feature, "text": self.text}


@dataclass(frozen=True, slots=True)
class StatisticValues:
    """A metric point that stands for many values."""

    sample_count: float
    sum: float
    minimum: float
    maximum: float

    def to_dict(self) -> dict[str, float]:
        """Return the point under CloudWatch's names."""
        named = {
            "SampleCount": self.sample_count,
            "Sum": self.sum,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
        }
        return {name: _publishable(value) for name, value in named.items()}


@dataclass(frozen=True, slots=True)
class Metric:
    """A named number for sinks: `value` or `statistics`, one of them.

    `dimensions` are its own, for data quality {"Feature": …}; `dimension_sets` says under which sets it is
    published: `plain` (the schedule's alone), `feature` (with its own), `both`.
    """

    name: str
    value: float | None = None
    statistics: StatisticValues | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)
    dimension_sets: str = "both"

    def lines(
        self, *, endpoint: str | None, schedule: str | None, timestamp: datetime | None
    ) -> Iterator[dict[str, JSON]]:
        """Yield the lines of a metric file, one per dimension set (`data_quality.md` §7.2, §7.3)."""
        named = {"Endpoint": endpoint, "MonitoringSchedule": schedule}
        plain = {name: value for name, value in named.items() if value is not None}
        own = {**plain, **self.dimensions}
        sets = {"plain": [plain], "feature": [own], "both": [plain, own]}
        for dimensions in sets[self.dimension_sets]:
            line: dict[str, JSON] = {"MetricName": self.name}
            if timestamp is not None:
                line["Timestamp"] = timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            line["Dimensions"] = [{"Name": name, "Value": dimensions[name]} for name in sorted(dimensions)]
            if self.statistics is not None:
                yield line | {"StatisticValues": self.statistics.to_dict()}
            elif self.value is not None:
                yield line | {"Value": _publishable(self.value)}


def _publishable(value: float) -> float:
    return math.copysign(LARGEST, value) if math.isinf(value) else float(value)


S = TypeVar("S")  # state
T = TypeVar("T")  # statistics
C = TypeVar("C")  # constraints
S_contra = TypeVar("S_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking found. `features` is what the run summary says about each feature."""

    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    metrics: tuple[Metric, ...] = ()
    features: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysis(Generic[T, C]):
    """Everything a monitor says about the data of one run; `constraints` are suggested from that data."""

    statistics: T
    constraints: C
    checked: Checked = Checked()
    warnings: tuple[str, ...] = ()

    @property
    def findings(self) -> Sequence[Finding]:
        """All comparisons made, violations or not."""
        return self.checked.findings

    @property
    def violations(self) -> list[dict[str, str]]:
        """The entries of `constraint_violations.json`."""
        return [finding.to_entry() for finding in self.checked.findings if not finding.holds]

    @property
    def notices(self) -> Sequence[Notice]:
        """What changes no status."""
        return self.checked.notices

    @property
    def metrics(self) -> Sequence[Metric]:
        """What may be published."""
        return self.checked.metrics

    @property
    def features(self) -> Mapping[str, JSON]:
        """What the run summary says about each feature."""
        return self.checked.features


class Monitor(Protocol[S_contra, T, C]):
    """A monitor type: its options in the fields, all data in the arguments."""

    kind: ClassVar[str]

    def statistics(self, state: S_contra, *, constraints: C | None = None, baseline: T | None = None) -> T:
        """Read statistics off a state; what the baseline expects may decide how."""
        ...

    def suggest(self, statistics: T) -> C:
        """Propose constraints."""
        ...

    def check(self, statistics: T, constraints: C | None, baseline: T | None) -> Checked:
        """Compare statistics with a baseline; either document may be absent."""
        ...
