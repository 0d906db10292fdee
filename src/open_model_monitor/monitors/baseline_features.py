"""What a baseline says about each of its features: constraints and statistics, brought together."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.constraints import Constraints, FeatureConstraints
from open_model_monitor.monitors.monitoring_config import MonitoringConfig
from open_model_monitor.monitors.statistics import FeatureStatistics, Statistics

Named = TypeVar("Named", FeatureConstraints, FeatureStatistics)


@dataclass(frozen=True, slots=True)
class BaselineFeature:
    """One feature of a baseline; either document may be silent about it."""

    name: str
    constraints: FeatureConstraints | None = None
    statistics: FeatureStatistics | None = None
    config: MonitoringConfig = field(default_factory=MonitoringConfig)

    @property
    def inferred_type(self) -> str | None:
        """The type that is expected of the data."""
        if self.constraints is not None and self.constraints.inferred_type is not None:
            return self.constraints.inferred_type
        return self.statistics.inferred_type if self.statistics is not None else None

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour for this feature."""
        return self.config.behaviour


def baseline_features(
    constraints: Constraints | None, statistics: Statistics | None, behaviour: Behaviour
) -> tuple[BaselineFeature, ...]:
    """Return the features of a baseline in its order, which is that of the constraints if there are any.

    `behaviour` is the run's; where it differs from the one the constraints carry, the job has asked for the
    difference, which therefore holds for every feature.
    """
    if constraints is None:
        config = MonitoringConfig(behaviour=behaviour)
        found = statistics.features if statistics is not None else ()
        return tuple(BaselineFeature(f.name, None, f, config) for f in found)
    asked = behaviour.changes_from(constraints.behaviour)
    described = _by_occurrence(statistics.features if statistics is not None else ())
    features = []
    for place, feature in _by_occurrence(constraints.features).items():
        config = _changed(feature.config, asked)
        features.append(BaselineFeature(feature.name, feature, described.get(place), config))
    return tuple(features)


def _by_occurrence(features: tuple[Named, ...]) -> dict[tuple[str, int], Named]:
    """Return features by name and how often the name occurred before: of equal names, the position decides."""
    seen: Counter[str] = Counter()
    places = {}
    for feature in features:
        places[feature.name, seen[feature.name]] = feature
        seen[feature.name] += 1
    return places


def _changed(config: MonitoringConfig, asked: Mapping[str, Any]) -> MonitoringConfig:
    return dataclasses.replace(config, behaviour=dataclasses.replace(config.behaviour, **asked))
