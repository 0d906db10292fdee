from io import StringIO

import pytest
from rich.console import Console

import open_model_monitor as omm
from open_model_monitor.cli.show_report import report as screen


def shown(made):
    console = Console(file=StringIO(), width=110, color_system=None)
    console.print(screen(made))
    return console.file.getvalue()


@pytest.fixture(scope="module")
def baseline(data):
    told = {
        "problem": "BinaryClassification",
        "inference_attribute": "prediction",
        "probability_attribute": "probability",
        "ground_truth_attribute": "label",
    }
    return omm.suggest(data / "churn/validation_with_predictions.csv", labelling=told)


def test_metrics_with_intervals_and_the_matrix(baseline):
    text = shown(baseline)
    assert "201 rows with a prediction and a label" in text
    assert "accuracy             0.9403  0.8986 … 0.9655" in text
    assert "What was predicted (across) of what was right (down)" in text
    assert " 12  16" in text
    assert "best_constant_classifier" not in text


def test_what_is_worse_than_its_limit_and_how_labels_came(baseline, data):
    told = {
        "problem": "BinaryClassification",
        "probability_attribute": "0",
        "ground_truth": data / "sdk/actuals.jsonl",
    }
    text = shown(omm.check(data / "sdk/capture.jsonl", baseline, labelling=told))
    assert "44 of 44 captures (100.0%)" in text
    assert "worse than its limit" in text
    assert "≥ 0.9403" in text
    assert "violations" in text
