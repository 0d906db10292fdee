import os
import signal
import subprocess
import sys
import time

import pytest

from open_model_monitor.control import launchers
from open_model_monitor.control.job_process import repository_of
from open_model_monitor.control.launchers import ContainerCommand, Subprocess, is_built_in, launcher_for
from open_model_monitor.errors import ContractError, OutsideError, SettingsError
from open_model_monitor.settings import Settings

DOCKER = "docker run --rm --name {name} --env-file {environment_file} -v {folder}/opt/ml:/opt/ml {image}"


def request(image="me/image:1", **more):
    return {"ProcessingJobName": "job", "AppSpecification": {"ImageUri": image, **more}}


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer", "ours"),
        ("localhost:5000/mirror/sagemaker-model-monitor-analyzer:1@sha256:0", "ours"),
        ("sagemaker-clarify-processing:1.0", "ours"),
        ("sagemaker-model-monitor-analyzer/other", "theirs"),
        ("me/my-sagemaker-model-monitor-analyzer", "theirs"),
    ],
)
def test_images_are_known_by_the_repositorys_name(image, name):
    assert is_built_in(image) == (name == "ours")


def test_the_repository_of_an_image():
    assert repository_of("registry:5000/a/b:tag@sha256:12") == "b"


def test_who_runs_an_image():
    assert isinstance(launcher_for("sagemaker-model-monitor-analyzer", Settings()), Subprocess)
    assert launcher_for("me/x", Settings(container_command="run {image}")) == ContainerCommand("run {image}")
    with pytest.raises(
        SettingsError, match=r"no runner is configured for the image me/x.*OMM_CONTAINER_COMMAND"
    ):
        launcher_for("me/x", Settings())


def test_a_command_line_is_filled_in_word_by_word(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    more = {"ContainerEntrypoint": ["python3", "x.py"], "ContainerArguments": ["--a", "{name} $(b)"]}
    command = ContainerCommand(DOCKER).command(folder, request(**more), {"A": "1", "B": "{name}"})
    assert command[:6] == ["docker", "run", "--rm", "--name", "job", "--env-file"]
    assert command[7:] == [
        *["-v", f"{folder}/opt/ml:/opt/ml", "me/image:1"],
        *["python3", "x.py", "--a", "{name} $(b)"],
    ]
    file = folder / "environment"
    assert command[6] == str(file)
    assert file.read_text() == "A=1\nB={name}\n"
    assert file.stat().st_mode & 0o077 == 0


def test_an_entrypoint_has_its_own_place(tmp_path):
    launcher = ContainerCommand("run --entrypoint={entrypoint} {image}")
    with_one = launcher.command(tmp_path, request(ContainerEntrypoint=["sh", "-c", "x"]), {})
    assert with_one == ["run", "--entrypoint=sh", "me/image:1", "-c", "x"]
    assert launcher.command(tmp_path, request(), {}) == ["run", "me/image:1"]


@pytest.mark.parametrize("image", ["--privileged", "a b", "", "x\ny"])
def test_an_image_is_no_option(tmp_path, image):
    with pytest.raises(ContractError, match="is no name of an image"):
        ContainerCommand(DOCKER).command(tmp_path, request(image), {})


def test_an_entry_of_several_lines(tmp_path):
    with pytest.raises(ContractError, match="entry A has several lines"):
        ContainerCommand(DOCKER).command(tmp_path, request(), {"A": "1\nB=2"})


def test_lines_are_passed_on_and_the_code_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(launchers, "MAX_LINE", 100)
    program = "import sys; print('x' * 1000); print('é'); print('end', file=sys.stderr); sys.exit(7)"
    script = tmp_path / "run.py"
    script.write_text(program)
    lines = []
    running = ContainerCommand(f"{sys.executable} {script}").start(tmp_path, request(), {}, lines.append)
    assert running.wait(20) == 7
    running.wait_output()
    assert lines == ["x" * 101, "é", "end"]
    assert running.poll() == 7


def test_a_command_that_is_not_there(tmp_path):
    lines = []
    running = ContainerCommand("/no/such/engine {image}").start(tmp_path, request(), {}, lines.append)
    assert running.wait(20) == 127
    running.wait_output()
    assert lines == ["cannot run /no/such/engine: No such file or directory"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OutsideError, match="cannot start"):
        launchers._started([sys.executable], tmp_path / "none", {}, print)


def test_stopped_the_group_ends(tmp_path):
    lines = []
    running = ContainerCommand("sh -c 'echo begun; sleep 60 & wait'").start(
        tmp_path, request(), {}, lines.append
    )
    end = time.monotonic() + 20
    while not lines and time.monotonic() < end:
        time.sleep(0.01)
    assert running.wait(0.01) is None
    running.stop()
    assert running.wait(20) == 128 + signal.SIGTERM
    running.wait_output()
    assert lines == ["begun"]


def test_the_command_sees_none_of_our_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("OMM_SECRET_KEY", "hush")
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine")
    lines = []
    running = ContainerCommand("env").start(tmp_path, request(), {}, lines.append)
    running.wait(20)
    running.wait_output()
    assert "DOCKER_HOST=tcp://engine" in lines
    assert not [line for line in lines if line.startswith("OMM_")]


@pytest.mark.skipif(sys.platform != "linux", reason="a system call of Linux")
def test_hidden_from_jobs():
    program = (
        "import ctypes, os; from open_model_monitor.control.launchers import hide_from_jobs; hide_from_jobs();"
        "print(ctypes.CDLL(None).prctl(3))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "0"
