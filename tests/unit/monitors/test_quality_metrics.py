import math

import numpy as np
import pytest

from open_model_monitor.monitors import quality_metrics as formulas
from open_model_monitor.profiling.quality import Errors


def test_nothing_negative_leaves_its_rates_undefined():
    found = {name: values[0] for name, values in formulas.binary(np.array([[[0, 0], [1, 2]]])).items()}
    assert math.isnan(found["false_positive_rate"])
    assert math.isnan(found["true_negative_rate"])
    assert found["false_negative_rate"] == 0.33333333333333337  # as recorded: 1 − 2/3


def test_nothing_predicted_positive_gives_zeros():
    found = formulas.binary(np.array([[[3, 0], [2, 0]]]))
    assert [found[name][0] for name in ("recall", "precision", "f1")] == [0, 0, 0]
    assert found["accuracy"][0] == 0.6


def test_a_label_that_is_only_predicted_has_no_weight():
    found = formulas.multiclass(np.array([[[2, 1], [0, 0]]]))
    assert found["weighted_precision"][0] == 1.0
    assert found["weighted_recall"][0] == pytest.approx(2 / 3)


def test_the_constant_answer_is_the_first_of_equals():
    counts = np.array([[[3, 1], [1, 3]]])
    assert formulas.always_one_answer(counts, best_by_truth=False).tolist() == [[[4, 0], [4, 0]]]


def test_which_constant():
    counts = np.array([[[87, 5], [20, 89]]])  # predicted 107 : 94, true 92 : 109
    assert formulas.always_one_answer(counts, best_by_truth=False)[0].tolist() == [[92, 0], [109, 0]]
    assert formulas.always_one_answer(counts, best_by_truth=True)[0].tolist() == [[0, 92], [0, 109]]


def test_a_constant_truth_has_no_r2():
    errors = Errors.of(np.array([1.0, -1.0]), np.array([5.0, 5.0]), np.ones((2, 1), dtype=bool))
    found = formulas.regression(errors)
    assert math.isnan(found["r2"][0])
    assert (found["mae"][0], found["mse"][0]) == (1.0, 1.0)
