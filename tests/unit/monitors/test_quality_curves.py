import numpy as np
import pytest

from open_model_monitor.monitors.quality_curves import Ranked, curves
from open_model_monitor.profiling.samples import SAMPLES
from open_model_monitor.profiling.scores import ScoreCounts


def scores(values, limit=1000):
    one = ScoreCounts(limit)
    one.insert(np.array(values, dtype=float), np.ones((len(values), SAMPLES), dtype=bool))
    return one


def test_ties_are_one_point():
    drawn = curves(np.array([1, 1]), np.array([1, 1]))
    assert drawn.true_positive_rates.tolist() == [0, 0.5, 1, 1]
    assert drawn.auc == 0.5
    assert drawn.precisions.tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("positives", "negatives", "areas"), [([0, 0], [1, 1], (0.0, 0.0)), ([1, 1], [0, 0], (1.0, 1.0))]
)
def test_one_side_alone(positives, negatives, areas):
    drawn = curves(np.array(positives), np.array(negatives))
    assert (drawn.auc, drawn.au_prc) == areas


@pytest.mark.parametrize(("distinct", "points"), [(1999, 2001), (2000, 1002), (3210, 1072)])
def test_many_scores_are_joined(distinct, points):
    drawn = curves(np.ones(distinct, dtype=int), np.ones(distinct, dtype=int))
    assert len(drawn.true_positive_rates) == points


def test_scores_of_both_sides_share_one_scale_from_the_highest_down():
    ranked = Ranked.of([scores([0.9, 0.5])], [scores([0.5, 0.1])])
    positives, negatives = ranked.sample(0)
    assert positives.tolist() == [1, 1, 0]
    assert negatives.tolist() == [0, 1, 1]


def test_bins_of_both_sides_are_of_one_width():
    ranked = Ranked.of([scores(np.linspace(0, 1, 50), limit=5)], [scores([0.5], limit=5)])
    assert ranked.width == 2.0**-16
    positives, negatives = ranked.sample(0)
    assert (positives.sum(), negatives.sum()) == (50, 1)
