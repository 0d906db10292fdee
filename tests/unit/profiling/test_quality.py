import math

import pytest

from open_model_monitor.errors import DataError
from open_model_monitor.profiling.problems import BINARY, MULTICLASS, REGRESSION
from open_model_monitor.profiling.quality import MAX_LABELS, Errors, QualityOptions, QualityProfile, canonical
from support.labelled import batch, profile


@pytest.mark.parametrize(
    ("text", "label"),
    [
        *[(" 1", "1"), ("1.0", "1"), ("01", "1"), ("-0.0", "0"), ("0.50", "0.5"), ("1e3", "1000")],
        *[(" yes ", "yes"), ("a b", "a b"), ("", "")],
    ],
)
def test_a_label_has_one_spelling(text, label):
    assert canonical(text) == label


def test_rows_without_a_label_or_a_prediction_are_counted():
    found = profile(BINARY, ["1", None, "", "nan", "0"], ["1", "0", "1", "1", None])
    assert found.rows == 1
    assert found.left_out == {"label": 3, "prediction": 1}
    assert {pair: counts[0] for pair, counts in found.pairs.items()} == {("1", "1"): 1}


def test_numbers_that_cannot_be_read_are_named():
    found = profile(REGRESSION, ["1", "x", "2"], ["1", "2", "three"])
    assert found.rows == 1
    assert found.unreadable == {"label": 1, "prediction": 1}
    assert found.examples == {"label": ["x"], "prediction": ["three"]}


def test_a_threshold_is_exclusive():
    found = profile(BINARY, [1, 0, 1], probabilities=[0.5, 0.500001, None])
    assert {pair: counts[0] for pair, counts in found.pairs.items()} == {("1", "0"): 1, ("0", "1"): 1}
    assert found.left_out == {"prediction": 1}


def test_a_missing_probability_counts_for_labels_only():
    found = profile(BINARY, [1, 0], [1, 1], [0.9, None])
    assert (found.rows, found.without_probability) == (2, 1)
    assert sum(int(scores.counts[:, 0].sum()) for scores in found.scores.values()) == 1


def test_either_keeps_both_readings():
    found = profile(BINARY, ["1", "0"], ["0.7", "yes"], predicted="either")
    assert {pair: counts[0] for pair, counts in found.by_threshold.items()} == {("1", "1"): 1}
    assert {pair: counts[0] for pair, counts in found.pairs.items()} == {("0", "yes"): 1}


def test_ids_instead_of_labels_are_refused():
    ids = [f"id-{i}" for i in range(MAX_LABELS + 1)]
    with pytest.raises(DataError, match=r"more than 1,000 different labels \(id-0, id-1, .*Regression"):
        profile(MULTICLASS, ids, ids)


def test_sums_merge_as_if_they_were_one():
    whole = profile(REGRESSION, [1.0, 2.0, 3.0, 10.0], [1.5, 2.0, 2.0, 8.0])
    options = QualityOptions(REGRESSION)
    first = QualityProfile(options).update(batch([1.0, 2.0], [1.5, 2.0], keys=["row-0", "row-1"]))
    second = QualityProfile(options).update(batch([3.0, 10.0], [2.0, 8.0], keys=["row-2", "row-3"]))
    both = first.merge(second)
    for name in Errors.__slots__:
        expected, found = getattr(whole.groups.total(), name)[0], getattr(both.groups.total(), name)[0]
        assert math.isclose(found, expected, rel_tol=1e-12)


def test_the_largest_numbers_overflow_quietly():
    found = profile(REGRESSION, ["1e308", "-1e308"], ["-1e308", "1e308"])
    assert found.rows == 2
    assert not math.isfinite(found.groups.total().absolute[0])
