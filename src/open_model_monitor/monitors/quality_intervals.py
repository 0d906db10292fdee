"""How sure each metric is: 95 % confidence intervals, which the original does not have.

Shares: Wilson (1927). AUC: DeLong, DeLong and Clarke-Pearson (1988), ties counted half. Area below the
precision-recall curve: on the logit scale (Boyd, Eng and Page 2013). Other metrics of a matrix: jackknife over its
rows, which cell by cell costs no more than the matrix has cells. Regression: jackknife over groups of rows that a
hash has drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from open_model_monitor.monitors import quality_metrics as formulas
from open_model_monitor.monitors.quality_curves import Ranked
from open_model_monitor.monitors.quality_metrics import Metrics
from open_model_monitor.profiling.quality import Errors

LEVEL = 0.95
NORMAL = 1.959963984540054  # its two-sided quantile of the normal distribution
STUDENT = 2.093024054408263  # of Student's with 19 degrees of freedom, for 20 groups
MAX_CELLS = 400  # of a matrix whose rows are left out one kind at a time


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the metric of all such data lies, with probability `LEVEL`."""

    low: float
    high: float


Intervals = dict[str, Interval]


def regression(groups: Errors) -> Intervals:
    """Return the intervals of the regression metrics, from the sums of each group of rows."""
    filled = [place for place, rows in enumerate(groups.rows) if rows]
    if len(filled) < 2:
        return {}
    without = [_without(groups, filled, place) for place in filled]
    stack = {name: np.concatenate([one[name] for one in without]) for name in without[0]}
    whole = {name: float(values[0]) for name, values in formulas.regression(groups.total()).items()}
    spread = {name: _spread(values) for name, values in stack.items()}
    found = {
        name: _around(whole[name], STUDENT * wide) for name, wide in spread.items() if math.isfinite(wide)
    }
    return {
        name: Interval(max(0.0, one.low), one.high) if name != "r2" else Interval(one.low, min(1.0, one.high))
        for name, one in found.items()
    }


def _spread(without: NDArray[np.float64]) -> float:
    """Return the standard error of a metric from its values without each group; not finite if one of them is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        squares = float(((without - without.mean()) ** 2).sum())
    return math.sqrt((len(without) - 1) / len(without) * squares)


def _without(groups: Errors, filled: list[int], left_out: int) -> Metrics:
    rest = Errors(1)
    for place in filled:
        if place != left_out:
            rest = rest.merge(groups.one(place))
    return formulas.regression(rest)


def binary(counts: NDArray[np.int64]) -> Intervals:
    """Return the intervals of the metrics of one matrix `counts[label, prediction]` of the labels 0 and 1."""
    (true_negative, false_positive), (false_negative, true_positive) = counts.tolist()
    positives, negatives = true_positive + false_negative, true_negative + false_positive
    shares = {
        "recall": (true_positive, positives),
        "precision": (true_positive, true_positive + false_positive),
        "accuracy": (true_positive + true_negative, positives + negatives),
        "true_positive_rate": (true_positive, positives),
        "true_negative_rate": (true_negative, negatives),
        "false_positive_rate": (false_positive, negatives),
        "false_negative_rate": (false_negative, positives),
    }
    found = {name: wilson(part, whole) for name, (part, whole) in shares.items() if whole}
    return {**found, **_jackknife(counts, formulas.binary, tuple(formulas.BETAS))}


def multiclass(counts: NDArray[np.int64]) -> Intervals:
    """Return the intervals of the metrics of one matrix; of large ones only that of the accuracy."""
    hit, rows = int(np.trace(counts)), int(counts.sum())
    if not rows:
        return {}
    accuracy = wilson(hit, rows)
    names = ("weighted_precision", *(f"weighted_{name}" for name in formulas.BETAS))
    weighted = _jackknife(counts, formulas.multiclass, names) if counts.size <= MAX_CELLS else {}
    return {"accuracy": accuracy, "weighted_recall": accuracy, **weighted}


def wilson(part: int, whole: int) -> Interval:
    """Return the interval of a share of rows."""
    share, z = part / whole, NORMAL * NORMAL / whole
    centre = (share + z / 2) / (1 + z)
    half = NORMAL / (1 + z) * math.sqrt(share * (1 - share) / whole + z / (4 * whole))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def _jackknife(
    counts: NDArray[np.int64], metrics: Callable[[NDArray[np.int64]], Metrics], names: tuple[str, ...]
) -> Intervals:
    """Leave out each row once: rows of one cell all give the same."""
    cells = np.argwhere(counts > 0)
    rows = int(counts.sum())
    if rows < 2:
        return {}
    stack = np.repeat(counts[None], len(cells), axis=0)
    stack[np.arange(len(cells)), cells[:, 0], cells[:, 1]] -= 1
    weights = counts[cells[:, 0], cells[:, 1]]
    without, whole = metrics(stack), metrics(counts[None])
    found = {}
    for name in names:
        mean = float((without[name] * weights).sum() / rows)
        spread = math.sqrt((rows - 1) / rows * float(((without[name] - mean) ** 2 * weights).sum()))
        found[name] = _within_one(_around(float(whole[name][0]), NORMAL * spread))
    return found


def areas(ranked: Ranked, *, auc: float, au_prc: float) -> Intervals:
    """Return the intervals of both areas, of all rows."""
    positives, negatives = (counts.astype(np.float64) for counts in ranked.sample(0))
    total_positive, total_negative = positives.sum(), negatives.sum()
    found: Intervals = {}
    if total_positive > 1 and total_negative > 1:
        # The share of the other side that a score is right about, ties half; scores are descending.
        negatives_below = total_negative - np.cumsum(negatives)
        positives_above = np.cumsum(positives) - positives
        of_positive = (negatives_below + negatives / 2) / total_negative
        of_negative = (positives_above + positives / 2) / total_positive
        variance = _variance(of_positive, positives) / total_positive
        variance += _variance(of_negative, negatives) / total_negative
        found["auc"] = _within_one(_around(auc, NORMAL * math.sqrt(variance)))
    if total_positive and 0 < au_prc < 1:
        centre = math.log(au_prc / (1 - au_prc))
        half = NORMAL / math.sqrt(total_positive * au_prc * (1 - au_prc))
        found["au_prc"] = Interval(_logistic(centre - half), _logistic(centre + half))
    return found


def _logistic(value: float) -> float:
    return (1 + math.tanh(value / 2)) / 2


def _variance(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    total = weights.sum()
    mean = (values * weights).sum() / total
    return float(((values - mean) ** 2 * weights).sum() / (total - 1))


def _around(value: float, half: float) -> Interval:
    return Interval(value - half, value + half)


def _within_one(interval: Interval) -> Interval:
    return Interval(max(0.0, interval.low), min(1.0, interval.high))
