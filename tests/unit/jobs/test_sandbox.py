"""The process of a script, by itself; whole runs are in tests/contract/test_scripts.py."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from open_model_monitor.capture.record import Block, Counts, Format
from open_model_monitor.errors import EngineError, ScriptError
from open_model_monitor.jobs.part_state import PartState, ProfileSettings
from open_model_monitor.jobs.sandbox import Sandbox, ScriptLimits
from open_model_monitor.jobs.script_log import ScriptLog
from open_model_monitor.profiling.columns import ProfileOptions
from open_model_monitor.profiling.state import loads

FORMAT = Format("jsonlines")


@pytest.fixture
def sandbox(tmp_path):
    (tmp_path / "opt" / "ml" / "processing" / "output").mkdir(parents=True)
    log = ScriptLog(tmp_path / "script.log")

    def make(source, role="preprocessor", **limits):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(source))
        environment = {"PATH": os.environ["PATH"]}
        return Sandbox(script, role, environment, tmp_path, tmp_path, log, ScriptLimits(**limits))

    yield make
    log.close()


def blocks(number):
    return [
        Block("file", 1 + 2 * n, f'{{"n": {2 * n}}}\n{{"n": {2 * n + 1}}}\n'.encode()) for n in range(number)
    ]


ECHO = "def preprocess_handler(value): return value"


def test_blocks_are_answered_in_order(sandbox):
    with sandbox(ECHO) as box:
        box.start(FORMAT)
        answers = list(box.answers(blocks(20)))
    found = [
        value for answer in answers for batch in answer.batches for value in batch.column("n").to_pylist()
    ]
    assert found == list(range(40))
    assert sum(answer.counts.records_in for answer in answers) == 40


def test_parts_are_profiled_where_the_script_is(sandbox):
    told = []
    with sandbox(ECHO) as box:
        box.start(FORMAT, settings=ProfileSettings(excluded=("m",)))
        packed = [
            box.profile(blocks(number), Counts(bytes_read=number), told.append) for number in (20, 0, 3)
        ]
    states = [loads(one, PartState) for one in packed]
    assert [state.profile.rows for state in states] == [40, 0, 6]
    assert [state.counts.bytes_read for state in states] == [20, 0, 3]
    assert [told[20], told[-1]] == [40, 6]


def test_settings_reach_the_process(sandbox):
    options = ProfileOptions(max_categories=3, missing_values={"": {"2"}, "n": ["3"]}, watched=frozenset("x"))
    with sandbox(ECHO) as box:
        box.start(FORMAT, settings=ProfileSettings(options, baseline_columns=("n",)))
        state = loads(box.profile(blocks(10), Counts(), lambda _: None), PartState)
    assert state.profile.columns["n"].classes["Integral"] == 18


def test_globals_last_from_part_to_part(sandbox):
    with sandbox("N = 0\ndef preprocess_handler(v):\n    global N\n    N += 1\n    return {'n': N}") as box:
        box.start(FORMAT)
        for _ in range(2):
            answers = list(box.answers(blocks(1)))
    assert answers[0].batches[0].column("n").to_pylist() == [3, 4]


def test_the_process_and_what_it_started_are_gone_afterwards(sandbox, tmp_path):
    source = f"""
        import subprocess
        child = subprocess.Popen(["sleep", "600"])
        open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
        {ECHO}
    """
    with sandbox(source) as box:
        box.start(FORMAT)
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, 0)
    end = time.monotonic() + 5
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.01)
    status = Path(f"/proc/{pid}/stat")
    assert not status.exists() or "Z" in status.read_text().split()[2]


@pytest.mark.parametrize("isolation", ["auto", "redirect"])
def test_the_view_is_told(sandbox, isolation):
    with sandbox(ECHO, isolation=isolation) as box:
        box.start(FORMAT)
        assert box.view in ({"redirected"} if isolation == "redirect" else {"namespace", "redirected"})


def test_a_namespace_that_is_asked_for_is_had_or_refused(sandbox, tmp_path):
    with sandbox(ECHO, isolation="namespace") as box:
        if namespaces_are_granted(tmp_path):
            box.start(FORMAT)
            assert box.view == "namespace"
        else:
            with pytest.raises(EngineError, match="namespace"):
                box.start(FORMAT)


def namespaces_are_granted(tree):
    program = (
        "import sys; from open_model_monitor.jobs.namespace import enter; sys.exit(not enter(sys.argv[1]))"
    )
    program = program.replace("sys.argv[1]", "__import__('pathlib').Path(sys.argv[1])")
    return subprocess.run([sys.executable, "-c", program, str(tree)], check=False).returncode == 0


def test_a_crash_names_the_record_in_hand(sandbox):
    source = (
        "import os\ndef preprocess_handler(v):\n    if v['n'] == 5: os.kill(os.getpid(), 9)\n    return v"
    )
    with sandbox(source) as box:
        box.start(FORMAT)
        with pytest.raises(ScriptError) as caught:
            list(box.answers(blocks(10)))
    failure = caught.value.failure
    assert (failure.line_number, failure.payload_excerpt) == (6, "{'n': 5}")
    assert "SIGKILL" in failure.message
    assert "memory" in failure.remedy


def test_a_script_that_hangs_while_loading(sandbox):
    hung = sandbox("while True: pass", deadline=time.monotonic() + 1)
    with hung, pytest.raises(ScriptError, match="TimeLimitExceeded") as caught:
        hung.start(FORMAT)
    assert caught.value.failure.phase == "load"


def test_a_postprocessor_is_called_once(sandbox, tmp_path):
    source = "def postprocess_handler():\n    open('/opt/ml/processing/output/x', 'a').write('called\\n')"
    with sandbox(source, "postprocessor") as box:
        box.postprocess()
    assert (tmp_path / "opt" / "ml" / "processing" / "output" / "x").read_text() == "called\n"
