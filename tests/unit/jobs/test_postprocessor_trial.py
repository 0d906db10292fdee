import json

import pytest

from open_model_monitor.errors import ScriptError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.postprocessor_trial import try_postprocessor
from open_model_monitor.jobs.run import run

DROPS = """
import json
PATH = "/opt/ml/processing/output/constraint_violations.json"
def postprocess_handler():
    with open(PATH) as file:
        document = json.load(file)
    print(len(document["violations"]), "found")
    document["violations"] = document["violations"][1:]
    for path, text in ((PATH, json.dumps(document)), ("/opt/ml/processing/output/note.txt", "four")):
        with open(path, "w") as file:
            file.write(text)
"""


@pytest.fixture
def make(tmp_path):
    def job(name, text):
        script, data = tmp_path / "q.py", tmp_path / f"{name}.csv"
        script.write_text(text)
        data.write_text("a,b\n" + ("1,x\n" if name == "old" else "1.5,\n") * 40)
        return Job(source=str(data), is_baseline=False, postprocessor=str(script))

    return job


def test_what_it_did_to_a_run(make, tmp_path):
    import dataclasses

    old = make("old", DROPS)
    run(dataclasses.replace(old, is_baseline=True, postprocessor=None, output=str(tmp_path / "baseline")))
    documents = {
        f"baseline_{n}": str(tmp_path / "baseline" / f"{n}.json") for n in ("statistics", "constraints")
    }
    lines = []
    job = dataclasses.replace(make("new", DROPS), **documents)
    tried = try_postprocessor(job, on_log=lambda tag, text: lines.append(text))
    assert tried.violations_before == len(tried.report.violations) + 1
    assert tried.files == {"note.txt": 4}
    assert lines == [f"{tried.violations_before} found"]
    json.dumps(tried.to_dict())


def test_without_a_baseline_the_data_are_their_own(make):
    tried = try_postprocessor(make("old", "def postprocess_handler():\n    pass\n"))
    assert (tried.violations_before, tried.files) == (0, {})


def test_a_failure_is_raised(make):
    with pytest.raises(ScriptError, match="ZeroDivisionError"):
        try_postprocessor(make("old", "def postprocess_handler():\n    1 / 0\n"))
