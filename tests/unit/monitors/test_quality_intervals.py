import random

import numpy as np
import pytest

from open_model_monitor.monitors import quality_intervals as intervals
from open_model_monitor.monitors.model_quality import ModelQuality
from open_model_monitor.profiling.problems import BINARY, REGRESSION
from support.labelled import profile


def test_wilson_as_published():
    found = intervals.wilson(9, 10)
    assert (found.low, found.high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))
    assert intervals.wilson(0, 10).low == 0.0


def covers(metric, tables, truth):
    """How many tables have an interval of the metric that holds the truth."""
    held = 0
    for state in tables:
        found = ModelQuality().measure(state).intervals[metric]
        held += found.low <= truth <= found.high
    return held


def scored(seed):
    chance = random.Random(seed)
    labels = [int(chance.random() < 0.4) for _ in range(300)]
    scores = [chance.gauss(label, 1.0) for label in labels]
    return profile(BINARY, labels, [int(score > 0.5) for score in scores], scores)


def measured(seed):
    chance = random.Random(seed)
    labels = [chance.gauss(0, 2) for _ in range(300)]
    return profile(REGRESSION, labels, [label + chance.gauss(0, 1) for label in labels])


@pytest.mark.parametrize(
    ("metric", "truth"),
    [
        ("auc", 0.76025),  # Φ(1/√2)
        ("accuracy", 0.69146),  # Φ(1/2)
        ("recall", 0.69146),
    ],
)
def test_intervals_of_a_classification_hold_the_truth_nineteen_times_of_twenty(metric, truth):
    held = covers(metric, map(scored, range(200)), truth)
    assert 179 <= held <= 199


@pytest.mark.parametrize(("metric", "truth"), [("mae", 0.79788), ("mse", 1.0), ("rmse", 1.0), ("r2", 0.75)])
def test_intervals_of_a_regression_hold_the_truth_nineteen_times_of_twenty(metric, truth):
    held = covers(metric, map(measured, range(200)), truth)
    assert 178 <= held <= 199


def test_the_jackknife_by_cells_is_that_by_rows():
    counts = np.array([[50, 20], [10, 40]])
    rows = [(i, j) for i in range(2) for j in range(2) for _ in range(counts[i, j])]
    without = []
    for i, j in rows:
        rest = counts.copy()
        rest[i, j] -= 1
        without.append(intervals.formulas.binary(rest[None])["f1"][0])
    n, mean = len(rows), np.mean(without)
    spread = np.sqrt((n - 1) / n * np.sum((np.array(without) - mean) ** 2))
    found = intervals.binary(counts)["f1"]
    assert (found.high - found.low) / 2 == pytest.approx(1.959963984540054 * spread)


def test_large_matrices_have_the_interval_of_their_accuracy_alone():
    assert set(intervals.multiclass(np.eye(30, dtype=int))) == {"accuracy", "weighted_recall"}
