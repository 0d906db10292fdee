import math

import pytest

from open_model_monitor.errors import DataError, DocumentError, NoData
from open_model_monitor.monitors.model_quality import ModelQuality, camel_case
from open_model_monitor.monitors.quality_behaviour import QualityBehaviour
from open_model_monitor.monitors.quality_documents import QualityConstraints
from open_model_monitor.profiling.problems import BINARY, MULTICLASS, REGRESSION
from support.labelled import profile

LESS, GREATER = "LessThanThreshold", "GreaterThanThreshold"


def constraints(problem, **limits):
    block = {name: {"threshold": t, "comparison_operator": o} for name, (t, o) in limits.items()}
    return QualityConstraints.from_dict({f"{problem}_constraints": block})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("true_positive_rate", "truePositiveRate"),
        ("f0_5", "f05"),
        ("weighted_f1", "weightedF1"),
        ("auc", "auc"),
    ],
)
def test_names_in_violations(name, shown):
    assert camel_case(name) == shown


def test_f0_5_is_listed_where_it_is_asked_for():
    state = profile(BINARY, [1, 0, 1], [0, 1, 1])
    limits = constraints("binary_classification", f0_5=(1.0, LESS), accuracy=(1.0, LESS))
    plain = ModelQuality(QualityBehaviour()).analyse(state, constraints=limits).violations
    assert [entry["metric_name"] for entry in plain] == ["accuracy"]
    asked = ModelQuality(QualityBehaviour(report_f0_5=True)).analyse(state, constraints=limits).violations
    assert [entry["metric_name"] for entry in asked] == ["accuracy", "f05"]


def test_multiclass_has_an_order_of_its_own():
    state = profile(MULTICLASS, list("abc"), list("bca"))
    limits = constraints("multiclass_classification", accuracy=(1.0, LESS), weighted_f2=(1.0, LESS))
    found = ModelQuality().analyse(state, constraints=limits).violations
    assert [entry["metric_name"] for entry in found] == ["weightedF2", "accuracy"]


def test_what_is_equal_holds_and_what_is_undefined_is_not_compared():
    state = profile(REGRESSION, [5.0, 5.0], [6.0, 4.0])
    limits = constraints("regression", mae=(1.0, GREATER), r2=(0.0, LESS), mse=(None, GREATER))
    analysed = ModelQuality().analyse(state, constraints=limits)
    assert [finding.about["metric_name"] for finding in analysed.findings] == ["mae"]
    assert analysed.violations == []


def test_constraints_of_another_problem():
    state = profile(REGRESSION, [1.0], [2.0])
    with pytest.raises(
        DocumentError, match=r"constraints are for BinaryClassification, but .* is Regression"
    ):
        ModelQuality().analyse(state, constraints=constraints("binary_classification", f1=(1.0, LESS)))


def test_no_row_at_all_is_told_with_the_reasons():
    state = profile(REGRESSION, ["x", None], [1.0, 2.0])
    with pytest.raises(NoData, match="2 have no label; 1 values of label are no numbers, for example 'x'"):
        ModelQuality().measure(state)


def test_whole_numbers_of_an_output_are_labels_and_others_probabilities():
    labels = ModelQuality().measure(profile(BINARY, [1, 0, 1], [1, 0, 0], predicted="either"))
    assert labels.statistics.values["accuracy"] == pytest.approx(2 / 3)
    assert "auc" not in labels.statistics.values
    scores = ModelQuality().measure(profile(BINARY, [1, 0, 1], [0.9, 0.2, 0.3], predicted="either"))
    assert scores.statistics.values["accuracy"] == pytest.approx(2 / 3)
    assert scores.statistics.values["auc"] == 1.0


def test_a_third_label_is_refused():
    with pytest.raises(DataError, match="two labels"):
        ModelQuality().measure(profile(BINARY, [1, 0, 2], [1, 0, 1]))


def test_few_labels_and_bins_are_told():
    measured = ModelQuality().measure(
        profile(BINARY, [1, 0] * 50, probabilities=[i / 100 for i in range(100)])
    )
    assert [notice.kind for notice in measured.notices] == ["too_few_labels"]
    state = profile(BINARY, [1, 0] * 150, probabilities=[i / 300 for i in range(300)], max_exact_scores=10)
    assert [notice.kind for notice in ModelQuality().measure(state).notices] == ["scores_binned"]


def test_metrics_are_published_under_their_names_with_the_number_of_violations():
    state = profile(REGRESSION, [5.0, 5.0], [6.0, 4.0])
    limits = constraints("regression", mae=(0.5, GREATER))
    published = {m.name: m.value for m in ModelQuality().analyse(state, constraints=limits).metrics}
    assert published == {"mae": 1.0, "mse": 1.0, "rmse": 1.0, "total_number_of_violations": 1.0}
    [line] = ModelQuality().analyse(state).metrics[0].lines(endpoint="e", schedule="s", timestamp=None)
    assert line["Dimensions"] == [
        {"Name": "Endpoint", "Value": "e"},
        {"Name": "MonitoringSchedule", "Value": "s"},
    ]


def test_the_summary_has_value_interval_and_limit():
    state = profile(BINARY, [1, 0] * 100, [1, 0] * 99 + [0, 1])
    limits = constraints("binary_classification", accuracy=(0.5, LESS))
    found = ModelQuality().analyse(state, constraints=limits).features["accuracy"]
    assert found["value"] == 0.99
    assert (found["threshold"], found["comparison_operator"]) == (0.5, LESS)
    assert found["interval"]["low"] < 0.99 < found["interval"]["high"]
    assert not math.isnan(found["interval"]["low"])
