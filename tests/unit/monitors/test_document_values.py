import json

import pytest

from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors import document_values as documents
from open_model_monitor.monitors.constraints import Constraints
from open_model_monitor.monitors.statistics import Statistics


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("statistics.json", "all it says is 'preproc-not-YET-supported-for-csv-json'"),
        ("constraints.json", "looks like data-quality constraints"),
        ("constraint_violations.json", "looks like a list of constraint violations"),
        ("clarify_bias.json", "looks like a bias analysis"),
        ("clarify_explanability.json", "looks like an explainability analysis"),
        ("model_monitor_model_quality_regression.json", "looks like a model-quality report"),
        ("model_monitor_model_quality_binary_classification.json", "looks like a model-quality report"),
    ],
)
def test_samples_are_refused_as_statistics(data, sample, message):
    with pytest.raises(DocumentError, match=message):
        Statistics.from_dict(json.loads((data / "sdk" / sample).read_text()))


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ("statistics.json", "looks like data-quality statistics"),
        ("constraint_violations.json", "looks like a list of constraint violations"),
        ("clarify_bias.json", "looks like a bias analysis"),
        ("model_monitor_model_quality_regression.json", "looks like a model-quality report"),
    ],
)
def test_samples_are_refused_as_constraints(data, sample, message):
    with pytest.raises(DocumentError, match=message):
        Constraints.from_dict(json.loads((data / "sdk" / sample).read_text()))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "a JSON list"),
        ({}, "no keys at all"),
        ({"a": 1}, "the document has 'a'"),
        ({"features": {}}, "the document has 'features'"),
        ({"features": [3]}, "no feature of this document has any"),
        ({"features": [{"name": "a"}]}, "no feature of this document has any"),
        ({"features": [{"name": 1, "string_statistics": {}}]}, r"features\[0\] is no object with a text"),
    ],
)
def test_what_else_is_refused(document, message):
    with pytest.raises(DocumentError, match=message):
        documents.features_of(document, documents.STATISTICS)


def test_numbers():
    values = {"a": 1, "b": "NaN", "c": None, "d": "Infinity", "e": True, "f": "x", "g": 2}
    assert [documents.number(values, key, "p") for key in "abcdz"] == [1.0, None, None, float("inf"), None]
    for key in "ef":
        with pytest.raises(DocumentError, match=rf"p\.{key} is"):
            documents.number(values, key, "p")
    with pytest.raises(DocumentError, match=r"p\.g is 2\.0; expected a number from 0 to 1"):
        documents.share(values, "g", "p")
    with pytest.raises(DocumentError, match="expected a number of rows"):
        documents.count(values, "d", "p")
    assert [documents.written(v) for v in (None, float("nan"), float("-inf"), 1.5)] == [
        "NaN",
        "NaN",
        "-Infinity",
        1.5,
    ]
