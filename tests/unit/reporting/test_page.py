"""The report as one page."""

import base64
import hashlib
import re

import pytest

from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.reporting.page import MOST, facts, html_report, title_of
from support.pages import numbers, statistics, violation

HOSTILE = "</script><img src=x onerror=alert(1)>\"'"


def evidence(count=1, name="f", **more):
    features = [numbers(f"{name}{place}" if count > 1 else name) for place in range(count)]
    return Evidence(
        "out", {"violations": 1}, statistics(*features), (violation(features[0]["name"]),), **more
    )


def test_it_allows_itself_nothing_but_its_own_style():
    page = html_report(evidence())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1].replace("&#39;", "'")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"<script|<link|<img| style=| on\w+=|https?://", page.replace(style, ""))


def test_hostile_names_are_shown_as_they_are():
    page = html_report(evidence(name=HOSTILE), title=HOSTILE)
    assert "<img" not in page
    assert "onerror=alert(1)&gt;" in page


def test_a_hundred_features_stay_below_a_megabyte():
    assert len(html_report(evidence(100)).encode()) < 1_000_000


def test_of_very_many_features_the_rest_is_counted():
    page = html_report(evidence(MOST + 50))
    assert page.count('<details class="feature') == MOST
    assert "50 more features" in page
    assert page.count('<a href="#feature-0">') == 1


@pytest.mark.parametrize(
    ("summary", "title"),
    [
        ({}, "Data quality"),
        ({"monitor": "ModelQuality"}, "Model quality"),
        ({"monitor": "DataQuality", "kind": "baseline"}, "Data quality baseline"),
    ],
)
def test_titles(summary, title):
    assert title_of(Evidence(None, summary)) == title


def test_facts_are_those_that_are_known():
    summary = {
        "window": ["2026-01-31T10:00:00+00:00", "2026-01-31T11:00:30+00:00"],
        "counts": {"rows_out": 1234},
        "scripts": {"preprocessor": "0123456789abcdef", "postprocessor": None},
        "behaviour": {"compatibility": "sagemaker"},
    }
    assert facts(Evidence(None, summary)) == [
        ("Window", "2026-01-31 10:00 UTC – 2026-01-31 11:00:30 UTC"),
        ("Rows", "1,234"),
        ("Features", "0"),
        ("Judged", "as SageMaker does"),
        ("Preprocessor SHA-256", "0123456789ab"),
    ]


def test_segments_are_listed():
    segments = {"column": "country", "segments": {"DE": {"rows": 5, "violations": 2, "own_baseline": True}}}
    page = html_report(Evidence(None, {"segments": segments}))
    assert "By country" in page
    assert "its own baseline" in page
