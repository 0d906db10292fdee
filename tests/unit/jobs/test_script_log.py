import io

from open_model_monitor.jobs import script_log
from open_model_monitor.jobs.sandbox_child import MARK
from open_model_monitor.jobs.script_log import ScriptLog


def lines(path):
    return [line.partition("Z ")[2] for line in path.read_text().splitlines() if "Z " in line]


def test_tagged_and_untagged_lines(tmp_path):
    heard = []
    log = ScriptLog(tmp_path / "log", lambda tag, text: heard.append((tag, text)))
    text = f"{MARK}INFO preprocessor{MARK}hello\nfrom below\nno end".encode()
    log.drain(io.BufferedReader(io.BytesIO(text)), "stdout")
    log.close()
    assert lines(tmp_path / "log") == ["INFO preprocessor: hello", "stdout: from below", "stdout: no end"]
    assert heard[0] == ("INFO preprocessor", "hello")


def test_caps_keep_a_reserve_for_errors(tmp_path, monkeypatch):
    monkeypatch.setattr(script_log, "MAX_LINES", 3)
    monkeypatch.setattr(script_log, "RESERVED_LINES", 1)
    log = ScriptLog(tmp_path / "log")
    for number in range(5):
        log.add("INFO p", str(number))
    log.add("ERROR p", "bad")
    log.add("ERROR p", "worse")
    log.close()
    assert lines(tmp_path / "log") == ["INFO p: 0", "INFO p: 1", "INFO p: 2", "ERROR p: bad"]
    assert (tmp_path / "log").read_text().endswith("… 3 more lines were suppressed\n")
    assert log.tail[-1] == "ERROR p: worse"


def test_long_lines_are_cut(tmp_path):
    log = ScriptLog(tmp_path / "log")
    log.add("stdout", "x" * 100_000)
    log.close()
    assert len((tmp_path / "log").read_text()) < 33_000
