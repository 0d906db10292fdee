"""The vectors and numbered cases of the specification of model quality."""

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import open_model_monitor as omm
from open_model_monitor.monitors.model_quality import ModelQuality
from open_model_monitor.monitors.quality_behaviour import QualityBehaviour
from open_model_monitor.monitors.quality_documents import QualityConstraints, QualityStatistics
from open_model_monitor.profiling.problems import BINARY, MULTICLASS, REGRESSION
from open_model_monitor.profiling.quality import QualityProfile
from support.labelled import profile

DATA = Path(__file__).parents[1] / "data"
VECTORS = json.loads((DATA / "vectors/model_quality.json").read_text())
NOW = datetime(2026, 1, 5, 11, 4, 9, 123000, tzinfo=UTC)
CONSTANT = "_best_constant_classifier"


def churn() -> dict[str, list[str]]:
    with (DATA / "churn/validation_with_predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def of(vector: Mapping[str, Any], problem: str) -> QualityProfile:
    if "churn" in vector["name"]:
        columns = churn()
        return profile(problem, columns["label"], columns["prediction"], columns["probability"])
    if "label" in vector:
        predictions = vector.get("predicted_label", vector.get("prediction"))
        return profile(problem, vector["label"], predictions, vector.get("probability"))
    pairs = [
        (label, predicted)
        for label, row in vector["confusion_matrix"].items()
        for predicted, rows in row.items()
        for _ in range(rows)
    ]
    return profile(problem, [label for label, _ in pairs], [predicted for _, predicted in pairs])


def measured(state: QualityProfile, **behaviour: Any) -> QualityStatistics:
    return ModelQuality(QualityBehaviour(**behaviour)).measure(state, now=NOW).statistics


def validate(name: str, document: Any) -> None:
    schema = json.loads((DATA / f"schemas/model_quality_{name}.schema.json").read_text())
    jsonschema.validate(document, schema)
    jsonschema.validate(document, {**schema, "oneOf": [{"$ref": "#/$defs/written"}]})


def named(vectors: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in vectors]


def approx(values: Mapping[str, float | None]) -> dict[str, Any]:
    return {
        name: pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True) if value is not None else None
        for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("problem", "vector"),
    [
        pytest.param(problem, vector, id=vector["name"])
        for problem, kind in ((BINARY, "binary"), (MULTICLASS, "multiclass"), (REGRESSION, "regression"))
        for vector in VECTORS[kind]
    ],
)
def test_metrics_matrices_and_curves_of_the_vectors(problem: str, vector: dict[str, Any]) -> None:
    state = of(vector, problem)
    document = measured(state).to_dict()
    validate("statistics", document)
    [block] = [value for name, value in document.items() if name.endswith("_metrics")]
    values = {name: entry["value"] for name, entry in block.items() if "value" in entry}
    assert {name: values[name] for name in vector["metrics"]} == approx(vector["metrics"])
    assert block.get("confusion_matrix") == vector.get("confusion_matrix")
    for curve in ("receiver_operating_characteristic_curve", "precision_recall_curve"):
        if curve in vector:
            assert {k: pytest.approx(v, abs=1e-12) for k, v in vector[curve].items()} == block[curve]
        elif "curve_lengths" not in vector:
            assert curve not in block
    for key, best in (("best_constant_compat", "predicted"), ("best_constant_corrected", "truth")):
        expected = {k: v for k, v in vector.get(key, {}).items() if isinstance(v, float) or v is None}
        found = measured(state, best_constant=best).values
        for name, value in expected.items():
            assert found[name if CONSTANT in name else name + CONSTANT] == pytest.approx(value, rel=1e-9)


def test_the_curves_of_the_churn_file_have_their_lengths() -> None:
    columns = churn()
    curves = measured(profile(BINARY, columns["label"], columns["prediction"], columns["probability"])).curves
    assert len(curves["receiver_operating_characteristic_curve"]["true_positive_rates"]) == 203
    assert len(curves["precision_recall_curve"]["recalls"]) == 202


