"""Batches of predictions and labels, as rows of a run would make them."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from open_model_monitor.capture.record import KEY, LABEL, PREDICTION, PROBABILITY
from open_model_monitor.profiling.quality import QualityOptions, QualityProfile


def batch(
    labels: Sequence[Any],
    predictions: Sequence[Any] | None = None,
    probabilities: Sequence[Any] | None = None,
    keys: Sequence[str] | None = None,
) -> pa.RecordBatch:
    nothing = [None] * len(labels)
    return pa.RecordBatch.from_pydict(
        {
            KEY: list(keys or [f"row-{i}" for i in range(len(labels))]),
            PREDICTION: list(predictions or nothing),
            PROBABILITY: list(probabilities or nothing),
            LABEL: list(labels),
        }
    )


def profile(
    problem: str,
    labels: Sequence[Any],
    predictions: Sequence[Any] | None = None,
    probabilities: Sequence[Any] | None = None,
    **options: Any,
) -> QualityProfile:
    predicted = "both" if predictions and probabilities else "label" if predictions else "probability"
    told = QualityOptions(**({"problem": problem, "predicted": predicted} | options))
    return QualityProfile(told).update(batch(labels, predictions, probabilities))
