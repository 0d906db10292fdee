"""The formulas of model quality (`model_quality.md` §4, §6). NaN stands for what is not defined.

Every function takes a stack of samples (all rows first, then the subsamples) and returns one number for each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.profiling.quality import Errors

Floats = NDArray[np.float64]
Metrics = dict[str, Floats]  # name → one value per sample

BETAS = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}
CONSTANT = "_best_constant_classifier"
NEGATIVE_AT, POSITIVE_AT = 0, 1  # the places of the two labels of a binary problem


def regression(errors: Errors) -> Metrics:
    """Return mae, mse, rmse and r2."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        mse = errors.squared / errors.rows
        r2 = np.where(errors.deviations > 0, 1.0 - errors.squared / errors.deviations, np.nan)
        return {"mae": errors.absolute / errors.rows, "mse": mse, "rmse": np.sqrt(mse), "r2": r2}


def binary(counts: NDArray[np.int64]) -> Metrics:
    """Return the metrics of matrices `counts[sample, label, prediction]` of the labels 0 and 1."""
    cells = counts.astype(np.float64)
    true_negative, false_positive = cells[:, NEGATIVE_AT, NEGATIVE_AT], cells[:, NEGATIVE_AT, POSITIVE_AT]
    false_negative, true_positive = cells[:, POSITIVE_AT, NEGATIVE_AT], cells[:, POSITIVE_AT, POSITIVE_AT]
    recall = _share(true_positive, true_positive + false_negative)
    precision = _share(true_positive, true_positive + false_positive)
    fall_out = _share(false_positive, false_positive + true_negative, empty=np.nan)
    return {
        "recall": recall,
        "precision": precision,
        "accuracy": _share(true_positive + true_negative, cells.sum(axis=(1, 2)), empty=np.nan),
        "true_positive_rate": recall,
        "true_negative_rate": 1.0 - fall_out,
        "false_positive_rate": fall_out,
        "false_negative_rate": 1.0 - recall,
        **{name: f_score(precision, recall, beta) for name, beta in BETAS.items()},
    }


def multiclass(counts: NDArray[np.int64]) -> Metrics:
    """Return the metrics of matrices `counts[sample, label, prediction]`, weighted by how often a label is true."""
    cells = counts.astype(np.float64)
    true, predicted, hit = cells.sum(axis=2), cells.sum(axis=1), np.diagonal(cells, axis1=1, axis2=2)
    rows = true.sum(axis=1)
    weights = _share(true, rows[:, None], empty=np.nan)
    recall, precision = _share(hit, true), _share(hit, predicted)
    scores = {name: f_score(precision, recall, beta) for name, beta in BETAS.items()}
    return {
        "accuracy": _share(hit.sum(axis=1), rows, empty=np.nan),
        "weighted_recall": (weights * recall).sum(axis=1),
        "weighted_precision": (weights * precision).sum(axis=1),
        **{f"weighted_{name}": (weights * score).sum(axis=1) for name, score in scores.items()},
    }


def always_one_answer(counts: NDArray[np.int64], *, best_by_truth: bool) -> NDArray[np.int64]:
    """Return the matrices of the classifier that gives the same answer to everything.

    The answer is the label that is predicted most often, or most often true; of equals the first one.
    """
    true = counts.sum(axis=2)
    answers = (true if best_by_truth else counts.sum(axis=1)).argmax(axis=1)
    constant = np.zeros_like(counts)
    constant[np.arange(len(counts)), :, answers] = true
    return constant


def f_score(precision: Floats, recall: Floats, beta: float) -> Floats:
    """Return Fβ; 0 where it is not defined."""
    weight = beta * beta
    return _share((1.0 + weight) * precision * recall, weight * precision + recall)


def _share(part: Floats, whole: Floats, empty: float = 0.0) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.where(whole > 0, part / whole, empty)
    return share
