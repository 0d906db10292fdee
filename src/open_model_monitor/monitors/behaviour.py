"""How data quality may differ from the original: settings that live in the baseline (`data_quality.md` §8).

A `constraints.json` without the block `monitoring_config.open_model_monitor` was made by the original, and is
evaluated as the original would.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import DocumentError, SettingsError

BLOCK = "open_model_monitor"
PATH = f"monitoring_config.{BLOCK}"
SAGEMAKER, RECOMMENDED = "sagemaker", "recommended"
POSITION_KEY = "output_columns_position"  # kept in the same block, read by who reads the data

_CHOICES = {
    "compatibility": (SAGEMAKER, RECOMMENDED),
    "drift_counting": ("distinct", "rows"),
    "column_matching": ("auto", "position", "name"),
    "violations_file_when_clean": ("always", "never"),
    "non_null_metric": ("count", "completeness"),
    "metric_dimensions": ("both", "plain", "feature"),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The settings; the defaults are what the original does."""

    compatibility: str = SAGEMAKER
    drift_counting: str = "distinct"  # which values a numeric distance counts: `distinct` or `rows`
    drift_on_integers: bool = False
    integral_counts_as_fractional: bool = False
    column_matching: str = "position"
    minimum_rows: int = 0  # below it a feature's drift is not judged
    violations_file_when_clean: str = "always"
    non_null_metric: str = "count"
    metric_dimensions: str = "both"
    max_categories: int = 120
    max_singleton_share: float = 0.1  # of the distinct values; above it no domain is suggested
    distinct_exact_limit: int = 10_000
    extended_statistics: bool = False

    @classmethod
    def sagemaker(cls) -> Behaviour:
        """Return what the original does."""
        return cls()

    @classmethod
    def recommended(cls) -> Behaviour:
        """Return what we suggest for new baselines."""
        return cls(
            compatibility=RECOMMENDED,
            drift_counting="rows",
            drift_on_integers=True,
            integral_counts_as_fractional=True,
            column_matching="auto",
            minimum_rows=30,
            extended_statistics=True,
        )

    @classmethod
    def from_constraints(cls, document: JSON) -> Behaviour:
        """Return the behaviour that a `constraints.json` asks for.

        Raises DocumentError naming the key whose value makes no sense.
        """
        config = document.get("monitoring_config") if isinstance(document, dict) else None
        block = (config.get(BLOCK) if isinstance(config, dict) else None) or {}
        return cls.from_block(checked_block(block, PATH)[0])

    @classmethod
    def from_block(cls, block: Mapping[str, Any]) -> Behaviour:
        """Return the behaviour of a checked block: its `compatibility`, changed by its other keys."""
        recommended = block.get("compatibility") == RECOMMENDED
        return dataclasses.replace(cls.recommended() if recommended else cls.sagemaker(), **block)

    def overridden(self, settings: Mapping[str, Any]) -> Behaviour:
        """Return this with some settings changed; values may be texts.

        Raises SettingsError naming the setting, and listing the known ones if there is none of that name.
        """
        values = {key: setting(key, value) for key, value in settings.items()}
        base = self
        if values.get("compatibility", self.compatibility) != self.compatibility:
            base = self.from_block({"compatibility": values["compatibility"]})
        return dataclasses.replace(base, **values)

    def changes_from(self, other: Behaviour) -> dict[str, Any]:
        """Return the settings that differ from `other`'s."""
        return {key: value for key, value in self.to_dict().items() if getattr(other, key) != value}

    def to_dict(self) -> dict[str, JSON]:
        """Return the block of `constraints.json`."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}


_TYPES = {f.name: f.type for f in dataclasses.fields(Behaviour)}


def setting(key: str, value: Any) -> Any:
    """Return the value of one setting with its type; `value` may be a text.

    Raises SettingsError.
    """
    if key not in _TYPES:
        near = difflib.get_close_matches(key, _TYPES, 1)
        meant = f", did you mean {near[0]}?" if near else ";"
        raise SettingsError(f"there is no behaviour {key!r}{meant} {_known_keys()}")
    kind = _TYPES[key]
    found: str | bool | float | None
    if key in _CHOICES:
        choices = _CHOICES[key]
        found = next((choice for choice in choices if str(value).lower() == choice), None)
        expected = " or ".join(choices)
    elif kind == "bool":
        found = {"true": True, "false": False}.get(str(value).lower())
        expected = "true or false"
    else:
        found, expected = _number(value, whole=kind == "int", share=key == "max_singleton_share")
    if found is None:
        raise SettingsError(f"behaviour {key} is {value!r}; expected {expected}")
    return found


def _number(value: Any, *, whole: bool, share: bool) -> tuple[float | None, str]:
    expected = "a number from 0 to 1" if share else "a whole number, 0 or more"
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None, expected
    fits = 0 <= number <= 1 if share else 0 <= number < math.inf and number.is_integer()
    return ((int(number) if whole else number) if fits else None), expected


def _known_keys() -> str:
    return f"known are {', '.join(_TYPES)}"


def checked_block(block: JSON, path: str) -> tuple[dict[str, Any], list[str]]:
    """Return the settings of a document's block, typed, and the paths of keys nobody knows.

    Raises DocumentError naming the key path.
    """
    if not isinstance(block, dict):
        raise DocumentError(f"{path} is {block!r}; expected an object")
    settings: dict[str, Any] = {}
    unknown = []
    for key, value in block.items():
        if key in _TYPES:
            try:
                settings[key] = setting(key, value)
            except SettingsError as error:
                raise DocumentError(f"{path}.{key}: {error}") from error
        elif key != POSITION_KEY:
            unknown.append(f"{path}.{key}")
    return settings, unknown
