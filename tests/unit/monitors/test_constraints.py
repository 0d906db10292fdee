import json

import pytest

from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.constraints import Constraints, suggest
from open_model_monitor.monitors.data_quality import DataQuality
from open_model_monitor.monitors.statistics import Statistics


def constraints(*features, **config):
    return Constraints.from_dict({"features": list(features), "monitoring_config": config})


def suggested(columns, profile_of, behaviour=None):
    statistics = DataQuality(Behaviour.sagemaker()).statistics(profile_of(columns))
    document = suggest(statistics, behaviour).to_dict()
    return {feature["name"]: feature for feature in document["features"]}


def test_end_to_end_suggestion(vectors):
    statistics = Statistics.from_dict(vectors["end_to_end"]["baseline_statistics"])
    assert suggest(statistics).to_dict() == vectors["end_to_end"]["baseline_constraints"]


def test_point_1_suggested_for_the_recommended_behaviour(vectors, valid):
    statistics = Statistics.from_dict(vectors["end_to_end"]["baseline_statistics"])
    document = suggest(statistics, Behaviour.recommended(), categorical_drift_method="chisquared").to_dict()
    valid(document, "constraints")
    config = document["monitoring_config"]
    assert config["open_model_monitor"] == Behaviour.recommended().to_dict()
    assert config["distribution_constraints"]["categorical_drift_method"] == "ChiSquared"
    assert Constraints.from_dict(document).behaviour == Behaviour.recommended()
    with pytest.raises(DocumentError, match="categorical_drift_method is 'KS'"):
        suggest(statistics, categorical_drift_method="KS")


def test_the_position_of_outputs_is_remembered():
    document = suggest(Statistics(1, ()), Behaviour.recommended(), output_columns_position="end").to_dict()
    assert document["monitoring_config"]["open_model_monitor"]["output_columns_position"] == "END"
    assert Constraints.from_dict(document).warnings == ()


def test_domains_need_values_that_repeat(profile_of):
    found = suggested(
        {
            "ids": [f"id{i}" for i in range(10)],
            "third": ["a"] * 5 + ["b"] * 4 + ["c"],
            "tenth": (["v0"] + [f"v{i}" for i in range(1, 10)] * 2)[:10],
            "two": ["a", "b"] * 5,
        },
        profile_of,
    )
    assert "string_constraints" not in found["ids"]
    assert "string_constraints" not in found["third"]
    assert "string_constraints" not in found["tenth"]
    assert found["two"]["string_constraints"] == {"domains": ["a", "b"]}
    values = ["x"] + [f"v{i}" for i in range(9)] * 2  # one of ten occurs once
    assert "string_constraints" in suggested({"a": values}, profile_of)["a"]
    strict = Behaviour.recommended().overridden({"max_singleton_share": "0"})
    assert "string_constraints" not in suggested({"a": values}, profile_of, strict)["a"]


def test_non_negative_is_always_written(profile_of):
    found = suggested({"a": ["0", "1"], "b": ["-1", "1"], "c": [None, None]}, profile_of)
    assert found["a"]["num_constraints"] == {"is_non_negative": True}
    assert found["b"]["num_constraints"] == {"is_non_negative": False}
    assert found["c"] == {"name": "c", "inferred_type": "Unknown", "completeness": 0.0}


def test_the_sdk_sample_is_read_with_one_warning(data):
    document = json.loads((data / "sdk" / "constraints.json").read_text())
    read = Constraints.from_dict(document)
    assert [feature.name for feature in read.features] == ["message", "second_message"]
    assert (read.config.threshold, read.config.categorical_threshold) == (1.0, 1.0)
    (warning,) = read.warnings
    assert "enable_comparisons" in warning
    assert "min_domain_mass" in warning
    assert read.to_dict() == document


def test_unknown_keys_are_passed_on_and_the_document_is_a_copy():
    document = {"colour": "red", "features": [{"name": "a", "x": [1]}], "monitoring_config": {}}
    read = Constraints.from_dict(document)
    read.to_dict()["features"].clear()
    document["features"].clear()
    assert read.to_dict() == {"colour": "red", "features": [{"name": "a", "x": [1]}], "monitoring_config": {}}


def test_overrides_merge_key_by_key_and_the_last_wins():
    def distances(**values):
        return {"distribution_constraints": values}

    feature = {
        "name": "a",
        "string_constraints": {
            "monitoring_config_overrides": {
                "evaluate_constraints": "Disabled",
                **distances(comparison_threshold=0.2),
            }
        },
        "num_constraints": {"monitoringConfigOverrides": distances(comparison_method="Simple")},
        "monitoring_config_overrides": {
            **distances(comparison_threshold=0.5),
            "emit_metrics": "Disabled",
            "open_model_monitor": {"drift_counting": "rows"},
        },
    }
    read = constraints(
        feature,
        {"name": "b"},
        datatype_check_threshold=0.9,
        **distances(categorical_comparison_threshold=0.3),
        open_model_monitor={"minimum_rows": 5},
    )
    a, b = (entry.config for entry in read.features)
    assert (a.evaluate_constraints, a.emit_metrics, a.datatype_threshold) == (False, False, 0.9)
    assert (a.threshold, a.method, a.categorical_threshold) == (0.5, "Simple", 0.3)
    assert (a.behaviour.drift_counting, a.behaviour.minimum_rows) == ("rows", 5)
    assert b == read.config


def test_edited_by_users():
    read = constraints(
        {"name": "a"},
        {"name": "b", "string_constraints": {"domains": ["x", 1, 1.5, True]}},
        {"name": "c", "num_constraints": {}, "completeness": 1},
    )
    a, b, c = read.features
    assert (a.inferred_type, a.completeness, a.domains, a.is_non_negative) == (None, None, None, None)
    assert b.domains == ("x", "1", "1.5", "true")
    assert c.completeness == 1.0


@pytest.mark.parametrize(
    ("feature", "path"),
    [
        ({"completeness": 2}, r"features\[0\] \('a'\)\.completeness is 2"),
        ({"inferred_type": "Boolean"}, r"inferred_type is 'Boolean'; expected one of Integral"),
        ({"string_constraints": {"domains": "x"}}, "expected a list"),
        ({"string_constraints": {"domains": [None]}}, "domains holds None"),
        (
            {"num_constraints": {"monitoring_config_overrides": {"datatype_check_threshold": 3}}},
            r"num_constraints\.monitoring_config_overrides\.datatype_check_threshold is 3",
        ),
    ],
)
def test_values_that_make_no_sense_are_named(feature, path):
    with pytest.raises(DocumentError, match=path):
        constraints({"name": "a", **feature})
