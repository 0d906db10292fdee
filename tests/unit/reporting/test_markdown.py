"""The report as Markdown."""

import pytest

from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.reporting.markdown import MOST, cell, markdown_report
from support.pages import numbers, statistics, violation


def test_the_verdict_stands_first_and_violations_in_a_table():
    summary = {"violations": 1, "features": {"calls": {"drift": {"distance": 0.3, "threshold": 0.1}}}}
    text = markdown_report(
        Evidence(None, summary, statistics(numbers("calls")), (violation("calls"),)), title="churn"
    )
    assert text.startswith("### ⚠️ churn: 1 violation\n")
    assert "| Drift | **calls** | distance 0.3, allowed 0.1 |" in text
    assert "| calls | 0.3 | 0.1 | 100 % |" in text


def test_metrics_with_intervals():
    summary = {
        "violations": 0,
        "features": {"recall": {"threshold": 0.9, "interval": {"low": 0.7, "high": 0.95}}},
    }
    block = {"recall": {"value": 0.92}, "confusion_matrix": {}}
    text = markdown_report(Evidence(None, summary, {"binary_classification_metrics": block}))
    assert "### ✅ Model quality: No violations" in text
    assert "| recall | 0.92 | 0.7 – 0.95 | 0.9 |" in text


@pytest.mark.parametrize(
    "hostile", ["a|b", "<b>x</b>", "[x](http://y)", "`c`", "a\n\n# b", "@everyone", "![i](u)"]
)
def test_a_name_stays_in_its_cell(hostile):
    shown = cell(hostile)
    assert "\n" not in shown
    assert "<b>" not in shown
    assert "@everyone" not in shown
    assert not any(f"{before}{sign}" in f" {shown}" for sign in "|[]`#!" for before in " abxy)")


def test_long_tables_end():
    many = tuple(
        violation(f"f{n}", text=f"distance: {n} exceeds threshold: 0.1") for n in range(1, MOST + 11)
    )
    assert "and 10 more" in markdown_report(Evidence(None, violations=many))
