"""The block `monitoring_config` and what features override of it (`data_quality.md` §4.3, §4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors import document_values as documents
from open_model_monitor.monitors.behaviour import BLOCK, Behaviour, checked_block

ENABLED, DISABLED = "Enabled", "Disabled"
SIMPLE, ROBUST = "Simple", "Robust"
L_INFINITY, CHI_SQUARED = "LInfinity", "ChiSquared"

_SWITCHES = {"enabled": ENABLED, "disabled": DISABLED}
_NAMES = {
    "evaluate_constraints": _SWITCHES,
    "emit_metrics": _SWITCHES,
    "perform_comparison": _SWITCHES,
    "comparison_method": {
        "simple": SIMPLE,
        "robust": ROBUST,
        "linf_simple": SIMPLE,
        "linf_robust": ROBUST,
    },
    "categorical_drift_method": {"linfinity": L_INFINITY, "chisquared": CHI_SQUARED},
}
_TOP = ("evaluate_constraints", "emit_metrics", "datatype_check_threshold", "domain_content_threshold")
_DISTRIBUTION = (
    *("perform_comparison", "comparison_threshold", "comparison_method"),
    *("categorical_comparison_threshold", "categorical_drift_method"),
)


@dataclass(frozen=True, slots=True)
class MonitoringConfig:
    """What is evaluated and how strictly; thresholds are shares and distances from 0 to 1."""

    evaluate_constraints: bool = True
    emit_metrics: bool = True
    datatype_threshold: float = 1.0
    domain_threshold: float = 1.0
    perform_comparison: bool = True
    threshold: float = 0.1
    method: str = ROBUST
    categorical_threshold: float = 0.1
    categorical_method: str = L_INFINITY
    behaviour: Behaviour = field(default_factory=Behaviour.sagemaker)

    @classmethod
    def of(cls, block: Mapping[str, Any]) -> MonitoringConfig:
        """Return the effective values of a checked block; absent keys have their defaults."""
        distances = block.get("distribution_constraints", {})
        threshold = distances.get("comparison_threshold", 0.1)
        return cls(
            evaluate_constraints=block.get("evaluate_constraints", ENABLED) == ENABLED,
            emit_metrics=block.get("emit_metrics", ENABLED) == ENABLED,
            datatype_threshold=block.get("datatype_check_threshold", 1.0),
            domain_threshold=block.get("domain_content_threshold", 1.0),
            perform_comparison=distances.get("perform_comparison", ENABLED) == ENABLED,
            threshold=threshold,
            method=distances.get("comparison_method", ROBUST),
            categorical_threshold=distances.get("categorical_comparison_threshold", threshold),
            categorical_method=distances.get("categorical_drift_method", L_INFINITY),
            behaviour=Behaviour.from_block(block.get(BLOCK, {})),
        )


def written_config(behaviour: Behaviour | None, categorical_drift_method: str) -> dict[str, JSON]:
    """Return the block that a suggestion holds."""
    block: dict[str, JSON] = {
        "evaluate_constraints": ENABLED,
        "emit_metrics": ENABLED,
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": {
            "perform_comparison": ENABLED,
            "comparison_threshold": 0.1,
            "comparison_method": ROBUST,
            "categorical_comparison_threshold": 0.1,
            "categorical_drift_method": categorical_drift_method,
        },
    }
    return block if behaviour is None else block | {BLOCK: behaviour.to_dict()}


def checked(block: JSON, path: str) -> tuple[dict[str, Any], list[str]]:
    """Return a block with its values in one spelling, and the paths of keys nobody knows, which are left out.

    Raises DocumentError naming the key path of a value that makes no sense.
    """
    if block is None:
        return {}, []
    if not isinstance(block, dict):
        raise DocumentError(f"{path} is {block!r}; expected an object")
    values, unknown = _values(block, _TOP, path, nested=("distribution_constraints", BLOCK))
    if "distribution_constraints" in block:
        inner, below = documents.mapping(block, "distribution_constraints", path), "distribution_constraints"
        values[below], more = _values(inner, _DISTRIBUTION, f"{path}.{below}")
        unknown += more
    if block.get(BLOCK) is not None:
        values[BLOCK], more = checked_block(block[BLOCK], f"{path}.{BLOCK}")
        unknown += more
    return values, unknown


def _values(
    block: Mapping[str, Any], known: tuple[str, ...], path: str, nested: tuple[str, ...] = ()
) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    for key in known:
        if block.get(key) is not None:
            values[key] = named(key, block[key], path) if key in _NAMES else documents.share(block, key, path)
    return values, [f"{path}.{key}" for key in block if key not in known and key not in nested]


def named(key: str, value: JSON, path: str) -> str:
    """Return a name of a document in its usual spelling."""
    choices = _NAMES[key]
    found = choices.get(str(value).lower())
    if found is None:
        expected = ", ".join(dict.fromkeys(choices.values()))
        raise DocumentError(f"{path}.{key} is {value!r}; expected one of {expected}")
    return found


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return both blocks merged key by key at every depth; what is over wins."""
    both = dict(base)
    for key, value in over.items():
        below = both.get(key)
        both[key] = merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return both
