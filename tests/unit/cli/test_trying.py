import json
import os

import pytest

from open_model_monitor.cli import trying
from open_model_monitor.cli.parameters import Reading, ScriptSettings

FAILS = """
def preprocess_handler(record, logger):
    fields = record.endpoint_input.data.split(",")
    logger.info("first is %s", fields[0])
    if fields[1] == "0":
        return helper(fields)
    if fields[1] == "21":
        return None
    return {str(i): x for i, x in enumerate(fields)}

def helper(fields):
    return {"a": float(fields[0] + "red")}
"""


def test_a_good_script(omm, captures, baseline, demo):
    done = omm("try", demo / "preprocessor.py", captures, "-n", 3, "--baseline", baseline)
    assert done.code == 0
    for text in (
        "✔ 1 row × 70 columns",
        "endpointOutput CSV 0.1070",
        "0…0",
        "Account Length",
        "3 records → 3 rows",
    ):
        assert text in done.out
    assert "Hints" not in done.out


def test_the_full_story_of_a_failure(omm, captures, script):
    done = omm("try", script(FAILS), captures, "-n", 8)
    assert done.code == 4
    for text in (
        "INFO preprocessor: first is 91",
        "✘ ValueError: could not convert string to float: '94red'",
        'return {"a": float(fields[0] + "red")}',
        "line 4",
        "dropped: the handler returned None",
        "preprocessor.py:9",  # the hint about unpadded keys
        "failed",
    ):
        assert text in done.out
    assert done.out.count("Traceback") == 1  # the second failure of the kind is told in one line


def test_json(omm, captures, script):
    done = omm("try", script(FAILS), captures, "-n", 4, "--json")
    told = json.loads(done.out)
    assert (done.code, done.err) == (4, "")
    assert [bool(t["failure"]) for t in told["trials"]] == [False, False, False, True]
    assert told["trials"][0]["types"]["1"] == "Fractional"
    assert told["columns"][0]["name"] == "0"
    assert told["hints"]


def test_a_script_that_does_not_load(omm, captures, script):
    done = omm("try", script("def handler(record): ..."), captures)
    assert (done.code, done.out) == (4, "")
    assert "functions found: handler" in done.err


def test_a_postprocessor(omm, captures, demo):
    done = omm("try", demo / "postprocessor.py", captures)
    assert done.code == 0
    assert "drifted.csv" in done.out
    assert "0 violations, 0 of them drift" in done.out
    failing = omm("try", demo / "postprocessor.py", captures, "--json")
    assert "drifted.csv" in json.loads(failing.out)["files"]


def test_a_failing_postprocessor(omm, captures, script):
    done = omm("try", script("def postprocess_handler():\n    1 / 0\n"), captures)
    assert done.code == 4
    assert "postprocessor · call · ZeroDivisionError" in done.err


def test_watch_runs_again_when_the_script_changes(omm, captures, script, capsys):
    path = script("def preprocess_handler(record):\n    return {'first': 1}\n")
    texts = iter(["def preprocess_handler(record):\n    return {'second': 2}\n", "oh no"])

    def pause(_seconds):
        if (text := next(texts, None)) is None:
            raise KeyboardInterrupt
        before = path.stat().st_mtime_ns
        path.write_text(text)
        os.utime(path, ns=(before + 10**9, before + 10**9))

    wanted = trying.Wanted(str(path), str(captures), 1, None, None, Reading(), ScriptSettings(), False)
    assert trying.watch(wanted, pause=pause) == 0
    out = capsys.readouterr().out
    assert out.index("first=1") < out.index("second=2") < out.index("SyntaxError")
    assert omm("try", path, captures, "--watch", "--json").code == 2


@pytest.mark.parametrize("name", ["nosuch/", "/nosuch"])
def test_a_baseline_that_is_not_there(omm, captures, demo, name):
    assert omm("try", demo / "preprocessor.py", captures, "--baseline", name).code == 2
