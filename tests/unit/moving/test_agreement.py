"""Documents compared, number by number."""

import copy

import pytest

from open_model_monitor.moving.agreement import agreement
from open_model_monitor.moving.equality import BOUNDED
from support.pages import numbers, statistics, texts, violation

DISTINCT = "distinct values"


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
    assert found.count("agrees") == 22


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
        (("constraints.json", "features", 0, "string_constraints"), None, "string constraints"),
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


def test_violations_are_counted_too():
    ours = documents()
    ours["constraint_violations.json"]["violations"] = []
    found = agreement(documents(), ours)
    assert [one.what for one in found.differences] == ["number of violations", "baseline_drift_check"]
    assert agreement(ours, documents()).share < 1
    twice = documents()
    twice["constraint_violations.json"]["violations"] *= 2
    assert [one.what for one in agreement(twice, documents()).differences] == ["number of violations"]


def test_a_report_without_violations_agrees():
    clean = {"constraint_violations.json": {"violations": []}}
    assert agreement(clean, clean).share == 1


def test_rules_that_only_we_suggest_differ():
    ours, theirs = documents(), documents()
    del theirs["constraints.json"]["features"][0]["string_constraints"]
    ours["constraints.json"]["features"].append({"name": "more"})
    ours["constraints.json"]["features"][0]["completeness"] = 1.0  # older images write none
    found = agreement(theirs, ours)
    assert [one.what for one in found.differences] == ["features, in order", "string constraints"]


def merged(step):
    """Return a report about 4,000 rows whose sketch dropped every second one, the first or the second of two."""
    document = documents()
    block = document["statistics.json"]["features"][1]["numerical_statistics"]
    block["common"]["num_present"] = 4000
    kll = block["distribution"]["kll"]
    kll["sketch"]["data"] = [[], [(2 * i + step) / 400 for i in range(2000)]]
    for place, bucket in enumerate(kll["buckets"]):
        bucket["count"] = 400.0 + (place % 2 or -1) * step
    text = f"Baseline drift distance: 0.3{step} exceeds threshold: 0.1"
    document["constraint_violations.json"]["violations"] = [violation("calls", text=text)]
    return document


def test_sketches_that_dropped_items_agree_within_their_bounds():
    found = agreement(merged(0), merged(1))
    assert found.differences == []
    rules = {one.what: one.rule for one in found.compared if one.subject == "calls"}
    assert rules["sketch"] == rules["buckets"] == BOUNDED
    [open_] = [one for one in found.compared if one.verdict == "cannot be compared" and one.what != DISTINCT]
    assert open_.what == "baseline_drift_check"


def test_drift_that_only_one_found_differs_whatever_the_sketches():
    ours = merged(1)
    ours["constraint_violations.json"]["violations"] = []
    assert "baseline_drift_check" in [one.what for one in agreement(merged(0), ours).differences]


def test_sketches_out_of_bounds_differ():
    ours = merged(1)
    block = ours["statistics.json"]["features"][1]["numerical_statistics"]
    levels = block["distribution"]["kll"]["sketch"]["data"]
    levels[1] = [value + 0.2 for value in levels[1]]  # 2 % of the rows
    assert "sketch" in [one.what for one in agreement(merged(0), ours).differences]


def test_the_order_in_which_values_arrived_does_not_count():
    ours = documents()
    sketch = ours["statistics.json"]["features"][1]["numerical_statistics"]["distribution"]["kll"]["sketch"]
    sketch["data"][0].reverse()
    assert agreement(documents(), ours).share == 1


def test_another_sentence_differs():
    ours = documents()
    change(ours, ("constraint_violations.json", "violations", 0, "description"), "it has drifted")
    assert len(agreement(documents(), ours).differences) == 1


@pytest.mark.parametrize("mine", [4, 5.0])
def test_estimates_are_not_compared_even_if_they_are_equal(mine):
    ours, theirs = documents(), documents()
    for document, estimate in ((ours, mine), (theirs, 5.0)):
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
    metrics = ours["statistics.json"]["binary_classification_metrics"]
    metrics["recall"]["standard_deviation"] = None  # as of fewer than 200 rows
    assert [one.what for one in agreement(theirs, ours).differences] == ["standard deviation"]
    metrics["recall"]["standard_deviation"] = 0.2
    metrics["au_prc"] = {"value": 0.5}  # of newer images
    assert agreement(theirs, ours).share == 1
    metrics["f1"] = {"value": 0.5}
    assert [one.what for one in agreement(theirs, ours).differences] == ["metrics"]
    del metrics["f1"]
    ours["constraints.json"]["binary_classification_constraints"]["recall"]["threshold"] = 0.4
    assert [one.what for one in agreement(theirs, ours).differences] == ["threshold"]


def test_the_deviation_in_a_sentence_was_drawn_at_random():
    def of(deviation, value="0.5"):
        text = f"Metric recall with {value} +/- {deviation} was LessThanThreshold '0.6'"
        entry = {"metric_name": "recall", "constraint_check_type": "LessThanThreshold", "description": text}
        return {"constraint_violations.json": {"violations": [entry]}}

    assert agreement(of("0.0391"), of("0.0412")).share == 1
    assert agreement(of("0.0391"), of("0.0391", "0.4")).share == 0.5
