"""How model quality may differ from the original (`model_quality.md` §12); the settings are the run's."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from open_model_monitor.capture.record import JSON
from open_model_monitor.errors import SettingsError
from open_model_monitor.monitors.behaviour import RECOMMENDED, SAGEMAKER

PREDICTED, TRUTH = "predicted", "truth"
_CHOICES = {"compatibility": (SAGEMAKER, RECOMMENDED), "best_constant": (PREDICTED, TRUTH)}


@dataclass(frozen=True, slots=True)
class QualityBehaviour:
    """The settings; the defaults are what the original does."""

    compatibility: str = SAGEMAKER
    best_constant: str = (
        PREDICTED  # the constant answer is the label predicted most often, or true most often
    )
    report_f0_5: bool = False
    subsample_seed: int = 0
    max_exact_scores: int = 1_000_000
    coverage_metrics: bool = False
    min_ground_truth_coverage: float = 0.0

    @classmethod
    def recommended(cls) -> QualityBehaviour:
        """Return what we suggest."""
        return cls(RECOMMENDED, best_constant=TRUTH, report_f0_5=True, coverage_metrics=True)

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, default: str = RECOMMENDED) -> QualityBehaviour:
        """Return the behaviour of the settings of a run; values may be texts.

        Raises SettingsError naming the setting, and listing the known ones if there is none of that name.
        """
        values = {key: _setting(key, value) for key, value in settings.items()}
        recommended = values.get("compatibility", default) == RECOMMENDED
        return dataclasses.replace(cls.recommended() if recommended else cls(), **values)

    def to_dict(self) -> dict[str, JSON]:
        """Return the settings as the run summary holds them."""
        return dataclasses.asdict(self)


_TYPES = {f.name: f.type for f in dataclasses.fields(QualityBehaviour)}


def _setting(key: str, value: Any) -> Any:
    if key not in _TYPES:
        near = difflib.get_close_matches(key, _TYPES, 1)
        meant = f", did you mean {near[0]}?" if near else ";"
        raise SettingsError(f"there is no behaviour {key!r}{meant} known are {', '.join(_TYPES)}")
    text, kind = str(value).strip().lower(), _TYPES[key]
    if key in _CHOICES and text in _CHOICES[key]:
        return text
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    if kind == "int" and text.isdecimal():
        return int(text)
    if kind == "float":
        try:
            if 0 <= float(text) <= 1:
                return float(text)
        except ValueError:
            pass
    expected = {"bool": "true or false", "int": "a whole number, 0 or more", "float": "a number from 0 to 1"}
    wanted = " or ".join(_CHOICES[key]) if key in _CHOICES else expected[str(kind)]
    raise SettingsError(f"behaviour {key} is {value!r}; expected {wanted}")
