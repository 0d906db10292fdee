"""statistics.json and constraints.json of model quality: written and read (`model_quality.md` §3, §8)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors import document_values as documents
from open_model_monitor.profiling.problems import BINARY, MULTICLASS, REGRESSION

LESS, GREATER = "LessThanThreshold", "GreaterThanThreshold"
OPERATORS = (LESS, GREATER, "LessThanOrEqualToThreshold", "GreaterThanOrEqualToThreshold")

_BLOCKS = {
    REGRESSION: "regression",
    BINARY: "binary_classification",
    MULTICLASS: "multiclass_classification",
}
_F = ("f0_5", "f1", "f2")
_CONSTANT = "_best_constant_classifier"
_OF_CONSTANT = ("recall", "precision", "accuracy")
_MULTICLASS = ("accuracy", "weighted_recall", "weighted_precision", *(f"weighted_{name}" for name in _F))

CURVES = ("receiver_operating_characteristic_curve", "precision_recall_curve")
# Scalar metrics in the order of the document; `curves` marks where those of a binary problem stand.
SCALARS: Mapping[str, tuple[str, ...]] = {
    REGRESSION: ("mae", "mse", "rmse", "r2"),
    BINARY: (
        *(*_OF_CONSTANT, *(name + _CONSTANT for name in _OF_CONSTANT)),
        *("true_positive_rate", "true_negative_rate", "false_positive_rate", "false_negative_rate"),
        *("auc", "au_prc", *_F, *(name + _CONSTANT for name in _F)),
    ),
    MULTICLASS: (*_MULTICLASS, *(name + _CONSTANT for name in _MULTICLASS)),
}
# What is suggested, in the order of the document (§8).
SUGGESTED: Mapping[str, tuple[str, ...]] = {
    REGRESSION: SCALARS[REGRESSION],
    BINARY: (
        *(*_OF_CONSTANT, "true_positive_rate", "true_negative_rate", "false_positive_rate"),
        *("false_negative_rate", "auc", *_F),
    ),
    MULTICLASS: _MULTICLASS,
}
WORSE_WHEN_GREATER = frozenset(("mae", "mse", "rmse", "false_positive_rate", "false_negative_rate"))


@dataclass(frozen=True, slots=True)
class QualityStatistics:
    """The metrics of one run: `value`s and `standard_deviation`s by name, NaN where one is not defined.

    `matrix` is `[actual][predicted]` of a classification; `curves` are as they are written, if there are any.
    """

    problem: str
    item_count: int
    values: Mapping[str, float]
    deviations: Mapping[str, float] = field(default_factory=dict)
    matrix: Mapping[str, Mapping[str, int]] | None = None
    curves: Mapping[str, JSON] = field(default_factory=dict)
    evaluation_time: datetime | None = None

    def to_dict(self) -> dict[str, JSON]:
        """Return the content of `statistics.json`."""
        block: dict[str, JSON] = {}
        if self.matrix is not None:
            block["confusion_matrix"] = {label: dict(row) for label, row in self.matrix.items()}
        for name in SCALARS[self.problem]:
            if name == "auc":
                block |= self.curves
            if name in self.values:
                block[name] = {
                    "value": _number(self.values[name]),
                    "standard_deviation": _number(self.deviations.get(name, math.nan)),
                }
        dataset: dict[str, JSON] = {"item_count": self.item_count}
        if self.evaluation_time is not None:
            moment = self.evaluation_time.astimezone(UTC)
            dataset["evaluation_time"] = (
                moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
            )
        return {"version": 0.0, "dataset": dataset, f"{_BLOCKS[self.problem]}_metrics": block}

    @classmethod
    def from_dict(cls, document: JSON) -> QualityStatistics:
        """Read a `statistics.json` of any image.

        Raises DocumentError if it is something else.
        """
        problem, block = _block(document, "metrics", "a model-quality report")
        values, deviations = {}, {}
        for name, entry in block.items():
            if isinstance(entry, dict) and "value" in entry:
                path = f"{_BLOCKS[problem]}_metrics.{name}"
                values[name] = _or_nan(documents.number(entry, "value", path))
                deviations[name] = _or_nan(documents.number(entry, "standard_deviation", path))
        dataset = documents.mapping(document, "dataset", "the document")
        return cls(
            problem,
            documents.count(dataset, "item_count", "dataset") or 0,
            values,
            deviations,
            block.get("confusion_matrix"),
            {name: block[name] for name in CURVES if name in block},
            _moment(dataset.get("evaluation_time")),
        )


@dataclass(frozen=True, slots=True)
class Threshold:
    """What one metric is compared with; None is never compared."""

    threshold: float | None
    operator: str


@dataclass(frozen=True, slots=True)
class QualityConstraints:
    """What must hold of the metrics; the document is the truth, so that keys nobody knows survive."""

    document: JSON
    problem: str
    thresholds: Mapping[str, Threshold]
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, JSON]:
        """Return the content of `constraints.json`."""
        document: dict[str, JSON] = copy.deepcopy(self.document)
        return document

    @classmethod
    def suggest(cls, statistics: QualityStatistics) -> QualityConstraints:
        """Propose the values of data we trust as thresholds, unrounded and without margin."""
        block = {
            name: {
                "threshold": _number(statistics.values[name]),
                "comparison_operator": GREATER if name in WORSE_WHEN_GREATER else LESS,
            }
            for name in SUGGESTED[statistics.problem]
            if name in statistics.values
        }
        return cls.from_dict({"version": 0.0, f"{_BLOCKS[statistics.problem]}_constraints": block})

    @classmethod
    def from_dict(cls, document: JSON) -> QualityConstraints:
        """Read a `constraints.json`, whoever wrote or edited it.

        Raises DocumentError if it is something else, or naming the key that makes no sense.
        """
        problem, block = _block(document, "constraints", "model-quality constraints")
        name_of = f"{_BLOCKS[problem]}_constraints"
        thresholds = {name: _threshold(block, name, problem, f"{name_of}.{name}") for name in block}
        return cls(copy.deepcopy(document), problem, thresholds)


def _block(document: JSON, what: str, expected: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(document, dict):
        raise DocumentError(f"Expected {expected}, found a JSON {type(document).__name__}")
    found = [problem for problem, name in _BLOCKS.items() if f"{name}_{what}" in document]
    if len(found) != 1:
        names = " or ".join(f"{name}_{what}" for name in _BLOCKS.values())
        keys = ", ".join(map(repr, list(document)[:8])) or "no keys at all"
        raise DocumentError(f"Expected {expected} with one of {names}; the document has {keys}")
    [problem] = found
    return problem, dict(documents.mapping(document, f"{_BLOCKS[problem]}_{what}", "the document"))


def _threshold(block: Mapping[str, Any], name: str, problem: str, path: str) -> Threshold:
    if name not in SCALARS[problem]:
        others = [other for other, names in SCALARS.items() if name in names]
        of = f"a metric of {others[0]}" if others else "no metric"
        raise DocumentError(f"{path}: {name} is {of}; known are {', '.join(SCALARS[problem])}")
    entry = documents.mapping(block, name, path.rpartition(".")[0])
    operator = entry.get("comparison_operator")
    if operator not in OPERATORS:
        raise DocumentError(f"{path}.comparison_operator is {operator!r}; expected {' or '.join(OPERATORS)}")
    value = entry.get("threshold")
    try:
        number = float(value) if isinstance(value, str) and value.strip() else value
    except ValueError:
        raise DocumentError(f"{path}.threshold is {value!r}; expected a number") from None
    return Threshold(documents.number({"threshold": number}, "threshold", path), str(operator))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
