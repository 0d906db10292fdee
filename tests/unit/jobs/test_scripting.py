import json

import pytest

from open_model_monitor.api import format_of
from open_model_monitor.errors import ScriptError
from open_model_monitor.jobs.contract import Job, options_from
from open_model_monitor.jobs.scripting import script_setup
from open_model_monitor.jobs.workspace import CONFIG, private_workspace
from open_model_monitor.storage import Storage


def set_up(workspace, job, script):
    return script_setup(
        job,
        "preprocessor",
        str(script),
        format=format_of("csv"),
        deadline=5.0,
        workspace=workspace,
        storage=Storage(),
    )


def test_what_a_script_sees(tmp_path):
    script = tmp_path / "p.py"
    script.write_text("")
    options = options_from({"script_memory_mb": 64, "on_record_error": "skip", "script_random_seed": 7})
    job = Job(
        source="data.csv", is_baseline=True, environment={"LOG_LEVEL": "debug", "WHO": "me"}, options=options
    )
    with private_workspace(None) as workspace:
        setup = set_up(workspace, job, script)
        config = json.loads(workspace.path(CONFIG).read_text())
        assert setup.log == workspace.log
    assert setup.script == script
    assert setup.environment["WHO"] == "me"
    assert json.loads(setup.environment["dataset_format"])["csv"]["header"] in (True, "true")
    assert config["Environment"]["dataset_source"].endswith("/opt/ml/processing/input/dataset")
    limits = setup.limits
    assert (limits.memory_bytes, limits.skip_failing, limits.seed) == (64 << 20, True, 7)
    assert (limits.log_level, limits.deadline) == ("DEBUG", 5.0)


def test_a_script_that_cannot_be_had(tmp_path):
    job = Job(source="data.csv", is_baseline=True)
    with (
        private_workspace(None) as workspace,
        pytest.raises(ScriptError, match="Cannot fetch preprocessor script"),
    ):
        set_up(workspace, job, tmp_path / "nosuch.py")
