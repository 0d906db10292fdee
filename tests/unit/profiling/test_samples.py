import numpy as np

from open_model_monitor.profiling.samples import GROUPS, SAMPLES, memberships


def test_all_rows_are_in_the_first_sample_and_four_fifths_in_each_other():
    member, groups = memberships((f"row-{i}" for i in range(20_000)), 0)
    assert member.shape == (20_000, SAMPLES)
    assert member[:, 0].all()
    assert np.abs(member[:, 1:].mean(axis=0) - 0.8).max() < 0.015
    counts = np.bincount(groups, minlength=GROUPS)
    assert len(counts) == GROUPS
    assert counts.min() > 850


def test_samples_are_independent_of_each_other_and_of_the_seed():
    member, _ = memberships((f"row-{i}" for i in range(20_000)), 0)
    both = (member[:, 1] & member[:, 2]).mean()
    assert abs(both - 0.64) < 0.015
    other, _ = memberships((f"row-{i}" for i in range(20_000)), 1)
    assert abs((member[:, 1] & other[:, 1]).mean() - 0.64) < 0.015


def test_a_row_belongs_where_its_key_says_whatever_comes_before_it():
    alone, group = memberships(["row-7"], 5)
    among, groups = memberships(["a", "row-7", "b"], 5)
    assert (alone[0] == among[1]).all()
    assert group[0] == groups[1]
