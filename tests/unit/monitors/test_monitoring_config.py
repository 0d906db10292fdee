import dataclasses

import pytest

from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.monitoring_config import MonitoringConfig, checked, merged, written_config


def read(block):
    values, unknown = checked(block, "monitoring_config")
    return MonitoringConfig.of(values), unknown


def test_what_is_written_holds_the_defaults():
    assert read(written_config(None, "LInfinity")) == (MonitoringConfig(), [])
    assert read(None) == (MonitoringConfig(), [])
    config, _ = read(written_config(Behaviour.recommended(), "ChiSquared"))
    assert (config.behaviour, config.categorical_method) == (Behaviour.recommended(), "ChiSquared")


def test_names_compare_without_case():
    distances = {
        "comparison_method": "LINF_SIMPLE",
        "categorical_drift_method": "chisquared",
        "perform_comparison": "DISABLED",
    }
    config, _ = read(
        {"evaluate_constraints": "disabled", "emit_metrics": "ENABLED", "distribution_constraints": distances}
    )
    assert config == dataclasses.replace(
        MonitoringConfig(),
        evaluate_constraints=False,
        perform_comparison=False,
        method="Simple",
        categorical_method="ChiSquared",
    )


def test_without_its_own_threshold_text_has_that_of_numbers():
    config, _ = read({"distribution_constraints": {"comparison_threshold": 0.3}})
    assert (config.threshold, config.categorical_threshold) == (0.3, 0.3)


def test_unknown_keys_are_listed():
    block = {"x": 1, "distribution_constraints": {"enable_comparisons": True}, "open_model_monitor": {"y": 2}}
    assert read(block) == (
        MonitoringConfig(),
        [
            "monitoring_config.x",
            "monitoring_config.distribution_constraints.enable_comparisons",
            "monitoring_config.open_model_monitor.y",
        ],
    )


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ([], "monitoring_config is"),
        ({"evaluate_constraints": True}, r"monitoring_config\.evaluate_constraints is True"),
        ({"datatype_check_threshold": 1.5}, r"monitoring_config\.datatype_check_threshold is 1\.5"),
        ({"domain_content_threshold": "high"}, r"monitoring_config\.domain_content_threshold is 'high'"),
        ({"distribution_constraints": 3}, r"monitoring_config\.distribution_constraints is 3"),
        (
            {"distribution_constraints": {"comparison_method": "KS"}},
            r"distribution_constraints\.comparison_method is 'KS'; expected one of Simple, Robust",
        ),
        ({"distribution_constraints": {"comparison_threshold": -1}}, r"comparison_threshold is -1"),
        ({"open_model_monitor": {"minimum_rows": "x"}}, r"open_model_monitor\.minimum_rows"),
    ],
)
def test_values_that_make_no_sense_are_named(block, path):
    with pytest.raises(DocumentError, match=path):
        read(block)


def test_merged_at_every_depth():
    base = {"a": 1, "b": {"c": 1, "d": {"e": 1, "f": 2}}}
    assert merged(base, {"b": {"d": {"e": 5}}, "g": 1}) == {
        "a": 1,
        "b": {"c": 1, "d": {"e": 5, "f": 2}},
        "g": 1,
    }
    assert base["b"]["d"] == {"e": 1, "f": 2}
