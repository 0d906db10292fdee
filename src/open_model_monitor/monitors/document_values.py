"""What a JSON document looks like, and the values in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import DocumentError

TYPES = ("Integral", "Fractional", "String", "Unknown")
NUMERIC = ("Integral", "Fractional")

STATISTICS, CONSTRAINTS = "data-quality statistics", "data-quality constraints"

# Found among the keys of a document, and what it then is; the first one counts.
_SIGNS = {
    "violations": "a list of constraint violations",
    "pre_training_bias_metrics": "a bias analysis",
    "post_training_bias_metrics": "a bias analysis",
    "explanations": "an explainability analysis",
    "regression_metrics": "a model-quality report",
    "binary_classification_metrics": "a model-quality report",
    "multiclass_classification_metrics": "a model-quality report",
    "regression_constraints": "model-quality constraints",
    "binary_classification_constraints": "model-quality constraints",
    "multiclass_classification_constraints": "model-quality constraints",
    "captureData": "a captured record",
}
_OF_STATISTICS = {"numerical_statistics", "string_statistics"}
_OF_CONSTRAINTS = {"completeness", "num_constraints", "string_constraints"}


def features_of(document: JSON, expected: str) -> list[dict[str, Any]]:
    """Return the list `features` of a document that should be `expected`.

    Raises DocumentError saying what the document looks like instead.
    """
    if not isinstance(document, dict):
        raise DocumentError(f"Expected {expected}, found a JSON {type(document).__name__}")
    features = document.get("features")
    seems = _looks_like(document)
    if seems is not None and seems != expected:
        raise DocumentError(f"Expected {expected}; this looks like {seems}")
    if not isinstance(features, list):
        keys = ", ".join(map(repr, list(document)[:8])) or "no keys at all"
        raise DocumentError(f"Expected {expected} with a list `features`; the document has {keys}")
    if features and seems is None and expected == STATISTICS:
        raise DocumentError(f"Expected {expected}; no feature of this document has any")
    for i, feature in enumerate(features):
        if not isinstance(feature, dict) or not isinstance(feature.get("name"), str):
            raise DocumentError(f"features[{i}] is no object with a text `name`")
    return features


def _looks_like(document: Mapping[str, Any]) -> str | None:
    for key, what in _SIGNS.items():
        if key in document:
            return what
    features = document.get("features")
    keys: set[str] = set()
    for feature in features if isinstance(features, list) else []:
        keys.update(feature if isinstance(feature, dict) else ())
    if keys & _OF_STATISTICS:
        return STATISTICS
    if keys & _OF_CONSTRAINTS or "monitoring_config" in document:
        return CONSTRAINTS
    return None


def feature_path(index: int, name: str) -> str:
    """Return how messages point at a feature."""
    return f"features[{index}] ({name!r})"


def number(values: Mapping[str, Any], key: str, path: str) -> float | None:
    """Return a number; None where it is absent, null or "NaN"."""
    value = values.get(key)
    if isinstance(value, str):
        try:
            value = {"NaN": None, "Infinity": math.inf, "-Infinity": -math.inf}[value]
        except KeyError:
            raise DocumentError(f"{path}.{key} is {value!r}; expected a number") from None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DocumentError(f"{path}.{key} is {value!r}; expected a number")
    return None if math.isnan(value) else float(value)


def count(values: Mapping[str, Any], key: str, path: str) -> int | None:
    """Return a number of rows; None where it is absent."""
    value = number(values, key, path)
    if value is not None and not 0 <= value < math.inf:
        raise DocumentError(f"{path}.{key} is {value}; expected a number of rows")
    return None if value is None else int(value)


def share(values: Mapping[str, Any], key: str, path: str) -> float | None:
    """Return a number from 0 to 1; None where it is absent."""
    value = number(values, key, path)
    if value is not None and not 0 <= value <= 1:
        raise DocumentError(f"{path}.{key} is {value}; expected a number from 0 to 1")
    return value


def inferred_type(values: Mapping[str, Any], path: str) -> str | None:
    """Return the name of a type; None where it is absent."""
    value = values.get("inferred_type")
    if value is not None and value not in TYPES:
        raise DocumentError(f"{path}.inferred_type is {value!r}; expected one of {', '.join(TYPES)}")
    return value


def mapping(values: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    """Return an object; an empty one where it is absent."""
    value = values.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DocumentError(f"{path}.{key} is {value!r}; expected an object")
    return value


def items(values: Mapping[str, Any], key: str, path: str) -> list[Any] | None:
    """Return a list; None where it is absent."""
    value = values.get(key)
    if value is not None and not isinstance(value, list):
        raise DocumentError(f"{path}.{key} is {value!r}; expected a list")
    return value


def written(value: float | None) -> JSON:
    """Return a number as JSON can hold it."""
    if value is None or math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
