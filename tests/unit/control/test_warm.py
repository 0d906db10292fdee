"""Jobs forked from a warm process: their ends are told, and they end with whoever asked for them."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from open_model_monitor.control.warm import Warm


@pytest.fixture(scope="module")
def warm():
    warm = Warm({"PATH": os.environ["PATH"], "MARK": "of the warm process"})
    yield warm
    if warm._channel is not None:
        warm._channel.shutdown(2)


def fork(warm, folder, **environment):
    (folder / "opt/ml/config").mkdir(parents=True, exist_ok=True)
    return warm.fork(folder, environment)


def finished(forked):
    code = forked.wait(30)
    said = forked.stdout.read().decode()
    forked.stdin.close()
    forked.stdout.close()
    return code, said


def test_what_a_job_says_and_how_it_ends(warm, tmp_path):
    code, said = finished(fork(warm, tmp_path))
    assert code == 70  # there is no configuration in the folder
    assert "processingjobconfig.json" in said


def test_jobs_have_their_own_session_folder_and_environment(warm, tmp_path):
    (tmp_path / "opt/ml/config").mkdir(parents=True)
    os.mkfifo(tmp_path / "opt/ml/config/processingjobconfig.json")  # so that the job waits
    forked = fork(warm, tmp_path, OWN="yes")
    process = Path(f"/proc/{forked.pid}")
    while os.readlink(process / "cwd") != str(tmp_path):
        time.sleep(0.01)
    assert os.getsid(forked.pid) == forked.pid
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(0.01)
    assert forked.poll() is None
    os.killpg(forked.pid, signal.SIGKILL)
    assert finished(forked)[0] == -signal.SIGKILL


def test_a_job_ends_when_its_standard_input_does(warm, tmp_path):
    (tmp_path / "opt/ml/config").mkdir(parents=True)
    os.mkfifo(tmp_path / "opt/ml/config/processingjobconfig.json")
    forked = fork(warm, tmp_path)
    forked.stdin.close()
    assert forked.wait(30) == -signal.SIGKILL
    forked.stdout.close()


def test_many_at_once_are_not_mixed_up(warm, tmp_path):
    folders = [tmp_path / str(number) for number in range(12)]
    started = [fork(warm, folder) for folder in folders]
    for folder, forked in zip(folders, started, strict=True):
        code, said = finished(forked)
        assert code == 70
        assert f"{folder}/opt" in said


def test_a_warm_process_that_dies_is_started_again(tmp_path):
    warm = Warm({"PATH": os.environ["PATH"]})
    (tmp_path / "a/opt/ml/config").mkdir(parents=True)
    os.mkfifo(tmp_path / "a/opt/ml/config/processingjobconfig.json")
    forked = fork(warm, tmp_path / "a")
    status = Path(f"/proc/{forked.pid}/status").read_text()
    parent = int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid")))
    os.kill(parent, signal.SIGKILL)
    assert finished(forked)[0] == -signal.SIGKILL
    assert finished(fork(warm, tmp_path / "b"))[0] == 70
    warm._channel.shutdown(2)
