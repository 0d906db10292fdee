import re

import pytest

from open_model_monitor.monitors.behaviour import Behaviour

SAGEMAKER, RECOMMENDED = Behaviour.sagemaker(), Behaviour.recommended()


def config(**values):
    def edit(document):
        top = document["monitoring_config"]
        for key, value in values.items():
            (top if key in top else top["distribution_constraints"])[key] = value

    return edit


def drift_of(analysis):
    return [f for f in analysis.findings if f.constraint_check_type == "baseline_drift_check"]


def kinds(analysis, feature="a"):
    return [notice.kind for notice in analysis.notices if notice.feature == feature]


def texts(analysis):
    return " / ".join(notice.text for notice in analysis.notices)


FAR = ({"a": [float(i) for i in range(50)]}, {"a": [float(i) + 900 for i in range(50)]})
FAR_INTEGERS = ({"a": list(range(50))}, {"a": list(range(900, 950))})
BINARY = ({"a": [0.5] * 90 + [1.5] * 10}, {"a": [0.5] * 10 + [1.5] * 90})
WORDS = ({"a": ["x"] * 40 + ["y"] * 60}, {"a": ["x"] * 4 + ["y"] * 96})


def test_point_8_the_sentence_is_parsed_as_two_floats(analyse):
    _, now = analyse(*FAR)
    (finding,) = drift_of(now)
    found = re.search(r"distance: (.+) exceeds threshold: (.+)", finding.description)
    assert (float(found[1]), float(found[2])) == (finding.measured, finding.limit) == (1 - 1.8 * 0.2, 0.1)
    assert not finding.holds


def test_repeated_values_are_a_blind_spot_of_the_original(analyse):
    _, now = analyse(*BINARY)
    (finding,) = drift_of(now)
    assert finding.holds
    assert finding.measured == 0.0
    assert kinds(now) == ["other_counting_flags"]
    summary = now.features["a"]["drift"]["distances"]
    assert summary["distinct"] == {"n": 2, "m": 2, "simple": 0.0, "robust": 0.0}
    assert summary["rows"]["n"] == 100
    assert summary["rows"]["simple"] == pytest.approx(0.8)
    _, now = analyse(*BINARY, RECOMMENDED)
    (finding,) = drift_of(now)
    assert not finding.holds
    assert finding.measured == pytest.approx(0.5454, abs=1e-4)
    assert kinds(now) == []


def test_what_no_change_could_exceed_is_said(analyse):
    _, now = analyse({"a": [0.5, 1.5] * 50}, {"a": [0.5, 1.5] * 50})
    assert "too few distinct values" in texts(now)
    assert kinds(now) == ["drift_not_evaluated"]


def test_integers_are_published_but_not_judged_by_the_original(analyse):
    _, now = analyse(*FAR_INTEGERS)
    assert drift_of(now) == []
    assert kinds(now) == ["drift_not_evaluated"]
    assert "exceeds the threshold 0.1" in texts(now)
    assert "feature_baseline_drift_a" in [metric.name for metric in now.metrics]
    _, now = analyse(*FAR_INTEGERS, RECOMMENDED)
    assert [f.holds for f in drift_of(now)] == [False]
    _, now = analyse(FAR_INTEGERS[0], FAR_INTEGERS[0])
    assert "exceeds" not in texts(now)


def test_too_few_rows_are_not_judged(analyse):
    few = {"a": [1000.0 + i for i in range(29)]}
    _, now = analyse(FAR[0], few, RECOMMENDED)
    assert now.violations == []
    assert drift_of(now) == []
    assert kinds(now) == ["insufficient_data"]
    assert kinds(now, None) == ["insufficient_data"]
    assert now.features["a"]["drift"]["distance"] > 0.1
    _, now = analyse(FAR[0], few, RECOMMENDED.overridden({"minimum_rows": "29"}))
    assert [f.holds for f in drift_of(now)] == [False]


def test_a_type_that_changed_is_not_compared(analyse):
    _, now = analyse({"a": ["1.5", "2.5"] * 20}, {"a": ["1.5", "x"] * 20})
    assert drift_of(now) == []
    assert "the type was Fractional and is String" in texts(now)
    assert now.features["a"]["drift"] is None


