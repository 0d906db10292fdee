import dataclasses
import os

import pytest

from open_model_monitor.api import format_of
from open_model_monitor.capture.record import Block
from open_model_monitor.errors import ScriptError, SettingsError
from open_model_monitor.jobs import script_kit
from open_model_monitor.jobs.contract import Job, options_from
from open_model_monitor.jobs.script_kit import pack_script
from open_model_monitor.jobs.workspace import private_workspace
from open_model_monitor.storage import Storage

SCRIPT = """
import near
import package.deep
import shared
def preprocess_handler(line):
    baseline = open("/opt/ml/processing/baseline/constraints/constraints.json").read()
    return {"near": near.WHAT, "shared": shared.WHAT, "deep": package.deep.WHAT, "baseline": baseline}
"""


@pytest.fixture
def job(tmp_path):
    files = {
        "scripts/p.py": SCRIPT,
        "scripts/near.py": "import far\nWHAT = far.WHAT\n",
        "scripts/far.py": "WHAT = 'far'\n",
        "scripts/package/__init__.py": "",
        "scripts/package/deep.py": "WHAT = 'deep'\n",
        "scripts/secret.py": "PASSWORD = 'x'\n",
        "helpers/shared.py": "WHAT = 'shared'\n",
        "baseline/constraints.json": "{}",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return Job(
        source=str(tmp_path / "data.csv"),
        is_baseline=False,
        preprocessor=str(tmp_path / "scripts" / "p.py"),
        baseline_constraints=str(tmp_path / "baseline" / "constraints.json"),
        options=options_from({"script_helpers": [str(tmp_path / "helpers")]}),
    )


def packed(job):
    with private_workspace(None) as workspace:
        return pack_script(job, format_of("csv"), workspace, Storage())


def test_what_is_packed(job):
    assert sorted(packed(job).files) == [
        "baseline_constraints/constraints.json",
        "helpers/shared.py",
        *[
            "script/far.py",
            "script/near.py",
            "script/p.py",
            "script/package/__init__.py",
            "script/package/deep.py",
        ],
    ]


def test_it_runs_where_the_originals_are_not(job, tmp_path):
    kit = packed(job)
    for name in ("scripts", "helpers", "baseline"):
        os.rename(tmp_path / name, tmp_path / f"{name} is away")
    with kit.unpacked(None) as script:
        place = script.script
        with script.sandbox("preprocessor") as sandbox:
            sandbox.start(kit.format)
            (answer,) = sandbox.answers([Block("a.csv", 1, b"1\n")])
    (row,) = answer.batches[0].to_pylist()
    assert row == {"near": "far", "shared": "shared", "deep": "deep", "baseline": "{}"}
    assert not place.exists()


def test_failures_name_the_place_where_it_was_packed(job, tmp_path):
    (tmp_path / "scripts" / "p.py").write_text("def preprocess_handler(line):\n    return 1 // 0\n")
    kit = packed(job)
    with kit.unpacked(None) as script, script.sandbox("preprocessor") as sandbox:
        sandbox.start(kit.format)
        answers = sandbox.answers([Block("a.csv", 1, b"1\n")])
        with pytest.raises(ScriptError) as caught:
            list(answers)
    failure = kit.as_packed(caught.value.failure, script.script)
    assert job.preprocessor in failure.traceback
    assert str(script.script.parent) not in failure.traceback


def test_what_does_not_travel(job, tmp_path, monkeypatch):
    with_requirements = dataclasses.replace(job.options, script_requirements="requirements.txt")
    with pytest.raises(SettingsError, match="script_requirements are not installed"):
        packed(dataclasses.replace(job, options=with_requirements))
    monkeypatch.setattr(script_kit, "MAX_BYTES", 100)
    with pytest.raises(SettingsError, match="would travel with every task"):
        packed(job)


def test_a_script_that_is_no_python_is_packed_all_the_same(job, tmp_path):
    (tmp_path / "scripts" / "p.py").write_text("def (")
    assert "script/p.py" in packed(job).files
