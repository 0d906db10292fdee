"""The report as JUnit XML."""

from xml.etree import ElementTree as ET

from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.reporting.junit import junit_report
from support.pages import numbers, statistics, violation


def suite(evidence):
    return ET.fromstring(junit_report(evidence, title="churn")).find("testsuite")


def test_a_case_per_feature_and_a_failure_per_violation():
    listed = (
        violation("a"),
        violation("a", "completeness_check", "gaps"),
        violation("gone", "missing_column_check"),
    )
    made = suite(Evidence(None, {"violations": 3}, statistics(numbers("a"), numbers("b")), listed))
    assert {name: made.get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "4",
        "failures": "3",
        "skipped": "0",
    }
    cases = [(case.get("classname"), case.get("name"), len(case)) for case in made]
    assert cases == [
        ("churn.a", "baseline_drift_check", 1),
        ("churn.a", "completeness_check", 1),
        ("churn.b", "all checks", 0),
        ("churn.gone", "missing_column_check", 1),
    ]
    assert made[1].find("failure").get("message") == "gaps"


def test_metrics_that_have_a_threshold():
    about = {"f0_5": {"threshold": 0.5}, "auc": {"threshold": None}, "true_positive_rate": {"threshold": 0.9}}
    failed = {"metric_name": "f05", "constraint_check_type": "LessThanThreshold", "description": "low"}
    block = {"binary_classification_metrics": {}}
    made = suite(Evidence(None, {"violations": 1, "features": about}, block, (failed,)))
    assert [case.get("classname") for case in made] == ["churn.f05", "churn.truePositiveRate"]


def test_nothing_checked_is_skipped():
    made = suite(Evidence(None, {"violations": None}, statistics(numbers("a"))))
    assert (made.get("skipped"), made[0].find("skipped") is not None) == ("1", True)


def test_what_xml_cannot_hold_is_replaced():
    made = suite(Evidence(None, {}, {}, (violation('a\x00\x1b\ud800<&"'),)))
    assert made[0].get("classname") == 'churn.a\ufffd\ufffd\ufffd<&"'
