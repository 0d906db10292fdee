"""The monitors of SageMaker Clarify, which this version does not run."""

from __future__ import annotations

from typing import Any

from open_model_monitor.errors import UsageError


class _NotRunHere:
    def __init__(self, *_: Any, **__: Any) -> None:
        raise UsageError(
            f"{type(self).__name__}: this version keeps definitions of bias and explainability but does not run them; "
            "DefaultModelMonitor and ModelQualityMonitor run"
        )


class ModelBiasMonitor(_NotRunHere):
    """Bias drift; raises UsageError."""


class ModelExplainabilityMonitor(_NotRunHere):
    """Drift of feature attributions; raises UsageError."""
