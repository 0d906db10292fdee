import fcntl
import importlib.util
import os
import shutil
from pathlib import Path

import pytest

from open_model_monitor.errors import OutsideError, ScriptError
from open_model_monitor.jobs.workspace import (
    MESSAGE,
    container_workspace,
    installed_requirements,
    private_workspace,
    staged_workspace,
    write_config,
)
from open_model_monitor.storage import Storage


def test_a_private_workspace_goes_without_a_trace(tmp_path):
    with private_workspace(tmp_path / "out") as workspace:
        workspace.write(MESSAGE, "done")
        assert workspace.path(MESSAGE).read_text() == "done"
        assert workspace.output.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed_and_a_living_run_is_not(tmp_path):
    for name in ("dead", "alive"):
        (tmp_path / f".omm-run-{name}").mkdir()
        (tmp_path / f".omm-run-{name}" / "lock").touch()
    with (tmp_path / ".omm-run-alive" / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with private_workspace(tmp_path / "out"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == [".omm-run-alive"]


def test_a_local_script_is_used_where_it_lies_and_a_remote_one_is_fetched(tmp_path):
    storage = Storage()
    local = tmp_path / "p.py"
    local.write_text("x = 1")
    storage.write("memory://bucket/q.py", b"y = 2")
    with private_workspace(None) as workspace:
        assert workspace.fetch_script(str(local), "preprocessor", storage) == local
        fetched = workspace.fetch_script("memory://bucket/q.py", "postprocessor", storage)
        assert fetched == workspace.path("/opt/ml/processing/code/postprocessing/q.py")
        assert fetched.read_text() == "y = 2"
        with pytest.raises(ScriptError, match=r"Cannot fetch preprocessor script memory://bucket/none\.py"):
            workspace.fetch_script("memory://bucket/none.py", "preprocessor", storage)


def test_the_environment_is_the_contract_and_what_is_let_through(monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "hush")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    with private_workspace(None) as workspace:
        environment = workspace.environment(
            {"end_time": "x"}, passthrough=("HTTPS_PROXY",), python_path="/more"
        )
        assert environment["end_time"] == "x"
        assert environment["HTTPS_PROXY"] == "http://proxy"
        assert environment["PYTHONPATH"].split(os.pathsep)[0] == "/more"
        assert environment["HOME"] == str(workspace.scratch)
        assert environment["output_path"] == str(workspace.output)
        assert "DATABASE_PASSWORD" not in environment


def test_a_containers_paths_are_real(tmp_path, monkeypatch):
    monkeypatch.setattr("open_model_monitor.jobs.workspace.METRICS", str(tmp_path / "metrics"))
    with container_workspace(tmp_path / "output") as workspace:
        assert workspace.path("/opt/ml/output/message") == Path("/opt/ml/output/message")
        assert workspace.output == tmp_path / "output"


def test_a_staged_workspace_is_left_as_it_was_laid_out(tmp_path):
    given = {"output_path": "/opt/ml/processing/results", "MINE": "x"}
    workspace = staged_workspace(tmp_path, given["output_path"], given)
    assert workspace.is_laid_out
    assert workspace.output == tmp_path / "opt/ml/processing/results"
    (tmp_path / "opt/ml/processing/output/notes.txt").write_text("found in both")
    assert (workspace.output / "notes.txt").read_text() == "found in both"
    write_config(workspace, "job", given)
    assert not workspace.path("/opt/ml/config/processingjobconfig.json").exists()


def test_a_staged_workspaces_usual_output(tmp_path):
    usual = tmp_path / "opt/ml/processing/output"
    usual.mkdir(parents=True)
    (usual / "there").touch()
    assert staged_workspace(tmp_path, "/opt/ml/processing/output", {}).output == usual
    staged_workspace(tmp_path, "/opt/ml/processing/results", {})  # what is in use already stays
    assert not usual.is_symlink()


@pytest.mark.skipif(
    importlib.util.find_spec("pip") is None and shutil.which("uv") is None,
    reason="there is neither pip nor uv",
)
def test_requirements_are_installed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    package = tmp_path / "package"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        '[project]\nname = "tiny"\nversion = "1"\n[tool.setuptools]\npy-modules = ["tiny"]\n'
    )
    (package / "tiny.py").write_text("VALUE = 7\n")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{package}\n")
    folder = installed_requirements(requirements)
    assert (Path(folder) / "tiny.py").exists()
    assert installed_requirements(requirements) == folder
    requirements.write_text("--no-such-option\n")
    with pytest.raises(OutsideError, match="pip could not install"):
        installed_requirements(requirements)
