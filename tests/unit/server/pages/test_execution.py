"""One execution: violations, features, files, comparison."""

import pytest

from support.pages import numbers, statistics, texts, violation


@pytest.fixture
def made(world):
    world.monitor("churn")
    drift = {"distance": 0.3, "threshold": 0.1, "method": "Robust"}
    summary = {"features": {"calls": {"drift": drift}}, "counts": {"rows_out": 100}, "notices": []}
    output = world.documents(
        "out",
        run_summary=summary,
        statistics=statistics(texts("plan", {"basic": 3, "premium": 1}), numbers("calls", 3.0)),
        constraint_violations={"violations": [violation("calls")]},
    )
    baseline = world.documents("base", statistics=statistics(numbers("calls"), texts("plan", {"basic": 4})))
    return world.execution(
        "churn",
        output=output,
        baseline={"baseline": f"{baseline}/statistics.json"},
        status="CompletedWithViolations",
        violations=1,
    )


def test_violations_first_in_words_with_measured_against_limit(visitor, made):
    text = visitor.get(f"/executions/{made}").text
    assert "1 violation<" in text
    assert "0.3 against a limit of 0.1" in text
    assert text.index('id="violations"') < text.index('id="features"')
    assert text.index('class="name">calls') < text.index('class="name">plan')
    told = visitor.get(f"/executions/{made}.json").json()
    assert told["violations"] == [violation("calls")]


def test_a_feature_against_its_baseline(visitor, made):
    text = visitor.get(f"/executions/{made}/feature?name=calls").text
    assert 'class="bar new"' in text
    assert 'class="bar old"' in text
    assert "premium" in visitor.get(f"/executions/{made}/feature?name=plan").text
    assert visitor.get(f"/executions/{made}/feature?name=none").status_code == 404
    twin = visitor.get(f"/executions/{made}/feature.json?name=calls").json()
    assert (twin["current"]["name"], twin["baseline"]["name"]) == ("calls", "calls")


def test_files_are_those_that_are_listed(visitor, made):
    answer = visitor.get(f"/executions/{made}/file?name=statistics.json")
    assert answer.json()["features"][0]["name"] == "plan"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''statistics.json"
    for name in ("", "none", "../base/statistics.json", "/etc/passwd"):
        assert visitor.get(f"/executions/{made}/file", params={"name": name}).status_code == 404, name


def test_the_report_is_one_file(visitor, world, made):
    answer = visitor.get(f"/executions/{made}/report")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''churn-20")
    assert "distance 0.3, allowed 0.1" in answer.text
    assert f'href="/ui/executions/{made}/report"' in visitor.get(f"/executions/{made}").text
    left_nothing = world.execution("churn", hours_ago=3, status="Failed")
    assert visitor.get(f"/executions/{left_nothing}/report").status_code == 404


def test_two_executions(visitor, world, made):
    other = world.execution(
        "churn", hours_ago=2, output=world.documents("other", statistics=statistics(numbers("calls")))
    )
    text = visitor.get(f"/executions/{made}/compare?with={other}").text
    assert text.index(">plan</th>") < text.index(">calls</th>")  # what one side lacks comes first
    assert visitor.get(f"/executions/{made}/compare?with=none").status_code == 404


def test_one_that_left_nothing(visitor, world):
    world.monitor("churn")
    made = world.execution("churn", status="Failed", failure="Job inputs had no data")
    text = visitor.get(f"/executions/{made}").text
    assert "Job inputs had no data" in text
    assert "no documents" in text
    assert visitor.get(f"/executions/{made}/logs").status_code == 404


@pytest.mark.parametrize(
    "document", [[], 3, {"features": 7}, {"features": [1, {"name": 4}]}, {"features": [{"name": "x"}]}]
)
def test_documents_of_any_shape_are_shown_somehow(visitor, world, document):
    world.monitor("churn")
    output = world.documents("out", statistics=document, run_summary={}, constraint_violations=document)
    assert visitor.get(f"/executions/{world.execution('churn', output=output)}").status_code == 200


def test_model_quality(visitor, world):
    world.monitor("quality", "ModelQuality")
    block = {
        "confusion_matrix": {"0": {"0": 8, "1": 1}, "1": {"0": 2, "1": 9}},
        "recall": {"value": 0.8182, "standard_deviation": 0.01},
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": [0, 1],
            "true_positive_rates": [0, 1],
        },
        "precision_recall_curve": {"precisions": [1, 0.5], "recalls": [0, 1]},
        "auc": {"value": 0.5},
    }
    output = world.documents(
        "out",
        statistics={"version": 0.0, "dataset": {"item_count": 20}, "binary_classification_metrics": block},
        run_summary={
            "features": {"recall": {"value": 0.8, "threshold": 0.9, "interval": {"low": 0.7, "high": 0.9}}},
            "labels": {"joined": 20},
        },
        constraint_violations={
            "violations": [
                {"constraint_check_type": "LessThanThreshold", "description": "low", "metric_name": "recall"}
            ]
        },
    )
    text = visitor.get(f"/executions/{world.execution('quality', output=output)}").text
    for shown in (
        "Confusion matrix",
        "0.7 – 0.9",
        "ROC curve",
        "Precision over recall",
        "Label coverage",
        "<b>recall</b>",
    ):
        assert shown in text, shown
