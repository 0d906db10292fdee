"""Data quality: the monitor type that ties statistics, constraints, checks and metrics together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from open_model_monitor.capture.record import JSON
from open_model_monitor.monitors import checks, drift
from open_model_monitor.monitors.base import Analysis, Checked, Finding, Metric, Notice, StatisticValues
from open_model_monitor.monitors.baseline_features import BaselineFeature, baseline_features
from open_model_monitor.monitors.behaviour import RECOMMENDED, Behaviour
from open_model_monitor.monitors.constraints import Constraints, suggest
from open_model_monitor.monitors.drift import Drift
from open_model_monitor.monitors.matching import POSITION, CurrentColumn, match
from open_model_monitor.monitors.monitoring_config import MonitoringConfig
from open_model_monitor.monitors.statistics import FeatureStatistics, Statistics
from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions


@dataclass(frozen=True, slots=True)
class DataQuality:
    """Statistics, constraints and checks per feature.

    `behaviour` is the run's: what the baseline carries, changed by the job. `categorical_drift_method` is what a
    suggestion asks for, None for the usual one.
    """

    behaviour: Behaviour = field(default_factory=Behaviour.recommended)
    categorical_drift_method: str | None = None

    kind: ClassVar[str] = "DataQuality"

    def profile_options(
        self,
        constraints: Constraints | None = None,
        missing_values: Mapping[str, Collection[str]] | None = None,
    ) -> ProfileOptions:
        """Return what a profile must be told so that everything can be checked afterwards."""
        features = baseline_features(constraints, None, self.behaviour)
        limits = [self.behaviour.max_categories, *(f.behaviour.max_categories for f in features)]
        domains = (f.constraints.domains or () for f in features if f.constraints is not None)
        return ProfileOptions(
            max_categories=max(limits),
            distinct_exact_limit=self.behaviour.distinct_exact_limit,
            missing_values=missing_values or {},
            watched=frozenset(value for values in domains for value in values),
        )

    def statistics(
        self,
        state: DatasetProfile,
        *,
        constraints: Constraints | None = None,
        baseline: Statistics | None = None,
        output_columns_position: str = "START",
    ) -> Statistics:
        """Read the statistics off a profile, under the baseline's names and in its order if there is one."""
        known = baseline_features(constraints, baseline, self.behaviour)
        exists = constraints is not None or baseline is not None
        current = state.ordered() if state.rows else []  # columns of no rows are none
        matching = match(
            [CurrentColumn(name, column.section, column.named) for name, column in current],
            [feature.name for feature in known] if exists else None,
            self.behaviour.column_matching,
            output_columns_position=output_columns_position,
        )
        expected = [(feature.inferred_type, feature.behaviour) for feature in known]
        return Statistics.of(state, matching, self.behaviour, expected=expected)

    def suggest(
        self,
        statistics: Statistics,
        *,
        like_sagemaker: bool = False,
        output_columns_position: str = "START",
    ) -> Constraints:
        """Propose constraints; the behaviour goes with them unless it is the original's.

        `like_sagemaker` suggests what the original would even if the behaviour is the recommended one.
        """
        plain = self.behaviour == Behaviour.sagemaker() or (
            like_sagemaker and self.behaviour.compatibility == RECOMMENDED
        )
        return suggest(
            statistics,
            None if plain else self.behaviour,
            categorical_drift_method=self.categorical_drift_method,
            output_columns_position=output_columns_position,
        )

    def check(
        self, statistics: Statistics, constraints: Constraints | None, baseline: Statistics | None
    ) -> Checked:
        """Compare statistics that `statistics` returned with a baseline; either document may be absent.

        Constraints alone are checked without drift, statistics alone for drift only, neither not at all.
        """
        known = baseline_features(constraints, baseline, self.behaviour)
        config = constraints.config if constraints is not None else MonitoringConfig(behaviour=self.behaviour)
        run = _Check(statistics, known, constraints is not None, config, self.behaviour)
        return run.checked()

    def analyse(
        self,
        state: DatasetProfile,
        *,
        constraints: Constraints | None = None,
        baseline: Statistics | None = None,
        output_columns_position: str = "START",
        like_sagemaker: bool = False,
    ) -> Analysis[Statistics, Constraints]:
        """Do all of it: statistics, a suggestion from them, checks, metrics; see the steps for the arguments."""
        statistics = self.statistics(
            state,
            constraints=constraints,
            baseline=baseline,
            output_columns_position=output_columns_position,
        )
        checked = self.check(statistics, constraints, baseline)
        matched = statistics.matching.warnings if statistics.matching is not None else ()
        read = constraints.warnings if constraints is not None else ()
        suggested = self.suggest(
            statistics, like_sagemaker=like_sagemaker, output_columns_position=output_columns_position
        )
        return Analysis(statistics, suggested, checked, (*read, *matched))


