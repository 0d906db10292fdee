"""Words of pages."""

from datetime import timedelta

import pytest

from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.reporting.words import number, share, size, span, verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (1234567, "1,234,567"),
        (0.28107, "0.2811"),
        (float("nan"), "not a number"),
        (True, "yes"),
        ("NaN", "NaN"),
        ([], "[]"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (1.0, "100 %"), (0.99999, ">99.99 %"), (1e-9, "<0.01 %"), (0.5, "50 %")]
)
def test_shares(value, text):
    assert share(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.71, "0.7 s"), (61, "1 min"), (timedelta(days=2, hours=3), "2 d 3 h"), (None, "–")]
)
def test_spans(value, text):
    assert span(value) == text


@pytest.mark.parametrize(("value", "text"), [(677, "677 B"), (2200, "2.2 kB"), (1e9, "1.0 GB")])
def test_sizes(value, text):
    assert size(value) == text


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        (Evidence(None, violations=({},)), ("warn", "1 violation")),
        (Evidence(None, {"kind": "baseline", "violations": None}), ("ok", "Made")),
        (Evidence(None, {"violations": 0}), ("ok", "No violations")),
        (Evidence(None, {"violations": None}), ("off", "Nothing checked")),
    ],
)
def test_verdicts(evidence, told):
    assert verdict(evidence) == told
