import numpy as np
import pytest

from open_model_monitor.profiling.samples import SAMPLES
from open_model_monitor.profiling.scores import MAX_BINS, ScoreCounts, binned


def counted(scores, limit=1000):
    one = ScoreCounts(limit)
    one.insert(np.array(scores, dtype=float), np.ones((len(scores), SAMPLES), dtype=bool))
    return one


def test_equal_scores_are_counted_together_in_order():
    one = counted([0.5, 0.1, 0.5, -0.0, 0.0])
    assert one.scores.tolist() == [0.0, 0.1, 0.5]
    assert one.counts[:, 0].tolist() == [2, 1, 2]
    assert one.width is None


def test_too_many_scores_go_into_bins_of_a_power_of_two():
    one = counted(np.linspace(0, 1, 5000), limit=10)
    assert one.width == 2.0**-16
    assert len(one.scores) <= MAX_BINS + 1
    assert one.counts[:, 0].sum() == 5000


def test_a_wider_range_makes_wider_bins_that_hold_the_narrow_ones():
    narrow, wide = counted([0.1, 0.2, 0.3], limit=1), counted([0.0, 1e6], limit=1)
    both = narrow.merge(wide)
    assert both.width == 16.0
    assert both.scores.tolist() == [0.0, 1e6]
    assert both.counts[:, 0].tolist() == [4, 1]


@pytest.mark.parametrize("scores", [[5e-324, 0.0], [1.7e308, -1.7e308, 0.0], [3.0, 3.0]])
def test_any_range(scores):
    one = counted(scores, limit=1)
    assert one.counts[:, 0].sum() == len(scores)
    assert np.isfinite(one.scores).all()


def test_packing_keeps_all():
    one = counted([0.25, 0.75], limit=1)
    again = ScoreCounts.from_dict(one.to_dict())
    assert (again.scores.tolist(), again.width, again.limit) == (one.scores.tolist(), one.width, one.limit)
    assert again.counts.tolist() == one.counts.tolist()


def test_a_bin_is_named_by_its_lower_end():
    assert binned(np.array([-0.1, 0.6]), 0.5).tolist() == [-0.5, 0.5]
    assert binned(np.array([0.3]), None).tolist() == [0.3]
