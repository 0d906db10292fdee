import json
import subprocess
import sys

import pytest

from open_model_monitor.control import job_process
from open_model_monitor.control.job_process import run_job_in
from open_model_monitor.errors import ContractError

ANALYZER = "registry/sagemaker-model-monitor-analyzer"


def laid_out(folder, environment, image=ANALYZER):
    place = folder / "opt/ml/processing/input/data"
    place.mkdir(parents=True)
    (place / "d.csv").write_text("a,b\n1,x\n2,y\n")
    (folder / "opt/ml/config").mkdir(parents=True)
    request = {"ProcessingJobName": "j", "AppSpecification": {"ImageUri": image}, "Environment": environment}
    (folder / "opt/ml/config/processingjobconfig.json").write_text(json.dumps(request))


def message(folder):
    return (folder / "opt/ml/output/message").read_text()


ENVIRONMENT = {
    "dataset_source": "/opt/ml/processing/input/data",
    "dataset_format": '{"csv": {"header": true}}',
    "output_path": "/opt/ml/processing/results",
}


def test_a_run(tmp_path):
    laid_out(tmp_path, ENVIRONMENT)
    assert run_job_in(tmp_path) == 0
    assert message(tmp_path).startswith("Completed: ")
    results = tmp_path / "opt/ml/processing/results"
    assert (results / "statistics.json").is_file()
    assert (tmp_path / "opt/ml/processing/output").resolve() == results
    assert json.loads((results / "run_summary.json").read_text())["source"] == ENVIRONMENT["dataset_source"]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["kind"], summary["rows"], summary["violations"]) == ("baseline", 2, None)
    assert summary["script_error"] is None


def test_a_failure_names_paths_as_users_know_them(tmp_path):
    laid_out(tmp_path, ENVIRONMENT | {"dataset_source": "/opt/ml/processing/input/none"})
    assert run_job_in(tmp_path) == 3
    assert message(tmp_path).startswith("NoData: Job inputs had no data")
    assert "/opt/ml/processing/input/none" in message(tmp_path)
    assert str(tmp_path) not in message(tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == {"error": "NoData", "script_error": None}


@pytest.mark.parametrize("path", ["/etc", "s3://bucket/x", "/opt/ml/../x", "input"])
def test_paths_that_lead_elsewhere(tmp_path, path):
    laid_out(tmp_path, ENVIRONMENT | {"dataset_source": path})
    assert run_job_in(tmp_path) == ContractError.exit_code
    assert f"dataset_source is {path}; a processing job finds its files below /opt/ml/processing" in message(
        tmp_path
    )


def test_what_other_versions_will_do(tmp_path):
    laid_out(tmp_path, {}, image="sagemaker-clarify-processing")
    assert run_job_in(tmp_path) == 2
    assert message(tmp_path).startswith("ContractError: ")
    assert "is not supported by this version" in message(tmp_path)


def test_copies_are_named_by_the_objects_they_are_of(tmp_path):
    text = f"{tmp_path}/remote/s3/bucket/key and {tmp_path}/opt/ml/x"
    assert job_process._known(text, tmp_path) == "s3://bucket/key and /opt/ml/x"


def test_long_runs_tell_how_far_they_are(monkeypatch, caplog):
    monkeypatch.setattr(job_process, "FIRST_WORD", 0.01)
    with caplog.at_level("INFO"), job_process._Progress() as progress:
        progress.told(1_000_000, 10)
        progress.told(500_000, 5)  # the next part
        while "15 rows, 1.5 MB read" not in caplog.text:
            pass
    assert progress._over.is_set()


def test_the_process_is_light_until_it_knows_what_to_do():
    program = (
        "import sys, open_model_monitor.control.job_process;"
        "print(*{'pyarrow', 'numpy', 'sqlalchemy', 'starlette', 'obstore'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
