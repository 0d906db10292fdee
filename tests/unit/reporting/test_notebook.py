"""Documents as notebooks show them."""

from open_model_monitor.reporting.notebook import MOST, constraints_table, statistics_table, violations_table
from support.pages import numbers, statistics, texts, violation


def test_violations():
    shown = violations_table({"violations": [violation("a"), violation("<b>")]})
    assert "2 violations" in shown
    assert "<td>a, &lt;b&gt;</td>" in shown
    assert "distance 0.3, allowed 0.1" in shown
    assert "No violations" in violations_table({})


def test_statistics():
    shown = statistics_table(statistics(texts("plan", {"x": 4}), numbers("n")))
    assert "Statistics of 100 rows" in shown
    assert "<td>plan</td><td>String</td><td>4</td><td>0</td><td></td>" in shown
    metrics = {"regression_metrics": {"mae": {"value": 0.25, "standard_deviation": 0.01}, "count": 3}}
    assert "<td>mae</td><td>0.25</td><td>0.01</td>" in statistics_table(metrics)


def test_constraints():
    feature = {"name": "plan", "inferred_type": "String", "string_constraints": {"domains": ["x", "y"]}}
    assert "<td>x, y</td>" in constraints_table({"features": [feature]})
    limits = {
        "regression_constraints": {"mae": {"threshold": 1.5, "comparison_operator": "GreaterThanThreshold"}}
    }
    assert "<td>GreaterThanThreshold</td><td>1.5</td>" in constraints_table(limits)


def test_long_tables_end():
    assert "and 5 more" in statistics_table(statistics(*(numbers(f"f{n}") for n in range(MOST + 5))))
