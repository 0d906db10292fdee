import numpy as np
import pytest

from open_model_monitor.profiling.numbers import Moments, Numbers


def numbers_of(*chunks):
    numbers = Numbers()
    for chunk in chunks:
        numbers.insert(np.asarray(chunk, dtype=float))
    return numbers


@pytest.mark.parametrize("cuts", [[], [1], [2050, 2051], [100, 4000, 9999]])
def test_batches_do_not_matter_to_the_last_bit(cuts):
    values = np.random.default_rng(1).normal(1e6, 1, 10_000)
    assert numbers_of(*np.split(values, cuts)).to_dict() == numbers_of(values).to_dict()
    assert numbers_of(*np.split(values, cuts)).moments.to_list() == numbers_of(values).moments.to_list()


def test_moments_are_those_of_all_numbers():
    values = np.random.default_rng(2).normal(5, 3, 30_000)
    moments = numbers_of(values).moments
    assert (moments.count, moments.minimum, moments.maximum) == (30_000, values.min(), values.max())
    assert moments.mean == pytest.approx(values.mean())
    assert moments.std_dev == pytest.approx(values.std())
    assert moments.total == pytest.approx(values.sum())
    assert all(type(value) in (int, float) for value in moments.to_list())


def test_merged_numbers_go_on_counting_each_once():
    values = np.random.default_rng(3).normal(size=9000)
    merged = numbers_of(values[:3001]).merge(numbers_of(values[3001:5000]))
    merged.insert(values[5000:])
    assert merged.moments.count == merged.sketch.weight == 9000
    assert merged.moments.mean == pytest.approx(values.mean())
    again = Numbers.from_dict(merged.to_dict())
    assert again.to_dict() == merged.to_dict()


def test_columns_kept_as_one_are_what_they_are_alone():
    values = np.random.default_rng(4).normal(size=(3, 12_345))
    alone = [numbers_of(row) for row in values]
    together = Numbers.stack([numbers_of(row[:100]) for row in values])
    for start in range(100, 12_345, 1000):
        together.insert(values[:, start : start + 1000])
    for place, one in enumerate(alone):
        assert together.column(place).to_dict() == one.to_dict()


def test_nothing_has_no_moments():
    assert np.isnan(Moments().std_dev)
    assert Numbers().merge(Numbers()).moments.count == 0


def test_what_numpy_is_told_of_errors_does_not_matter():
    with np.errstate(all="raise"):
        assert numbers_of([1e-200, 2e-200, 1.7e308, -1.7e308]).moments.count == 4
