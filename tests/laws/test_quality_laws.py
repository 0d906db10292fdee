"""Model quality: metrics agree with scikit-learn; order, cutting and packing of the rows do not matter."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from open_model_monitor.monitors.model_quality import ModelQuality
from open_model_monitor.monitors.quality_behaviour import QualityBehaviour
from open_model_monitor.profiling.problems import BINARY, MULTICLASS, REGRESSION
from open_model_monitor.profiling.quality import QualityOptions, QualityProfile
from open_model_monitor.profiling.state import dumps, loads
from support.labelled import batch

SCORES = st.sampled_from([i / 20 for i in range(21)]) | st.floats(0, 1)
BITS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), SCORES), min_size=1, max_size=60)
CLASSES = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcde")), min_size=1, max_size=60)
NUMBERS = st.floats(-1e6, 1e6)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=60)


def values(options, *columns):
    profile = QualityProfile(options).update(batch(*columns))
    return ModelQuality(QualityBehaviour()).measure(profile).statistics.values


@given(PAIRS)
def test_regression_agrees_with_scikit_learn(rows):
    labels, predictions = map(list, zip(*rows, strict=True))
    found = values(QualityOptions(REGRESSION), labels, predictions)
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(labels, predictions), rel=1e-12, abs=1e-12)
    assert found["mse"] == pytest.approx(sk.mean_squared_error(labels, predictions), rel=1e-12, abs=1e-12)
    assert found["rmse"] == pytest.approx(
        sk.root_mean_squared_error(labels, predictions), rel=1e-12, abs=1e-12
    )
    deviations = np.array(labels) - np.mean(labels)
    if np.abs(deviations).max() > 1e-3:
        expected = sk.r2_score(labels, predictions)
        assert found["r2"] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(BITS)
def test_binary_agrees_with_scikit_learn(rows):
    labels, predictions, scores = map(list, zip(*rows, strict=True))
    found = values(QualityOptions(BINARY, "both"), labels, predictions, scores)
    close = {"rel": 1e-12, "abs": 1e-12}
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, predictions), **close)
    assert found["recall"] == pytest.approx(sk.recall_score(labels, predictions, zero_division=0), **close)
    assert found["precision"] == pytest.approx(
        sk.precision_score(labels, predictions, zero_division=0), **close
    )
    for name, beta in (("f0_5", 0.5), ("f1", 1), ("f2", 2)):
        expected = sk.fbeta_score(labels, predictions, beta=beta, zero_division=0)
        assert found[name] == pytest.approx(expected, **close)
    if len(set(labels)) == 2:
        assert found["auc"] == pytest.approx(sk.roc_auc_score(labels, scores), **close)
        precision, recall, _ = sk.precision_recall_curve(labels, scores)
        # scikit-learn begins with precision 1 where nothing is found, the contract with that of the best score.
        first = float(precision[-2])
        area = sk.auc([*recall[:-1], 0.0], [*precision[:-1], first])
        assert found["au_prc"] == pytest.approx(area, **close)


@given(CLASSES)
def test_multiclass_agrees_with_scikit_learn(rows):
    labels, predictions = map(list, zip(*rows, strict=True))
    found = values(QualityOptions(MULTICLASS), labels, predictions)
    close = {"rel": 1e-12, "abs": 1e-12}
    weighted = {"average": "weighted", "zero_division": 0, "labels": sorted({*labels, *predictions})}
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(labels, predictions), **close)
    assert found["weighted_recall"] == pytest.approx(
        sk.recall_score(labels, predictions, **weighted), **close
    )
    assert found["weighted_precision"] == pytest.approx(
        sk.precision_score(labels, predictions, **weighted), **close
    )
    for name, beta in (("f0_5", 0.5), ("f1", 1), ("f2", 2)):
        expected = sk.fbeta_score(labels, predictions, beta=beta, **weighted)
        assert found[f"weighted_{name}"] == pytest.approx(expected, **close)


def table(problem, seed, rows):
    chance = random.Random(seed)
    if problem == REGRESSION:
        return [(chance.gauss(0, 9), chance.gauss(0, 9), None) for _ in range(rows)]
    if problem == MULTICLASS:
        return [(chance.choice("abc"), chance.choice("abcd"), None) for _ in range(rows)]
    return [(chance.randint(0, 1), chance.randint(0, 1), chance.random()) for _ in range(rows)]


def folded(options, rows, cuts):
    """Profile numbered rows in the given pieces, packed and unpacked on the way."""
    whole = QualityProfile(options)
    for piece in cuts:
        part = QualityProfile(options)
        for start in range(0, len(piece), 7):
            some = piece[start : start + 7]
            columns = zip(*(rows[i] for i in some), strict=True)
            part.update(batch(*columns, keys=[f"row-{i}" for i in some]))
        whole = whole.merge(loads(dumps(part), QualityProfile))
    return whole


def same(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, dict):
            same(found[key], value)
        elif isinstance(value, (list, float)):
            assert found[key] == pytest.approx(value, rel=1e-12, abs=1e-12)
        else:
            assert found[key] == value


@settings(max_examples=40)
@given(
    st.sampled_from([REGRESSION, BINARY, MULTICLASS]),
    st.integers(0, 10_000),
    st.integers(1, 260),
    st.sampled_from([1_000_000, 16]),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_order_and_cuts_do_not_matter(problem, seed, size, max_exact, chance, pieces):
    """Case 2: documents are identical, intervals included, even where scores go into bins."""
    rows = table(problem, seed, size)
    options = QualityOptions(problem, "both" if problem == BINARY else "label", max_exact_scores=max_exact)
    order = list(range(size))
    chance.shuffle(order)
    cuts = [order[k::pieces] for k in range(pieces)]
    monitor = ModelQuality()
    one = monitor.analyse(folded(options, rows, [list(range(size))]))
    other = monitor.analyse(folded(options, rows, [cut for cut in cuts if cut]))
    same(other.statistics.to_dict(), one.statistics.to_dict())
    same(other.constraints.to_dict(), one.constraints.to_dict())
    same(dict(other.features), dict(one.features))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80), st.integers(1, 8))
def test_bins_hold_all_scores_in_order_whatever_their_range(scores, limit):
    options = QualityOptions(BINARY, "probability", max_exact_scores=limit)
    labels = [i % 2 for i in range(len(scores))]
    profile = QualityProfile(options).update(batch(labels, probabilities=scores))
    for counts in profile.scores.values():
        assert (counts.scores[1:] > counts.scores[:-1]).all()
    assert sum(int(counts.counts[:, 0].sum()) for counts in profile.scores.values()) == len(scores)
    found = ModelQuality().measure(profile).statistics.values["auc"]
    assert math.isnan(found) or 0 <= found <= 1


def test_bins_change_areas_by_less_than_the_ties_they_make():
    rows = table(BINARY, 3, 5000)
    labels, predictions, scores = zip(*rows, strict=True)
    exact = values(QualityOptions(BINARY, "both"), labels, predictions, scores)
    binned = values(QualityOptions(BINARY, "both", max_exact_scores=100), labels, predictions, scores)
    assert binned["auc"] == pytest.approx(exact["auc"], abs=1e-3)
    assert binned["accuracy"] == exact["accuracy"]


def test_taking_is_merging():
    rows = table(BINARY, 5, 50)
    options = QualityOptions(BINARY, "both")
    first, second = (folded(options, rows, [list(part)]) for part in (range(25), range(25, 50)))
    expected = first.merge(second).to_dict()
    first.take(second)
    assert first.to_dict() == expected
