import json

import pytest

from open_model_monitor.cli.words import explain
from open_model_monitor.errors import DocumentError, ScriptFailure


def read(data, name):
    return json.loads((data / "sdk" / f"{name}.json").read_text())


KINDS = {
    "constraint_violations": "constraint_violations",
    "constraints": "constraints",
    "statistics": "statistics",
    "clarify_bias": "bias_analysis",
    "clarify_explanability": "explainability_analysis",
    "model_monitor_model_quality_binary_classification": "model_quality_statistics",
    "model_monitor_model_quality_regression": "model_quality_statistics",
}


@pytest.mark.parametrize("name", KINDS)
def test_documents_of_sagemaker_are_known(data, name):
    found = explain(read(data, name))
    assert found.kind == KINDS[name]
    assert found.title
    json.dumps(found.to_dict())


def test_violations_in_the_words_of_2019(data):
    found = explain(read(data, "constraint_violations"))
    assert found.title == "7 violations"
    assert "2019" in found.lines[0]
    types = next(point for point in found.points if "data_type_check" in point.heading)
    assert dict(types.items)["fare_amount"] == "share of values of the expected type: 49.95 %"
    assert all(point.text and point.remedy for point in found.points)


def test_statistics_that_are_none(data):
    assert any("no statistics of data" in line for line in explain(read(data, "statistics")).lines)


def test_statistics_and_constraints_of_ours(data, tmp_path):
    import open_model_monitor as omm

    path = tmp_path / "d.csv"
    path.write_text("n,t\n" + "1.5,x\n,y\n" * 20)
    report = omm.suggest(path, format="csv")
    items = dict(explain(report.statistics.to_dict()).points[0].items)
    assert items["n"] == "Fractional, 50 % missing, mean 1.5, from 1.5 to 1.5"
    assert items["t"] == "String, 2 distinct values, most often 'x', 'y'"
    constraints = explain(report.constraints.to_dict())
    asked = dict(constraints.points[0].items)
    assert asked["n"] == "type Fractional, at least 50 % present, not negative"
    assert asked["t"] == "type String, never missing, one of 'x', 'y'"
    assert any("recommended rules" in line for line in constraints.lines)
    assert explain(report.to_dict()).title == "The summary of a baseline run"


def test_no_violations():
    assert explain({"violations": []}).title.startswith("No violations")


def test_a_check_that_nobody_knows():
    entry = {"feature_name": "a", "constraint_check_type": "vibe_check", "description": "hm"}
    (point,) = explain({"violations": [entry]}).points
    assert (point.heading, point.items) == ("vibe_check (vibe_check)", (("a", "hm"),))


def test_script_errors():
    failure = ScriptFailure(
        "preprocessor", "call", "p.py", "ValueError", "oh", line=3, traceback="T", remedy="mend it"
    )
    found = explain(failure.to_dict())
    assert found.title == "The preprocessor failed on a record"
    assert found.lines == ("ValueError: oh (p.py:3)",)
    assert [point.remedy for point in found.points] == ["", "mend it"]
    failure = ScriptFailure("postprocessor", "call", "q.py", "ValueError", "oh")
    assert "what was measured before it is complete" in explain(failure.to_dict()).title


def test_other_files():
    assert explain([{"prefix": "s3://b/"}, "a", "b"]).lines[0] == "It lists 2 objects below s3://b/."
    assert explain({"captureData": {}, "eventVersion": "0"}).kind == "capture"


@pytest.mark.parametrize("document", [[], 1, {}, {"a": 1}, {"violations": [1]}, {"features": [{}]}])
def test_what_is_no_document(document):
    with pytest.raises(DocumentError):
        explain(document)
