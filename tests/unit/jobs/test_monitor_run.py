import json

import pytest

from open_model_monitor.errors import DocumentError, UsageError
from open_model_monitor.jobs.contract import Job, Labelling, Options
from open_model_monitor.jobs.monitor_run import open_run, segment_baselines
from open_model_monitor.storage import Storage

LIMITS = {"regression_constraints": {"mae": {"threshold": 1, "comparison_operator": "GreaterThanThreshold"}}}


@pytest.mark.parametrize(
    ("named", "problem", "predicted"),
    [
        ({"inference_attribute": "0"}, "BinaryClassification", "label"),
        ({"probability_attribute": "0"}, "BinaryClassification", "probability"),
        ({"inference_attribute": "0", "probability_attribute": "1"}, "BinaryClassification", "both"),
        ({}, "BinaryClassification", "either"),
        ({}, "Regression", "label"),
        ({"probability_attribute": "0"}, "MulticlassClassification", "label"),
    ],
)
def test_what_there_is_of_a_prediction(named, problem, predicted):
    run = open_run(Job("s", False, labelling=Labelling(problem, **named)), Storage())
    assert run.settings(None).quality.predicted == predicted


def test_constraints_are_what_is_checked(tmp_path):
    path = tmp_path / "constraints.json"
    path.write_text(json.dumps(LIMITS))
    job = Job("s", False, labelling=Labelling("Regression"), baseline_constraints=str(path))
    assert open_run(job, Storage()).checks
    assert not open_run(Job("s", False, labelling=Labelling("Regression")), Storage()).checks
    path.write_text('{"features": []}')
    with pytest.raises(DocumentError, match=r"constraints.json: Expected model-quality constraints"):
        open_run(job, Storage())
    path.unlink()
    with pytest.raises(UsageError, match="Cannot read the baseline"):
        open_run(job, Storage())


def test_how_a_run_differs_from_the_original():
    job = Job(
        "s", False, labelling=Labelling("Regression"), like="sagemaker", behaviour={"report_f0_5": "true"}
    )
    assert open_run(job, Storage()).behaviour["best_constant"] == "predicted"
    assert open_run(job, Storage()).behaviour["report_f0_5"] is True


def test_segments_have_the_baseline_beside_the_constraints(tmp_path):
    document = {"column": "country", "segments": {"DE": {"constraints": LIMITS}}}
    (tmp_path / "segments.json").write_text(json.dumps(document))
    given = {"baseline_constraints": f"{tmp_path}/constraints.json"}
    job = Job("s", False, options=Options(segment_by="country"), **given)
    assert segment_baselines(job, Storage()) == {"DE": {"constraints": LIMITS}}
    assert segment_baselines(Job("s", False, **given), Storage()) == {}
    other = Job("s", False, options=Options(segment_by="plan"), **given)
    with pytest.raises(DocumentError, match=r"segments of the column 'country', this run is by 'plan'"):
        segment_baselines(other, Storage())