def test_many_distinct_scores_are_joined() -> None:
    vector = VECTORS["binned_curve"]
    places = range(vector["rows"])
    labels = [int((37 * i) % 100 < 35) for i in places]
    scores = [((7919 * i) % 3301) / 3301 for i in places]
    found = measured(profile(BINARY, labels, probabilities=scores))
    roc = found.curves["receiver_operating_characteristic_curve"]
    points = list(zip(roc["false_positive_rates"], roc["true_positive_rates"], strict=True))
    assert len(points) == vector["roc_points"]
    assert points[1] == pytest.approx(vector["roc_second_point"], rel=1e-9)
    assert points[2] == pytest.approx(vector["roc_third_point"], rel=1e-9)
    assert len(found.curves["precision_recall_curve"]["recalls"]) == vector["pr_points"]
    assert found.values["auc"] == pytest.approx(vector["auc"], rel=1e-9)
    assert found.values["au_prc"] == pytest.approx(vector["au_prc"], rel=1e-9)


def test_violations_their_order_and_their_sentences() -> None:
    vector = VECTORS["violations"]
    constraints = QualityConstraints.from_dict(vector["constraints"])
    state = of(VECTORS["binary"][0], BINARY)
    analysed = ModelQuality(QualityBehaviour()).analyse(state, constraints=constraints, now=NOW)
    assert {"violations": analysed.violations} == vector["constraint_violations"]
    assert [list(entry) for entry in analysed.violations] == [
        ["constraint_check_type", "description", "metric_name"]
    ] * len(analysed.violations)
    validate("constraint_violations", {"violations": analysed.violations})


def test_standard_deviations_lie_where_subsampling_puts_them() -> None:
    columns = churn()
    found = measured(profile(BINARY, columns["label"], columns["prediction"], columns["probability"]))
    for name, (low, high, _) in VECTORS["subsample_standard_deviation"]["intervals"].items():
        assert low <= found.deviations[name] <= high, name


@pytest.mark.parametrize("problem", [BINARY, MULTICLASS, REGRESSION])
def test_case_3_the_baseline_itself_has_no_violation(problem: str) -> None:
    columns = churn()
    predicted = columns["probability" if problem == REGRESSION else "prediction"]
    scores = columns["probability"] if problem == BINARY else None
    state = profile(problem, columns["label"], predicted, scores)
    monitor = ModelQuality()
    suggested = monitor.suggest(monitor.measure(state).statistics)
    validate("constraints", suggested.to_dict())
    analysed = monitor.analyse(state, constraints=QualityConstraints.from_dict(suggested.to_dict()))
    assert analysed.findings
    assert analysed.violations == []


@pytest.mark.parametrize(("rows", "some"), [(199, False), (200, True)])
def test_case_4_standard_deviations_from_200_rows_on(rows: int, some: bool) -> None:
    columns = {name: values[:rows] for name, values in churn().items()}
    state = profile(BINARY, columns["label"], columns["prediction"], columns["probability"])
    found = measured(state)
    [block] = [value for name, value in found.to_dict().items() if name.endswith("_metrics")]
    deviations = [entry["standard_deviation"] for entry in block.values() if "standard_deviation" in entry]
    assert len(deviations) == 18
    assert all((one is not None) == some for one in deviations)
    limits = {"accuracy": {"threshold": 1.0, "comparison_operator": "LessThanThreshold"}}
    constraints = QualityConstraints.from_dict({"binary_classification_constraints": limits})
    [violation] = ModelQuality().analyse(state, constraints=constraints).violations
    assert (" +/- " in violation["description"]) == some


def test_case_5_spellings_of_a_number_are_one_label() -> None:
    predictions = ["1", "0", "0", "1"]
    reports = [
        measured(profile(BINARY, labels, predictions)).to_dict()
        for labels in (["1", "0", "1", "0"], ["1.0", " 0", " 1", "0.0"], [1, 0, 1, 0], [1.0, 0.0, 1.0, 0.0])
    ]
    assert all(report == reports[0] for report in reports)


def test_case_6_constraints_of_all_images_are_read() -> None:
    old = {"threshold": "NaN", "comparison_operator": "LessThanThreshold"}
    new = {"threshold": None, "comparison_operator": "LessThanThreshold"}
    by_hand = {"threshold": "0.75", "comparison_operator": "GreaterThanOrEqualToThreshold"}
    read = QualityConstraints.from_dict(
        {"binary_classification_constraints": {"recall": old, "f1": new, "au_prc": by_hand}}
    )
    assert [read.thresholds[name].threshold for name in ("recall", "f1", "au_prc")] == [None, None, 0.75]


