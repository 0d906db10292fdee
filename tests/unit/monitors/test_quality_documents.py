import math
from datetime import UTC, datetime

import pytest

from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors.quality_documents import QualityConstraints, QualityStatistics
from open_model_monitor.profiling.problems import REGRESSION

LIMIT = {"threshold": 0.5, "comparison_operator": "LessThanThreshold"}


def test_statistics_as_they_are_written():
    made = QualityStatistics(
        REGRESSION,
        3,
        {"mae": 1.0, "mse": 2.0, "rmse": math.sqrt(2), "r2": math.nan},
        evaluation_time=datetime(2026, 1, 5, 11, 4, 9, 123456, tzinfo=UTC),
    )
    document = made.to_dict()
    assert document["dataset"] == {"item_count": 3, "evaluation_time": "2026-01-05T11:04:09.123Z"}
    assert list(document["regression_metrics"]) == ["mae", "mse", "rmse", "r2"]
    assert document["regression_metrics"]["r2"] == {"value": None, "standard_deviation": None}
    again = QualityStatistics.from_dict(document)
    assert again.values["mae"] == 1.0
    assert math.isnan(again.values["r2"])


def test_a_suggestion_takes_the_values_as_they_are():
    made = QualityConstraints.suggest(QualityStatistics(REGRESSION, 3, {"mae": 0.1, "r2": math.nan}))
    assert made.to_dict() == {
        "version": 0.0,
        "regression_constraints": {
            "mae": {"threshold": 0.1, "comparison_operator": "GreaterThanThreshold"},
            "r2": {"threshold": None, "comparison_operator": "LessThanThreshold"},
        },
    }


def test_keys_that_nobody_knows_survive():
    document = {"regression_constraints": {"mae": {**LIMIT, "note": "agreed"}}, "owner": "team"}
    assert QualityConstraints.from_dict(document).to_dict() == document


@pytest.mark.parametrize(
    ("block", "says"),
    [
        (
            {"mae": {"threshold": 1, "comparison_operator": "Below"}},
            "mae.comparison_operator is 'Below'; expected",
        ),
        ({"mae": {"threshold": "x", "comparison_operator": "LessThanThreshold"}}, "mae.threshold is 'x'"),
        ({"mae": 1}, "mae is 1; expected an object"),
        ({"f1": LIMIT}, "f1 is a metric of BinaryClassification; known are mae"),
        ({"mea": LIMIT}, "mea is no metric; known are mae"),
    ],
)
def test_what_makes_no_sense_is_named(block, says):
    with pytest.raises(DocumentError, match=says):
        QualityConstraints.from_dict({"regression_constraints": block})


@pytest.mark.parametrize("document", [[], {"features": []}, {}])
def test_other_documents(document):
    with pytest.raises(DocumentError, match="Expected model-quality constraints"):
        QualityConstraints.from_dict(document)
