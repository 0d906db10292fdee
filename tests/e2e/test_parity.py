"""Reports done again: everything agrees that can.

Reports are those that the specification gives: `end_to_end` is computed independently of this product, the numbers of
`churn_training` are those of a run of SageMaker's over public rows.
"""

import json

import pytest

import open_model_monitor as omm
from open_model_monitor.cli.app import main
from open_model_monitor.moving.replay import parity, parity_of_execution


@pytest.fixture
def recorded(vectors, tmp_path):
    """Return folders of a baseline and of a run as the specification gives them, with what both read."""
    case = vectors["end_to_end"]
    for name in ("baseline", "report"):
        (tmp_path / name).mkdir()
    (tmp_path / "baseline.csv").write_text(case["baseline_csv"])
    (tmp_path / "current.csv").write_text(case["current_csv"])
    documents = {
        "baseline/statistics.json": case["baseline_statistics"],
        "baseline/constraints.json": case["baseline_constraints"],
        "report/statistics.json": case["current_statistics"],
        "report/constraint_violations.json": {"violations": case["constraint_violations"]}
        if isinstance(case["constraint_violations"], list)
        else case["constraint_violations"],
    }
    for name, document in documents.items():
        (tmp_path / name).write_text(json.dumps(document))
    return tmp_path


def test_a_whole_report_agrees(recorded, capsys):
    run = [str(recorded / "report"), str(recorded / "current.csv"), "--baseline", str(recorded / "baseline")]
    assert main(["parity", *run]) == 0
    assert "100 % agreement: 56 agree, 0 differ, 8 cannot be compared" in capsys.readouterr().out
    made = [str(recorded / "baseline"), str(recorded / "baseline.csv"), "--suggest", "--json"]
    assert main(["parity", *made]) == 0
    assert json.loads(capsys.readouterr().out)["agreement"] == 1


def test_what_differs_is_shown_and_exits_with_one(recorded, capsys):
    path = recorded / "report" / "statistics.json"
    document = json.loads(path.read_text())
    first = document["features"][0]
    block = first.get("numerical_statistics") or first["string_statistics"]
    block["common"]["num_missing"] += 1
    path.write_text(json.dumps(document))
    run = [str(recorded / "report"), str(recorded / "current.csv"), "--baseline", str(recorded / "baseline")]
    assert main(["parity", *run]) == 1
    shown = capsys.readouterr().out
    assert "98." in shown
    assert shown.startswith("differs ")  # first, whatever else is said
    assert "3 there, 2 here: exactly" in shown


def buckets(feature):
    """Yield the histogram of which counts were recorded; bounds follow from both extremes."""
    low, span = feature["min"], feature["max"] - feature["min"]
    for place, count in enumerate(feature["bucket_counts"]):
        bounds = {"lower_bound": low + span * place / 10, "upper_bound": low + span * (place + 1) / 10}
        yield {**bounds, "count": count}


def test_the_numbers_of_a_real_run_over_the_churn_data(vectors, data, tmp_path):
    case = vectors["churn_training"]
    training = data / "churn" / "training-dataset-with-header.csv"
    features = []
    for one in case["features"]:
        numbers = {name: one[name] for name in ("common", "mean", "sum", "std_dev", "min", "max")}
        numbers["distribution"] = {"kll": {"buckets": list(buckets(one))}}
        kept = {name: one[name] for name in ("name", "inferred_type")}
        features.append(kept | {"numerical_statistics": numbers})
    (tmp_path / "statistics.json").write_text(
        json.dumps({"dataset": {"item_count": 2333}, "features": features})
    )
    found = parity(str(tmp_path), str(training), is_baseline=True)
    # Numbers were recorded of some of the features, so the list of names is shorter.
    assert [one.what for one in found.differences] == ["features, in order"]
    assert found.count("agrees") == 1 + 9 * len(features)


def test_a_report_about_a_model(data, tmp_path, capsys):
    vectors = json.loads((data / "vectors" / "model_quality.json").read_text())
    scored = "churn/validation_with_predictions.csv"
    [case] = [one for one in vectors["binary"] if one["name"].endswith(scored)]
    values = case["metrics"] | {
        name if name.endswith("_classifier") else f"{name}_best_constant_classifier": value
        for name, value in case["best_constant_compat"]["metrics"].items()
    }
    block = {name: {"value": value, "standard_deviation": 0.01} for name, value in values.items()}
    block["confusion_matrix"] = case["confusion_matrix"]
    document = {"dataset": {"item_count": 201}, "binary_classification_metrics": block}
    (tmp_path / "statistics.json").write_text(json.dumps(document))
    columns = ["--inference", "prediction", "--probability", "probability", "--label", "label"]
    made = ["parity", str(tmp_path), str(data / scored), "--suggest", "--monitor", "model-quality"]
    assert main([*made, "--problem", "binary", *columns, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    # The curves were not recorded, so the list of metrics is shorter; deviations are drawn at random.
    assert [one["what"] for one in told["others"] if one["verdict"] == "differs"] == ["metrics"]
    assert told["agrees"] == 1 + 1 + len(values)
    assert told["cannot be compared"] == len(values)


def test_segments_are_not_compared(recorded, capsys):
    run = [str(recorded / "report"), str(recorded / "current.csv"), "--segment-by", "plan"]
    assert main(["parity", *run]) == 2
    assert "Segments are ours" in capsys.readouterr().err


def test_an_execution_is_done_again_from_its_own_description(tmp_path):
    (tmp_path / "train.csv").write_text("score,n,plan\n" + "0.5,1,x\n0.5,2,y\n" * 30)
    client = omm.connect(tmp_path / "data")
    with omm.Recorder(tmp_path / "captures", endpoint="plans") as recorder:
        for number in range(60):
            recorder.log(f"{number % 7},{'xyz'[number % 3]}", "0.5")
    script = tmp_path / "preprocessor.py"
    script.write_text(
        "def preprocess_handler(record):\n"
        "    n, plan = record.endpoint_input.data.split(',')\n"
        "    return {'score': record.endpoint_output.data, 'n': n, 'plan': plan}\n"
    )
    monitor = client.create_monitor(
        "plans",
        captures=str(tmp_path / "captures" / "plans"),
        baseline=str(tmp_path / "train.csv"),
        every="now",
    )
    execution = monitor.wait(60)
    found = parity_of_execution(client.session, execution.job)
    assert found.share == 1
    assert any(one.document == "constraint_violations.json" for one in found.compared)
    client.close()