@pytest.mark.parametrize("name", ["binary_classification", "regression"])
def test_recorded_reports_are_read_and_written_again(name: str) -> None:
    document = json.loads((DATA / f"sdk/model_monitor_model_quality_{name}.json").read_text())
    read = QualityStatistics.from_dict(document)
    written = read.to_dict()
    [block] = [key for key in document if key.endswith("_metrics")]
    for metric, entry in document[block].items():
        if "value" in entry:
            value = None if entry["value"] == "NaN" else entry["value"]
            assert written[block][metric]["value"] == pytest.approx(value)
        else:
            assert written[block][metric] == entry


def matrix_of(source: Path, **labelling: Any) -> Any:
    report = omm.check(source, labelling={"problem": BINARY, **labelling})
    return report.statistics.matrix


def test_d5_captures_joined_with_their_labels() -> None:
    report = omm.check(
        DATA / "sdk/capture.jsonl",
        labelling={
            "problem": BINARY,
            "probability_attribute": "0",
            "ground_truth": DATA / "sdk/actuals.jsonl",
        },
    )
    assert report.coverage.joined == 44
    assert report.statistics.matrix == {"0": {"0": 5, "1": 5}, "1": {"0": 23, "1": 11}}


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("merged-endpoint-json.jsonl", "predictions[*].predicted_label"),  # D6
        ("merged-batch-json.jsonl", "predictions[*].predicted_label"),  # D7
        ("merged-batch-json.jsonl", "SageMakerOutput.predictions[*].predicted_label"),
    ],
)
def test_d6_d7_recorded_merged_documents(name: str, attribute: str) -> None:
    found = matrix_of(DATA / "recorded" / name, inference_attribute=attribute)
    assert found == {"0": {"0": 75, "1": 17}, "1": {"0": 208, "1": 34}}


@pytest.mark.parametrize("attribute", ["predicted_label", "SageMakerOutput.predicted_label"])
def test_d8_a_recorded_merged_line(attribute: str) -> None:
    found = matrix_of(DATA / "recorded/merged-batch-jsonlines.jsonl", inference_attribute=attribute)
    assert found == {"1": {"1": 1}}


def test_d14_a_scored_data_set() -> None:
    found = matrix_of(
        DATA / "churn/validation_with_predictions.csv",
        inference_attribute="prediction",
        probability_attribute="probability",
        ground_truth_attribute="label",
    )
    assert found == {"0": {"0": 173, "1": 0}, "1": {"0": 12, "1": 16}}


def test_the_guides_script_on_a_scored_data_set(tmp_path: Path) -> None:
    """Case 15 of the scripts: keys are padded numbers, the job still names columns by the header."""
    script = tmp_path / "preprocessor.py"
    script.write_text(
        "def preprocess_handler(record):\n"
        "    return {str(i).zfill(20): float(v) for i, v in enumerate(record.rstrip().split(','))}\n"
    )
    report = omm.suggest(
        DATA / "churn/validation_with_predictions.csv",
        format={"csv": {"header": True}},
        preprocess=script,
        labelling={
            "problem": BINARY,
            "inference_attribute": "prediction",
            "probability_attribute": "probability",
            "ground_truth_attribute": "label",
        },
    )
    assert report.statistics.matrix == {"0": {"0": 173, "1": 0}, "1": {"0": 12, "1": 16}}
    assert report.statistics.values["auc"] == pytest.approx(0.93951279933939, rel=1e-9)


def test_a_script_on_merged_records(tmp_path: Path) -> None:
    script = tmp_path / "preprocessor.py"
    script.write_text(
        "def preprocess_handler(record):\n"
        "    return {'endpointOutput_0': float(record.endpoint_output.data),\n"
        "            'groundTruthData_0': record.ground_truth.data}\n"
    )
    report = omm.check(
        DATA / "sdk/capture.jsonl",
        preprocess=script,
        labelling={
            "problem": BINARY,
            "probability_attribute": "0",
            "ground_truth": DATA / "sdk/actuals.jsonl",
        },
    )
    assert report.statistics.matrix == {"0": {"0": 5, "1": 5}, "1": {"0": 23, "1": 11}}