@dataclass(slots=True)
class _Check:
    """One comparison of statistics with a baseline, collecting what it finds."""

    statistics: Statistics
    known: tuple[BaselineFeature, ...]
    constrained: bool
    config: MonitoringConfig
    behaviour: Behaviour
    findings: list[Finding] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    features: dict[str, JSON] = field(default_factory=dict)

    def checked(self) -> Checked:
        comparable = self._columns()
        matching = self.statistics.matching
        places = [m.index for m in matching.columns] if matching is not None else []
        for index, feature in zip(places, self.statistics.features, strict=True):
            known = self.known[index] if index is not None and comparable else None
            self._feature(feature, known)
        findings = checks.ordered(self.findings)
        return Checked(findings, tuple(self.notices), tuple(self.metrics), self.features)

    def _columns(self) -> bool:
        """Check the columns; whether features can be compared at all.

        Where features are told apart by position alone, one column too many or too few leaves none to compare.
        """
        matching = self.statistics.matching
        if matching is None or matching.expected is None:
            return False
        if self.constrained and self.config.evaluate_constraints:
            self.findings += checks.columns(matching)
        rows, needed = self.statistics.item_count, self.behaviour.minimum_rows
        if rows < needed:
            text = f"{rows} rows are too few to judge drift; it takes {needed}"
            self.notices.append(Notice("insufficient_data", None, text))
        apart = matching.how == POSITION and len(matching.columns) != matching.expected
        if apart and not self.constrained:
            text = f"{len(matching.columns)} columns were not compared with the {matching.expected} of the baseline"
            self.notices.append(Notice("columns_differ", None, text))
        return not apart

    def _feature(self, feature: FeatureStatistics, known: BaselineFeature | None) -> None:
        drifted: Drift | None = None
        if known is None:
            self.notices += checks.turned_text(feature, None)
        else:
            self.findings += checks.feature(feature, known)
            self.notices += checks.notices(feature, known)
            drifted, reason = drift.measure(feature, known)
            self.notices += drift.notices(feature, known, drifted, reason)
            if drifted is not None and (finding := drift.judge(feature, known, drifted)) is not None:
                self.findings.append(finding)
        self.features[feature.name] = _summary(feature, drifted)
        config = known.config if known is not None else self.config
        if config.emit_metrics:
            behaviour = config.behaviour if known is not None else self.behaviour
            self.metrics += metrics_of(feature, drifted, behaviour)


def _summary(feature: FeatureStatistics, drifted: Drift | None) -> JSON:
    return {
        "inferred_type": feature.inferred_type,
        "type_counts": dict(feature.type_counts or {}),
        "non_finite_values": feature.non_finite,
        "drift": drifted.to_dict() if drifted is not None else None,
    }


def metrics_of(feature: FeatureStatistics, drifted: Drift | None, behaviour: Behaviour) -> Iterator[Metric]:
    """Yield the metrics of one feature (`data_quality.md` §7.1)."""
    name = feature.name
    dimensions, sets = {"Feature": name}, behaviour.metric_dimensions
    numbers = (feature.sum, feature.minimum, feature.maximum)
    if feature.numeric and None not in numbers:
        total, low, high = (number or 0.0 for number in numbers)
        statistics = StatisticValues(float(feature.num_present), total, low, high)
        yield Metric(f"feature_data_{name}", None, statistics, dimensions, sets)
    by_share = behaviour.non_null_metric == "completeness"
    values: dict[str, float] = {
        "non_null": feature.completeness if by_share else feature.num_present,
        "null": feature.num_missing,
        "completeness": feature.completeness,
        "estimated_unique_values": feature.distinct or 0.0,
    }
    counts = feature.type_counts or {}
    for kind in ("Integral", "Fractional", "String", "Boolean", "Unknown"):
        values[f"{kind.lower()}_counts"] = counts.get(kind, 0)
    if drifted is not None:
        values["baseline_drift"] = drifted.distance
    for key, value in values.items():
        yield Metric(f"feature_{key}_{name}", float(value), None, dimensions, sets)
