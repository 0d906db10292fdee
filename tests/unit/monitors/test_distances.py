import math

import numpy as np
import pytest

from open_model_monitor.monitors.distances import (
    Distance,
    _distance,
    categorical,
    chi_squared,
    chi_squared_tail,
    numeric,
)
from open_model_monitor.profiling.kll import KLL

COUNTINGS = {"distinct": "compat", "rows": "exact"}


def levels(lists):
    return [np.array(level, dtype=np.float64) for level in lists]


def close(expected):
    return pytest.approx(expected, rel=0, abs=5e-16)


@pytest.mark.parametrize("counting", COUNTINGS)
def test_numerical_distance_of_every_vector(vectors, counting):
    for case in vectors["numerical_distance"]:
        expected = case[COUNTINGS[counting]]
        found = numeric(levels(case["baseline_levels"]), levels(case["current_levels"]), counting)
        if found is None:
            assert expected["robust"] is None, case["name"]
            continue
        assert (found.n, found.m) == (expected["n"], expected["m"]), case["name"]
        assert (found.simple, found.robust) == close((expected["simple"], expected["robust"])), case["name"]


@pytest.mark.parametrize("counting", COUNTINGS)
def test_numerical_distance_large(vectors, counting):
    baseline, current = KLL(), KLL()
    baseline.insert(np.array([(i * 7919) % 100003 for i in range(5000)], dtype=np.float64))
    current.insert(np.array([0.7 * ((i * 7919) % 100003) for i in range(3000)]))
    found = numeric(baseline.levels, current.levels, counting)
    expected = vectors["numerical_distance_large"][COUNTINGS[counting]]
    assert (found.n, found.m) == (expected["n"], expected["m"])
    assert (found.simple, found.robust) == close((expected["simple"], expected["robust"]))


def test_recorded_distances(vectors):
    for case in vectors["recorded_distances"]:
        n, m = case["n"], case["m"]
        found = _distance(n, m, case["k"] / (n * m))
        assert found.simple == close(case["simple"])
        assert found.robust == close(case["recorded"])


def test_equal_samples_and_empty_ones():
    assert numeric(levels([[1, 2, 2]]), levels([[2, 1, 2]]), "rows") == Distance(3, 3, 0.0, 0.0)
    assert numeric(levels([[]]), levels([[1]]), "rows") is None
    assert numeric([], levels([[1]]), "distinct") is None
    assert categorical({}, {"a": 1}) is None


def test_categorical_linfinity_of_every_vector(vectors):
    for case in vectors["categorical_linfinity"]:
        found = categorical(case["current"], case["baseline"])
        assert (found.n, found.m) == (case["n"], case["m"])
        assert (found.simple, found.robust) == close((case["simple"], case["robust"]))


def test_categorical_chi_squared_of_every_vector(vectors):
    for case in vectors["categorical_chi_squared"]:
        found = chi_squared(case["current"], case["baseline"])
        if found is None:
            assert case["statistic"] is None
            continue
        assert found.statistic == pytest.approx(case["statistic"], rel=1e-12)
        assert found.degrees_of_freedom == case["degrees_of_freedom"]
        assert found.p_value == pytest.approx(case["p_value"], rel=1e-8)


# Of tables: critical values, and closed forms for one, two and four degrees of freedom.
@pytest.mark.parametrize(
    ("statistic", "freedom", "expected"),
    [
        (0.0, 3, 1.0),
        (3.841458820694124, 1, 0.05),
        (18.307038053275146, 10, 0.05),
        (124.34211340400407, 100, 0.05),
        (9.210340371976182, 2, 0.01),
        (1600.0, 2, math.exp(-800)),
        (600.0, 4, math.exp(-300) * 301),
        (50.0, 1, math.erfc(5)),
    ],
)
def test_tail_of_chi_squared(statistic, freedom, expected):
    assert chi_squared_tail(statistic, freedom) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 20, 119])
@pytest.mark.parametrize("statistic", [0.01, 1.0, 5.0, 30.0, 119.0, 300.0])
def test_tail_of_chi_squared_is_the_integral_of_its_density(statistic, freedom):
    """The lower tail by its power series (DLMF 8.7.1), in exact fractions where doubles would cancel."""
    from fractions import Fraction

    a, x = Fraction(freedom, 2), Fraction(statistic) / 2
    term = total = 1 / a
    for k in range(1, 900):
        term *= x / (a + k)
        term = term.limit_denominator(10**60) if k % 20 == 0 else term
        total += term
        if term < total / 10**40:
            break
    lower = float(total) * math.exp(float(a) * math.log(float(x)) - float(x) - math.lgamma(float(a)))
    assert chi_squared_tail(statistic, freedom) + lower == pytest.approx(1.0, abs=1e-11)


def test_ties_of_small_expected_counts_merge_in_bucket_order():
    found = chi_squared({"a": 90, "b": 1, "c": 9}, {"a": 92, "b": 4, "c": 4})
    assert found is None  # b and c become one value of 8 < 10, which then joins a
