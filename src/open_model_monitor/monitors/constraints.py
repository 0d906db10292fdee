"""constraints.json: suggested, read, passed on (`data_quality.md` §4)."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors import document_values as documents
from open_model_monitor.monitors.behaviour import BLOCK, POSITION_KEY, Behaviour
from open_model_monitor.monitors.monitoring_config import (
    L_INFINITY,
    MonitoringConfig,
    checked,
    merged,
    named,
    written_config,
)
from open_model_monitor.monitors.statistics import FeatureStatistics, Statistics

_OVERRIDES = ("monitoring_config_overrides", "monitoringConfigOverrides")


@dataclass(frozen=True, slots=True)
class FeatureConstraints:
    """What must hold for one feature; what is None is not checked. `config` is effective, overrides included."""

    name: str
    inferred_type: str | None = None
    completeness: float | None = None
    is_non_negative: bool | None = None
    domains: tuple[str, ...] | None = None
    config: MonitoringConfig = field(default_factory=MonitoringConfig)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What must hold for a data set: a document, and what is read from it.

    The document is the truth, so that keys nobody knows survive when it is passed on.
    """

    document: JSON
    features: tuple[FeatureConstraints, ...]
    config: MonitoringConfig
    warnings: tuple[str, ...] = ()

    @property
    def behaviour(self) -> Behaviour:
        """The behaviour that travels with these constraints."""
        return self.config.behaviour

    def to_dict(self) -> dict[str, JSON]:
        """Return the content of `constraints.json`."""
        document: dict[str, JSON] = copy.deepcopy(self.document)
        return document

    def without(self, features: Collection[str]) -> Constraints:
        """Return these without those of some features."""
        entries = [entry for entry in self.document["features"] if entry["name"] not in features]
        return replace(
            self,
            document=self.document | {"features": entries},
            features=tuple(feature for feature in self.features if feature.name not in features),
        )

    @classmethod
    def from_dict(cls, document: JSON) -> Constraints:
        """Read a `constraints.json`, whoever wrote or edited it.

        Raises DocumentError if it is something else, or naming the key path of a value that makes no sense.
        """
        entries = documents.features_of(document, documents.CONSTRAINTS)
        block, unknown = checked(document.get("monitoring_config"), "monitoring_config")
        features = tuple(_read(entry, i, block, unknown) for i, entry in enumerate(entries))
        warnings = (f"constraints: unknown keys are ignored: {', '.join(unknown)}",) if unknown else ()
        return cls(copy.deepcopy(document), features, MonitoringConfig.of(block), warnings)


def _read(
    entry: Mapping[str, Any], index: int, block: Mapping[str, Any], unknown: list[str]
) -> FeatureConstraints:
    path = documents.feature_path(index, entry["name"])
    numbers = documents.mapping(entry, "num_constraints", path)
    texts = documents.mapping(entry, "string_constraints", path)
    places = [(texts, f"{path}.string_constraints"), (numbers, f"{path}.num_constraints"), (entry, path)]
    for values, where in places:
        for key in _OVERRIDES:
            override, more = checked(values.get(key), f"{where}.{key}")
            block = merged(block, override)
            unknown += more
    domains = documents.items(texts, "domains", f"{path}.string_constraints")
    non_negative = numbers.get("is_non_negative")
    return FeatureConstraints(
        name=entry["name"],
        inferred_type=documents.inferred_type(entry, path),
        completeness=documents.share(entry, "completeness", path),
        is_non_negative=non_negative if isinstance(non_negative, bool) else None,
        domains=None if domains is None else tuple(_text(v, f"{path}.string_constraints") for v in domains),
        config=MonitoringConfig.of(block),
    )


def _text(value: JSON, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise DocumentError(f"{path}.domains holds {value!r}; expected texts")


def suggest(
    statistics: Statistics,
    behaviour: Behaviour | None = None,
    *,
    categorical_drift_method: str | None = None,
    output_columns_position: str = "START",
) -> Constraints:
    """Propose constraints from the statistics of data we trust.

    `behaviour` None suggests what the original would. `output_columns_position` is remembered with the behaviour
    unless it is the usual one.

    Raises DocumentError for a method that does not exist.
    """
    method = named("categorical_drift_method", categorical_drift_method or L_INFINITY, "the job's settings")
    config = written_config(behaviour, method)
    if behaviour is not None and output_columns_position.upper() != "START":
        config[BLOCK] |= {POSITION_KEY: output_columns_position.upper()}
    share = (behaviour or Behaviour.sagemaker()).max_singleton_share
    features = [_suggested(feature, share) for feature in statistics.features]
    return Constraints.from_dict({"version": 0.0, "features": features, "monitoring_config": config})


def _suggested(feature: FeatureStatistics, max_singleton_share: float) -> dict[str, JSON]:
    entry: dict[str, JSON] = {
        "name": feature.name,
        "inferred_type": feature.inferred_type,
        "completeness": feature.completeness,
    }
    if feature.numeric:
        # Positive statements need a number: a column of nothing but infinities says nothing.
        entry["num_constraints"] = {"is_non_negative": feature.minimum is not None and feature.minimum >= 0}
    elif feature.categories and feature.inferred_type == "String":
        singletons = sum(count == 1 for count in feature.categories.values())
        if singletons / len(feature.categories) <= max_singleton_share:
            entry["string_constraints"] = {"domains": list(feature.categories)}
    return entry