def test_integers_in_a_fractional_feature_are_compared_where_they_count(analyse):
    whole = {"a": [str(i) for i in range(900, 950)]}
    before = {"a": [str(i + 0.5) for i in range(50)]}
    _, now = analyse(before, whole)
    assert drift_of(now) == []
    _, now = analyse(before, whole, RECOMMENDED)
    assert [f.holds for f in drift_of(now)] == [False]


@pytest.mark.parametrize(
    ("edit", "holds"),
    [
        ({}, False),
        ({"comparison_threshold": 0.9}, True),
        ({"comparison_threshold": 0.9, "comparison_method": "linf_simple"}, False),
        ({"comparison_threshold": 1, "comparison_method": "Simple"}, True),
    ],
)
def test_thresholds_and_methods(analyse, edit, holds):
    _, now = analyse(*FAR, edit=config(**edit))
    assert [f.holds for f in drift_of(now)] == [holds]


def test_comparison_switched_off(analyse):
    _, now = analyse(*FAR, edit=config(perform_comparison="disabled"))
    assert drift_of(now) == []
    assert not [m for m in now.metrics if "drift" in m.name]
    assert now.notices == ()


def test_evaluation_switched_off_keeps_the_metric(analyse):
    _, now = analyse(*FAR, edit=config(evaluate_constraints="Disabled"))
    assert now.findings == ()
    assert [m.value for m in now.metrics if "drift" in m.name] == [pytest.approx(0.64)]


def test_texts_by_linfinity(analyse):
    _, now = analyse(*WORDS)
    (finding,) = drift_of(now)
    assert finding.measured == pytest.approx(0.36 - 1.8 * (200 / 10_000) ** 0.5)
    _, now = analyse(*WORDS, edit=config(comparison_method="Simple"))
    assert drift_of(now)[0].measured == pytest.approx(0.36)
    _, now = analyse(*WORDS, edit=config(categorical_comparison_threshold=0.5))
    assert drift_of(now)[0].holds


def test_texts_by_chi_squared(analyse):
    chi = config(categorical_drift_method="ChiSquared")
    _, now = analyse(*WORDS, edit=chi)
    (finding,) = drift_of(now)
    assert not finding.holds
    assert finding.limit == 0.9
    assert 0.99 < finding.measured <= 1
    test = now.features["a"]["drift"]["chi_squared"]
    assert finding.measured == 1 - test["p_value"]
    assert test["degrees_of_freedom"] == 1
    _, now = analyse(WORDS[0], WORDS[0], edit=chi)
    assert drift_of(now)[0].holds
    _, now = analyse({"a": ["x", "y"] * 3}, {"a": ["x", "y"] * 3}, edit=chi)
    assert "ChiSquared" in texts(now)


def test_too_many_texts_to_compare(analyse):
    many = {"a": [f"v{i}" for i in range(200)]}
    _, now = analyse(many, many)
    assert "too many distinct values" in texts(now)


def test_a_baseline_without_a_sketch_is_not_compared(analyse, profile_of):
    from open_model_monitor.monitors.data_quality import DataQuality
    from open_model_monitor.monitors.statistics import Statistics

    base, _ = analyse(*FAR)
    document = base.statistics.to_dict()
    del document["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]
    now = DataQuality(SAGEMAKER).analyse(
        profile_of(FAR[1]), constraints=base.constraints, baseline=Statistics.from_dict(document)
    )
    assert "the baseline has no sketch" in texts(now)
    assert now.violations == []


def test_values_that_vanished(analyse):
    _, now = analyse(FAR[0], {"a": [None] * 50})
    assert "the data holds no value" in texts(now)


def test_counting_for_one_feature(analyse):
    def edit(document):
        document["features"][0]["monitoring_config_overrides"] = {
            "open_model_monitor": {"drift_counting": "rows"}
        }

    before, after = BINARY[0] | {"b": BINARY[0]["a"]}, BINARY[1] | {"b": BINARY[1]["a"]}
    _, now = analyse(before, after, edit=edit)
    assert [f.holds for f in drift_of(now)] == [False, True]
