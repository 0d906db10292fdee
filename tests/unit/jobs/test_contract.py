import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.capture.record import Format, Window
from open_model_monitor.errors import ContractError, SettingsError
from open_model_monitor.jobs.contract import Job, Labelling, Options, options_from

WINDOW = Window(datetime(2026, 1, 31, 10, tzinfo=UTC), datetime(2026, 1, 31, 11, tzinfo=UTC))
LEAST = {"dataset_source": "/opt/ml/processing/input", "dataset_format": '{"sagemakerCaptureJson":{}}'}

jobs = st.builds(
    Job,
    source=st.just("/opt/ml/processing/input/endpoint"),
    is_baseline=st.just(False),
    format=st.sampled_from(
        [Format("capture"), Format("csv", header=True), Format("jsonlines"), Format("parquet")]
    ),
    window=st.just(WINDOW),
    output=st.just("/opt/ml/processing/resultdata"),
    baseline_statistics=st.none() | st.just("/opt/ml/processing/baseline/stats/statistics.json"),
    baseline_constraints=st.none() | st.just("/opt/ml/processing/baseline/constraints/constraints.json"),
    preprocessor=st.none() | st.just("/opt/ml/processing/code/preprocessing/p.py"),
    postprocessor=st.none() | st.just("/opt/ml/processing/code/postprocessing/q.py"),
    behaviour=st.just({}) | st.just({"drift_counting": "rows"}),
    publish_metrics=st.booleans(),
    endpoint=st.none() | st.just("churn"),
    schedule=st.none() | st.just("hourly"),
    metric_time=st.none() | st.just(WINDOW.start),
    environment=st.just({}) | st.just({"Region": "eu-west-1", "PipelineName": "p"}),
    options=st.builds(
        Options,
        script_workers=st.integers(1, 4),
        on_record_error=st.sampled_from(["fail", "skip"]),
        variants=st.just(()) | st.just(("AllTraffic", "canary")),
        missing_values=st.just({}) | st.just({"": ("NA",), "age": ("-1",)}),
        max_runtime_seconds=st.none() | st.just(1800.0),
    ),
)


@given(jobs)
def test_job_and_environment_are_a_round_trip(job):
    environment = job.to_environment()
    assert Job.from_environment(environment, {"Environment": environment}) == job


def test_a_baseline_job_has_no_window_and_no_baseline():
    assert Job.from_environment(LEAST).is_baseline
    assert not Job.from_environment(LEAST | {"baseline_constraints": "/c.json"}).is_baseline
    window = {"start_time": "2026-01-31T10:00:00Z", "end_time": "2026-01-31T11:00:00Z"}
    assert Job.from_environment(LEAST | window).window == WINDOW


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dataset_source": ""}, "dataset_source"),
        ({"dataset_format": ""}, "dataset_format"),
        ({"start_time": "2026-01-31T10:00:00Z"}, "end_time"),
        ({"start_time": "soon", "end_time": "2026-01-31T10:00:00Z"}, "start_time"),
        ({"start_time": "2026-01-31T10:00:00Z", "end_time": "2026-01-31T10:00:00Z"}, "not before"),
        ({"analysis_type": "MODEL_BIAS"}, "MODEL_BIAS"),
        ({"analysis_type": "MODEL_QUALITY"}, "problem_type is ''; expected Regression"),
        ({"compatibility": "maybe"}, "compatibility"),
    ],
)
def test_what_is_wrong_is_named(change, named):
    with pytest.raises(ContractError, match=named):
        Job.from_environment(LEAST | change)


def test_the_config_tells_the_users_own_entries_and_the_time_limit():
    config = {
        "Environment": {"Region": "x", "output_path": "/o"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    job = Job.from_environment(LEAST | {"PATH": "/bin"}, config)
    assert job.environment == {"Region": "x"}
    assert job.options.max_runtime_seconds == 60


def test_without_a_config_nothing_is_the_users():
    environment = {"DATABASE_URL": "postgres://u:p@h", "GITHUB_PAT": "x", "Region": "y"}
    assert Job.from_environment(LEAST | environment).environment == {}


@pytest.mark.parametrize("condition", [[1], {"MaxRuntimeInSeconds": "soon"}])
def test_a_time_limit_that_is_none_is_named(condition):
    with pytest.raises(ContractError, match="MaxRuntimeInSeconds"):
        Job.from_environment(LEAST, {"StoppingCondition": condition})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"script_workers": "3"}, {"script_workers": 3}),
        ({"redact_payloads": "true"}, {"redact_payloads": True}),
        ({"variants": "a, b"}, {"variants": ("a", "b")}),
        ({"missing_values": "NA,?"}, {"missing_values": {"": ("NA", "?")}}),
        ({"missing_values": '{"age": ["-1"]}'}, {"missing_values": {"age": ("-1",)}}),
        ({"script_workers": ""}, {}),
    ],
)
def test_options_are_read_from_text(values, expected):
    assert options_from(values) == dataclasses.replace(Options(), **expected)


def test_an_option_that_makes_no_sense_is_named():
    with pytest.raises(SettingsError, match="option on_record_error is 'maybe'"):
        options_from({"on_record_error": "maybe"})


def test_a_model_quality_job_travels_whole():
    labelling = Labelling(
        "BinaryClassification",
        "predictions[*].label",
        "1",
        0.25,
        "truth",
        "yes",
        "/opt/ml/processing/labels",
        3,
    )
    job = Job(
        "/opt/ml/processing/input",
        is_baseline=False,
        format=Format("capture"),
        baseline_constraints="/opt/ml/c.json",
        labelling=labelling,
        like="sagemaker",
        behaviour={"best_constant": "truth"},
        output="/opt/ml/processing/output",
        options=Options(segment_by="country"),
    )
    environment = job.to_environment()
    assert environment["analysis_type"] == "MODEL_QUALITY"
    assert Job.from_environment(environment) == job


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"probability_threshold_attribute": "half"}, "probability_threshold_attribute is 'half'"),
        ({"ground_truth_lookback": "-1"}, "ground_truth_lookback is '-1'"),
        ({"problem_type": "Ranking"}, "problem_type is 'Ranking'; expected Regression"),
    ],
)
def test_what_is_wrong_with_a_model_quality_job_is_named(change, says):
    environment = {
        "dataset_source": "/in",
        "dataset_format": '{"csv": {}}',
        "analysis_type": "MODEL_QUALITY",
        "problem_type": "regression",
    }
    assert Job.from_environment(environment).labelling == Labelling("Regression")
    with pytest.raises(ContractError, match=says):
        Job.from_environment(environment | change)
