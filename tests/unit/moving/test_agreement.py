"""Documents compared, number by number."""

import copy

import pytest

from open_model_monitor.moving.agreement import agreement
from support.pages import numbers, statistics, texts, violation


def documents():
    return {
        "statistics.json": statistics(texts("plan", {"x": 3, "y": 1}), numbers("calls")),
        "constraints.json": {
            "features": [
                {"name": "plan", "inferred_type": "String", "string_constraints": {"domains": ["x", "y"]}}
            ],
            "monitoring_config": {"domain_content_threshold": 1.0},
        },
        "constraint_violations.json": {"violations": [violation("calls")]},
    }


def test_a_report_agrees_with_itself():
    found = agreement(documents(), documents())
    assert (found.share, found.differences) == (1.0, [])
    assert found.count("agrees") == 21


def change(document, path, value):
    *way, last = path
    for step in way:
        document = document[step]
    document[last] = value


CALLS = ("statistics.json", "features", 1, "numerical_statistics")


@pytest.mark.parametrize(
    ("path", "value", "what"),
    [
        ((*CALLS, "common", "num_present"), 99, "present"),
        ((*CALLS, "mean"), 5.0001, "mean"),
        ((*CALLS, "max"), 10.000000001, "max"),
        ((*CALLS, "distribution", "kll", "sketch", "data"), [[1.0]], "sketch"),
        ((*CALLS, "distribution", "kll", "buckets", 0, "count"), 11.0, "buckets"),
        (("statistics.json", "features", 0, "inferred_type"), "Integral", "type"),
        (("statistics.json", "dataset", "item_count"), 99, "rows"),
        (
            ("constraints.json", "monitoring_config", "domain_content_threshold"),
            0.9,
            "domain_content_threshold",
        ),
        (("constraints.json", "features", 0, "inferred_type"), "Integral", "inferred type"),
        (("constraint_violations.json", "violations"), [], "baseline_drift_check"),
    ],
)
def test_what_differs_is_named(path, value, what):
    ours = documents()
    change(ours, path, value)
    [one] = agreement(documents(), ours).differences
    assert one.what == what


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*CALLS, "mean"), 5.0000000001),
        (("constraints.json", "features", 0, "string_constraints", "domains"), ["y", "x"]),
        (
            ("constraint_violations.json", "violations", 0, "description"),
            "Baseline drift distance: 0.30000000000001 exceeds threshold: 0.1",
        ),
    ],
)
def test_last_digits_and_order_of_values_do_not_count(path, value):
    ours = documents()
    change(ours, path, value)
    assert agreement(documents(), ours).share == 1


def test_another_sentence_differs():
    ours = documents()
    change(ours, ("constraint_violations.json", "violations", 0, "description"), "it has drifted")
    assert len(agreement(documents(), ours).differences) == 1


def test_estimates_are_not_compared():
    ours, theirs = documents(), documents()
    for document, estimate in ((ours, 4), (theirs, 5.0)):
        document["statistics.json"]["features"][0]["string_statistics"]["distinct_count"] = estimate
    found = agreement(theirs, ours)
    assert (found.share, found.count("cannot be compared")) == (1.0, 1)


def test_a_document_that_is_missing_differs():
    ours = documents()
    del ours["constraint_violations.json"]
    assert [one.theirs for one in agreement(documents(), ours).differences] == ["there"]
    assert agreement({}, ours).share is None


def test_model_quality():
    block = {
        "confusion_matrix": {"0": {"0": 1}},
        "recall": {"value": 0.5, "standard_deviation": 0.1},
    }
    theirs = {
        "statistics.json": {"dataset": {"item_count": 3}, "binary_classification_metrics": block},
        "constraints.json": {"binary_classification_constraints": {"recall": {"threshold": 0.5}}},
    }
    ours = copy.deepcopy(theirs)
    ours["statistics.json"]["binary_classification_metrics"]["recall"]["standard_deviation"] = 0.2
    found = agreement(theirs, ours)
    assert (found.share, found.count("cannot be compared")) == (1.0, 1)
    ours["constraints.json"]["binary_classification_constraints"]["recall"]["threshold"] = 0.4
    assert [one.what for one in agreement(theirs, ours).differences] == ["threshold"]
