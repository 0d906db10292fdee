"""Every document a run writes validates against its schema, and SageMaker's own are read."""

import json

import jsonschema
import pytest

import open_model_monitor as omm

SCHEMAS = {
    "statistics.json": "data_quality_statistics",
    "constraints.json": "data_quality_constraints",
    "constraint_violations.json": "data_quality_constraint_violations",
}


BLOCK = {
    "type": "object",
    "required": ["compatibility"],
    "properties": {"compatibility": {"const": "recommended"}},
}


def validator(data, document, *, ours):
    schema = json.loads((data / "schemas" / f"{SCHEMAS[document]}.schema.json").read_text())
    if ours and document == "constraints.json":  # the schema is the original's; our block comes on top
        config = schema["$defs"]["written"]["properties"]["monitoring_config"]
        config["properties"]["open_model_monitor"] = BLOCK
        config["required"].append("open_model_monitor")
    return jsonschema.Draft202012Validator(schema | {"$ref": "#/$defs/written"})


def written(folder):
    return {name: json.loads((folder / name).read_text()) for name in SCHEMAS if (folder / name).exists()}


def compared(found, expected):
    """Equal, floats to 1e-9: the sums depend on the order of additions."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key, value in expected.items():
            compared(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            compared(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    else:
        assert found == expected


@pytest.mark.parametrize("like", ["sagemaker", "recommended"])
def test_end_to_end_writes_what_the_vectors_say(data, vectors, tmp_path, like):
    case = vectors["end_to_end"]
    for name in ("baseline", "current"):
        (tmp_path / f"{name}.csv").write_text(case[f"{name}_csv"])
    omm.suggest(tmp_path / "baseline.csv", tmp_path / "baseline", format="csv", like=like)
    report = omm.check(tmp_path / "current.csv", tmp_path / "baseline", tmp_path / "out", format="csv")
    for folder in ("baseline", "out"):
        for name, document in written(tmp_path / folder).items():
            validator(data, name, ours=like == "recommended").validate(document)
    if like == "recommended":
        return
    compared(written(tmp_path / "baseline")["statistics.json"], case["baseline_statistics"])
    compared(written(tmp_path / "baseline")["constraints.json"], case["baseline_constraints"])
    out = written(tmp_path / "out")
    compared(out["statistics.json"], case["current_statistics"])
    assert out["constraint_violations.json"] == case["constraint_violations"]
    assert report.exit_message == case["exit_message"]
    lines = (tmp_path / "out" / "metrics" / "cloudwatch_metrics.jsonl").read_text().splitlines()
    points = {}
    for line in map(json.loads, lines):
        points[line["MetricName"]] = line.get("StatisticValues", line.get("Value"))
    compared(dict(sorted(points.items())), dict(sorted(case["metrics"].items())))


def test_a_clean_run_writes_an_empty_list(tmp_path):
    (tmp_path / "a.csv").write_text("a\n" + "x\ny\n" * 20)
    omm.suggest(tmp_path / "a.csv", tmp_path / "baseline", format="csv")
    omm.check(tmp_path / "a.csv", tmp_path / "baseline", tmp_path / "out", format="csv")
    assert json.loads((tmp_path / "out" / "constraint_violations.json").read_text()) == {"violations": []}


def test_without_a_baseline_nothing_is_checked(tmp_path):
    (tmp_path / "a.csv").write_text("a\nx\n")
    report = omm.check(tmp_path / "a.csv", None, tmp_path / "out", format="csv")
    assert report.violations is None
    assert not (tmp_path / "out" / "constraint_violations.json").exists()
    assert report.exit_message == "Completed: Job completed successfully with no violations."
