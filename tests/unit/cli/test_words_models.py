import json

from open_model_monitor.cli import words_models


def read(data, name):
    return json.loads((data / "sdk" / f"{name}.json").read_text())


def test_metrics_say_what_they_mean(data):
    found = words_models.model_quality(read(data, "model_monitor_model_quality_regression"))
    assert found.title == "How good a regression model was over 627 rows"
    assert dict(found.points[0].items)["mae"] == "1.592 ± 0.01955; mean absolute error, in units of the label"
    binary = words_models.model_quality(read(data, "model_monitor_model_quality_binary_classification"))
    items = dict(binary.points[0].items)
    assert items["accuracy"] == "0.5; share of right answers"
    assert "guessed" in items["f1_best_constant_classifier"]
    assert "confusion_matrix" not in items


def test_limits():
    limits = {"mae": {"threshold": 3.5, "comparison_operator": "GreaterThanThreshold"}}
    found = words_models.model_constraints({"version": 0.0, "regression_constraints": limits})
    assert found.points[0].items == (("mae", "a violation if above 3.5"),)
    assert words_models.ending_in("constraints")({"regression_constraints": limits})


def test_bias_names_the_group(data):
    headings = [point.heading for point in words_models.clarify(read(data, "clarify_bias")).points]
    assert headings[0] == "Gender = 0, in the data"
    broken = {
        "pre_training_bias_metrics": {
            "facets": {"F": [{"metrics": [{"name": "CI", "value": None, "error": "no"}]}]}
        }
    }
    assert words_models.clarify(broken).points[0].items == (("CI", "no"),)


def test_attributions_are_ranked(data):
    first = words_models.clarify(read(data, "clarify_explanability")).points[0]
    assert [name for name, _ in first.items[:2]] == ["Country", "Relationship"]
