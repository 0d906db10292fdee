import pickle
import time

import pytest

from open_model_monitor.api import format_of
from open_model_monitor.capture.record import Part
from open_model_monitor.errors import OutsideError, ScriptError
from open_model_monitor.jobs import remote_parts
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.part_state import PartState, ProfileSettings
from open_model_monitor.jobs.profile_parts import ProfileParts
from open_model_monitor.jobs.remote_parts import Arrivals, RemoteParts
from open_model_monitor.jobs.script_kit import pack_script
from open_model_monitor.jobs.workspace import private_workspace
from open_model_monitor.profiling.state import loads
from open_model_monitor.storage import Storage

CSV = format_of("csv")


def profile(**more):
    return ProfileParts(CSV, None, (), ProfileSettings(), None, **more)


def travelled(remote):
    return pickle.loads(pickle.dumps(remote))


def results(remote, *parts):
    with travelled(remote)() as work:
        return [work(part) for part in parts]


@pytest.fixture
def parts(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("x\n" + "1\n2\n" * 10)
    return [Part((str(tmp_path / f"{name}.csv"),), (False,), (True,)) for name in "ab"]


def kit(tmp_path, text):
    (tmp_path / "p.py").write_text(text)
    job = Job(source=str(tmp_path), is_baseline=True, preprocessor=str(tmp_path / "p.py"))
    with private_workspace(None) as workspace:
        return pack_script(job, CSV, workspace, Storage())


def test_states_come_back_with_what_was_counted(parts, tmp_path):
    told = []
    arrivals = Arrivals(tmp_path / "log", progress=lambda *counts: told.append(counts))
    state = loads(arrivals.merge(results(RemoteParts(profile()), *parts)), PartState)
    assert state.profile.rows == 40
    assert told == [(42, 20), (84, 40)]
    assert not (tmp_path / "log").exists()


def test_the_log_comes_back_line_by_line(parts, tmp_path):
    lines = []
    script = kit(tmp_path, "print('loaded: now')\ndef preprocess_handler(line): return line\n")
    arrivals = Arrivals(tmp_path / "log", listener=lambda *line: lines.append(line))
    arrivals.merge(results(RemoteParts(profile(), script), *parts))
    assert lines == [("stdout", "loaded: now")] * 2
    assert len((tmp_path / "log").read_text().splitlines()) == 2


def test_a_long_log_is_shortened(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(remote_parts, "MAX_LOG", 200)
    script = kit(tmp_path, "def preprocess_handler(line):\n    print('x' * 30)\n    return line\n")
    Arrivals(tmp_path / "log").merge(results(RemoteParts(profile(), script), parts[0]))
    assert "characters were left out" in (tmp_path / "log").read_text()


def test_failures_come_back_with_the_log(parts, tmp_path):
    script = kit(tmp_path, "def preprocess_handler(line):\n    print('before')\n    return 1 // 0\n")
    arrivals = Arrivals(tmp_path / "log")
    with pytest.raises(ScriptError) as caught:
        arrivals.merge(results(RemoteParts(profile(), script), *parts))
    assert caught.value.failure.line == 3
    assert "before" in (tmp_path / "log").read_text()


def test_what_is_left_of_a_deadline_travels(parts, tmp_path):
    before = travelled(RemoteParts(profile(deadline=time.monotonic() + 100))).work.deadline
    assert 90 < before - time.monotonic() <= 100
    assert travelled(RemoteParts(profile())).work.deadline is None
    arrivals = Arrivals(tmp_path / "log", deadline=time.monotonic() - 1)
    with pytest.raises(OutsideError, match="time limit"):
        arrivals.merge(results(RemoteParts(profile()), *parts))
