"""The numbered cases of the script contract (S1 …), each through the whole of a run.

S22, S23 and S34 speak of model-quality metrics; they come with that monitor.
"""

import json
import os
import random
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import open_model_monitor as omm
from open_model_monitor.errors import DataError, NoData, ScriptError, SettingsError
from open_model_monitor.storage import Storage

EVENT_ID = "0c1e5d1e-0000-4000-8000-000000000001"


def capture(number=1, *, request="107,,0.5,-1,red", response="0.25\n", encoding="CSV"):
    return {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": request,
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "OUTPUT",
                "data": response,
                "encoding": encoding,
            },
        },
        "eventMetadata": {
            "eventId": EVENT_ID[:-4] + f"{number:04d}",
            "customAttributes": ['{"testIndicator":"true"}'],
            "inferenceTime": "2026-01-31T23:59:58Z",
        },
        "eventVersion": "0",
    }


class Lab:
    """A folder with captures and scripts, and the runs over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "captures.jsonl"
        self.out = folder / "out"
        self.captures(capture())

    def captures(self, *records):
        self.data.write_text("".join(json.dumps(record) + "\n" for record in records))

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def script(self, text, name="preprocessor.py"):
        return self.file(name, textwrap.dedent(text))

    def check(self, script=None, baseline=None, **more):
        pre = self.script(script) if script is not None else None
        data = more.pop("data", self.data)
        return omm.check(data, baseline, more.pop("out", self.out), preprocess=pre, **more)

    def suggest(self, text, script=None, name="train.csv", **more):
        pre = self.script(script) if script is not None else None
        return omm.suggest(self.file(name, text), self.folder / "baseline", preprocess=pre, **more)

    def log(self):
        return (self.out / "script.log").read_text()

    def error(self):
        return json.loads((self.out / "script_error.json").read_text())


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def types(report):
    return {feature.name: feature.inferred_type for feature in report.statistics.features}


def names(report):
    return [feature.name for feature in report.statistics.features]


JOIN = """
    def preprocess_handler(inference_record):
        line = inference_record.endpoint_output.data.rstrip("\\n") + "," + inference_record.endpoint_input.data
        return {str(i).zfill(20): value for i, value in enumerate(line.split(","))}
"""


def test_s1_join_split_and_padded_keys(lab):
    report = lab.check(JOIN)
    assert list(types(report).values()) == [
        "Fractional",
        "Integral",
        "Unknown",
        "Fractional",
        "Integral",
        "String",
    ]
    assert names(report) == [str(i).zfill(20) for i in range(6)]


MINUS_ONE = """
    def preprocess_handler(inference_record):
        fields = inference_record.endpoint_input.data.split(",")
        return {i: None if field == -1 else field for i, field in enumerate(fields)}
"""


def test_s2_integer_keys_and_text_that_is_no_number(lab):
    report = lab.check(MINUS_ONE)
    assert names(report) == ["0", "1", "2", "3", "4"]
    assert types(report)["3"] == "Integral"


def test_s3_sampling(lab):
    lab.captures(*[capture(n) for n in range(1000)])
    report = lab.check(
        """
        import random
        def preprocess_handler(inference_record):
            if random.random() >= 0.1:
                return []
            fields = inference_record.endpoint_input.data.split(",")
            return {i: None if field == -1 else field for i, field in enumerate(fields)}
        """,
        options={"script_random_seed": 7},
    )
    assert 60 <= report.rows <= 140
    assert report.counts.records_dropped_by_script + report.rows == 1000


def test_s4_logger_and_the_record_itself(lab):
    report = lab.check(
        """
        def preprocess_handler(inference_record, logger):
            for log in (logger.debug, logger.info, logger.warning, logger.error):
                log(f"seen {inference_record}")
            return inference_record
        """
    )
    assert names(report) == [f"_c{i}" for i in range(6)]
    log = lab.log()
    for level in ("INFO", "WARNING", "ERROR"):
        assert f"{level} preprocessor: seen {{'captureData'" in log
    assert "DEBUG" not in log
    assert "'mode'" not in log


def test_s5_everything_dropped_against_a_baseline(lab):
    lab.suggest("a,b,c,d,e,f\n" + "1,2,3,4,5,x\n" * 3)
    report = lab.check("def preprocess_handler(record): return []", lab.folder / "baseline")
    assert report.statistics.to_dict()["dataset"]["item_count"] == 0
    (violation,) = report.violations
    assert violation["constraint_check_type"] == "missing_column_check"
    assert "current dataset: 0, Number of columns in baseline constraints: 6" in violation["description"]
    assert any("dropped all 1 records" in notice.text for notice in report.notices)


def test_s5_everything_dropped_without_a_baseline(lab):
    report = lab.check("def preprocess_handler(record): return []")
    assert report.statistics.to_dict()["dataset"]["item_count"] == 0
    assert any("dropped all 1 records" in notice.text for notice in report.notices)
    with pytest.raises(NoData):
        lab.suggest("a,b\n1,2\n", "def preprocess_handler(record): return []")


def test_s6_no_return_statement(lab):
    with pytest.raises(ScriptError, match=r"never returned a row \(None 1 times\); missing return statement"):
        lab.check("def preprocess_handler(record):\n        pass")


def test_s7_attributes_of_early_samples(lab):
    with pytest.raises(ScriptError) as caught:
        lab.check("def preprocess_handler(record): return {'x': record.event_data}")
    text = str(caught.value)
    assert text.startswith("Exception while invoking preprocessor script: AttributeError")
    assert "endpoint_input" in text


def test_s8_text_of_a_record_rewrites_its_dict(lab):
    report = lab.check(
        """
        def preprocess_handler(record):
            str(record)
            keys = list(record.event_dict["captureData"]["endpointInput"])
            return {"keys": " ".join(keys), "mode": record.endpoint_input.mode}
        """
    )
    values = [value for feature in report.statistics.features for value in feature.categories]
    assert values == ["encoding data observedContentType", "INPUT"]


@pytest.mark.parametrize("before", ["", "str(record)"])
def test_s9_edits_of_a_section_count(lab, before):
    report = lab.check(
        f"""
        def preprocess_handler(record):
            {before or "pass"}
            record.endpoint_input.data = "1,2"
            return record
        """
    )
    assert list(types(report).values()) == ["Fractional", "Integral", "Integral"]


def test_s10_nested_values_are_flattened(lab):
    report = lab.check('def preprocess_handler(record): return {"a": {"b": 1}, "p": [0.1, 0.9]}')
    assert types(report) == {"a_b": "Integral", "p_0": "Fractional", "p_1": "Fractional"}


def test_s11_rows_of_different_keys(lab):
    report = lab.check('def preprocess_handler(record): return [{"a": 1, "b": 2}, {"b": 3, "c": 4}]')
    assert report.rows == 2
    assert {f.name: f.num_missing for f in report.statistics.features} == {"a": 1, "b": 0, "c": 1}


CAST = """
    def preprocess_handler(line):
        return {i: float(field) for i, field in enumerate(line.split(","))}
"""


def test_s12_a_header_that_the_script_cannot_read(lab):
    report = lab.suggest("a,b\n1,2\n3,4\n", CAST, format="csv")
    assert report.rows == 2
    assert types(report) == {"0": "Fractional", "1": "Fractional"}
    assert "header line skipped" in (lab.folder / "baseline" / "script.log").read_text()


def test_s13_a_script_that_returns_its_argument(lab):
    header = ",".join(f"c{n}" for n in range(13, 0, -1))  # neither sorted nor of one width
    lab.data = lab.file("batch.csv", header + "\n" + "1," * 12 + "x\n" + "," * 12 + "y\n")
    plain = lab.check(data=lab.data, format="csv")
    same = lab.check(
        "def preprocess_handler(line): return line", data=lab.data, format="csv", out=lab.folder / "two"
    )
    assert same.statistics.to_dict() == plain.statistics.to_dict()


@pytest.mark.parametrize("returned", ["record", "record.as_dict()", "[record]"])
def test_s4_a_returned_record_keeps_the_order_of_its_columns(lab, returned):
    wide = ",".join(f"v{n}" for n in range(12))
    lab.captures(*[capture(n, request=wide) for n in range(3)])
    plain = lab.check()
    same = lab.check(f"def preprocess_handler(record): return {returned}", out=lab.folder / "two")
    assert same.statistics.to_dict() == plain.statistics.to_dict()


def test_s14_json_lines_are_dicts(lab):
    data = lab.file("batch.jsonl", '{"a": 1}\n{"a": 2}\n')
    report = lab.check(
        """
        def preprocess_handler(value):
            assert isinstance(value, dict)
            return value
        """,
        data=data,
        format="jsonlines",
    )
    assert report.rows == 2


def test_s15_a_helper_beside_the_script_and_prints(lab):
    lab.file("beside.py", "NAME = 'x'\n")
    lab.check(
        """
        from beside import NAME
        print("loading")
        def preprocess_handler(record):
            print("called", NAME)
            return {NAME: 1}
        """
    )
    assert "stdout: loading" in lab.log()
    assert "stdout: called x" in lab.log()


THIRD_FAILS = """
    SEEN = 0
    def preprocess_handler(record):
        global SEEN
        SEEN += 1
        if SEEN == 3:
            raise ValueError("three is wrong")
        return {"n": SEEN}
"""


def test_s16_the_third_record_fails(lab):
    lab.captures(*[capture(n) for n in range(1, 6)])
    with pytest.raises(ScriptError) as caught:
        lab.check(THIRD_FAILS)
    text = str(caught.value)
    assert "ValueError: three is wrong" in text
    assert "at preprocessor.py:7 in preprocess_handler" in text
    assert f"{lab.data} line 3, eventId {capture(3)['eventMetadata']['eventId']}" in text
    assert "2 records were processed before this one" in text
    error = lab.error()
    assert (error["line_number"], error["records_processed"], error["phase"]) == (3, 2, "call")
    assert 'raise ValueError("three is wrong")' in error["traceback"]
    assert "open_model_monitor" not in error["traceback"]
    assert "107,,0.5,-1,red" in error["payload_excerpt"]


def test_s16_failing_records_may_be_skipped(lab):
    lab.captures(*[capture(n) for n in range(1, 6)])
    skip = {"on_record_error": "skip", "max_record_error_fraction": 0.5}
    report = lab.check(THIRD_FAILS, options=skip)
    assert report.rows == 4
    assert report.counts.records_failed_in_script == 1
    assert report.record_failures[0].line_number == 3
    with pytest.raises(ScriptError, match="1 of 5 records failed"):
        lab.check(THIRD_FAILS, options=skip | {"max_record_error_fraction": 0.1})


@pytest.mark.parametrize("isolation", ["auto", "redirect"])
def test_s17_files_in_the_output_folder_become_artefacts(lab, isolation):
    lab.captures(capture(1), capture(2))
    lab.check(
        """
        from pathlib import Path
        def preprocess_handler(record):
            with open("/opt/ml/processing/output/x.log", "a") as file:
                file.write("seen\\n")
            assert Path("/opt/ml/processing/output/x.log").exists()
            return {"a": 1}
        """,
        options={"script_isolation": isolation},
    )
    assert (lab.out / "x.log").read_text() == "seen\nseen\n"
    assert not Path("/opt/ml/processing/output/x.log").exists()


ENVIRONMENT = """
    import os
    def preprocess_handler(record):
        assert os.path.isdir(os.environ["output_path"])
        return {"end": os.environ["end_time"]}
"""


def test_s18_environment_of_a_monitoring_run_and_of_a_baseline_job(lab):
    lab.captures(capture() | {"eventMetadata": {"eventId": "x", "inferenceTime": "2026-01-31T10:30:00Z"}})
    report = lab.check(ENVIRONMENT, since="2026-01-31T10:00:00Z", until="2026-01-31T11:00:00Z")
    assert report.statistics.features[0].categories == {"2026-01-31T11:00:00Z": 1}
    with pytest.raises(ScriptError, match="KeyError: 'end_time'"):
        lab.suggest("1,2\n", ENVIRONMENT)


TWELVE = ",".join(str(i) for i in range(12))
UNPADDED = """
    def preprocess_handler(record):
        return {i: field for i, field in enumerate(record.endpoint_input.data.split(","))}
"""


def test_s19_integer_keys_beyond_ten(lab):
    training = "\n".join(",".join(f"c{i}v{row % 2}" for i in range(12)) for row in range(40)) + "\n"
    lab.suggest(training, format={"csv": {"header": False}})
    lines = training.splitlines()
    lab.captures(*[capture(n, request=line) for n, line in enumerate(lines)])
    assert lab.check(UNPADDED, lab.folder / "baseline").violations == ()
    moved = lab.check(UNPADDED, lab.folder / "baseline", behaviour={"column_matching": "position"})
    wrong = {e["feature_name"] for e in moved.violations}
    assert wrong == {f"_c{i}" for i in range(2, 12)}


def test_s20_named_keys_in_any_order(lab):
    lab.suggest("a,b,c\n" + "1,0.5,x\n1,0.5,y\n" * 20)
    lab.captures(*[capture(n) for n in range(40)])
    report = lab.check(
        """
        N = 0
        def preprocess_handler(record):
            global N
            N += 1
            return {"c": "x" if N % 2 else "y", "a": 1, "b": 0.5}
        """,
        lab.folder / "baseline",
    )
    assert report.violations == ()
    assert names(report) == ["a", "b", "c"]


def test_s21_a_prediction_under_another_name(lab):
    lab.suggest("Churn,a\n" + "0.5,1\n" * 40)
    lab.captures(*[capture(n) for n in range(40)])
    report = lab.check(
        'def preprocess_handler(r): return {"a": 1, "prediction": 0.5}', lab.folder / "baseline"
    )
    assert names(report) == ["Churn", "a"]
    assert report.violations == ()
    assert any("prediction" in text and "Churn" in text for text in report.warnings)


def test_s24_values_of_other_libraries(lab):
    report = lab.check(
        """
        import datetime, decimal
        import numpy as np
        import pandas as pd
        def preprocess_handler(record):
            return {"int": np.int64(1), "float": np.float64(1.5), "bool": np.bool_(True), "nan": float("nan"),
                    "na": pd.NA, "decimal": decimal.Decimal("1.5"), "date": datetime.date(2026, 1, 31)}
        """
    )
    assert types(report) == {
        "int": "Integral",
        "float": "Fractional",
        "bool": "String",
        "nan": "Unknown",
        "na": "Unknown",
        "decimal": "Fractional",
        "date": "String",
    }


@pytest.mark.parametrize(
    ("definition", "logs"),
    [
        ("def preprocess_handler(rec, logger=None): return {'l': int(logger is not None)}", 1),
        ("def preprocess_handler(*args): return {'l': len(args) - 1}", 1),
        ("def preprocess_handler(rec, debug=False): return {'l': int(bool(debug))}", 0),
        ("def preprocess_handler(rec, *, logger): return {'l': int(logger is not None)}", 1),
        (
            "class H:\n            def __call__(self, rec): return {'l': 0}\n        preprocess_handler = H()",
            0,
        ),
    ],
)
def test_s25_signatures(lab, definition, logs):
    report = lab.check(f"\n        {definition}\n")
    assert report.statistics.features[0].mean == logs


def test_s26_exit_is_no_success(lab):
    with pytest.raises(ScriptError, match="SystemExit"):
        lab.check("import sys\n        def preprocess_handler(record): sys.exit(0)".replace("        ", ""))


def post(lab, text):
    return lab.script(text, "postprocessor.py")


def violating(lab):
    lab.suggest("a\n" + "x\ny\n" * 20)
    lab.data = lab.file("now.csv", "a\n" + "1\n2\n" * 20)
    return {"data": lab.data, "format": "csv", "baseline": lab.folder / "baseline"}


def test_s27_a_postprocessor_prints(lab):
    script = post(lab, "def postprocess_handler(): print('all done')")
    report = lab.check(postprocess=script)
    assert "stdout: all done" in lab.log()
    assert report.outcome == "Completed"


def test_s28_a_postprocessor_raises(lab):
    script = post(lab, "def postprocess_handler(): raise RuntimeError('no mail')")
    report = lab.check(postprocess=script, **violating(lab))
    assert report.outcome == "CompletedWithViolations"
    summary = json.loads((lab.out / "run_summary.json").read_text())
    assert summary["PostprocessingStatus"] == "Failed"
    assert "Exception while invoking postprocessor script: RuntimeError: no mail" in report.exit_message
    assert report.exit_message.startswith("CompletedWithViolations: Job completed successfully with ")
    assert "raise RuntimeError" in lab.error()["traceback"]
    assert json.loads((lab.out / "constraint_violations.json").read_text())["violations"]
    with pytest.raises(ScriptError):
        lab.check(postprocess=script, data=lab.data, options={"postprocessor_failure": "fail"})


def test_s29_no_postprocessor_after_a_failed_run(lab):
    script = post(lab, "def postprocess_handler(): open('/opt/ml/processing/output/called', 'w').close()")
    with pytest.raises(ScriptError):
        lab.check("def preprocess_handler(r): return 1/0", postprocess=script)
    assert not (lab.out / "called").exists()


def test_s30_a_postprocessor_edits_the_violations(lab):
    script = post(
        lab,
        """
        import json
        FOLDER = "/opt/ml/processing/output"
        def postprocess_handler():
            open(FOLDER + "/summary.html", "w").write("<p>fine</p>")
            json.dump({"violations": []}, open(FOLDER + "/constraint_violations.json", "w"))
        """,
    )
    report = lab.check(postprocess=script, **violating(lab))
    assert (report.violations, report.outcome) == ((), "Completed")
    assert (lab.out / "summary.html").exists()
    assert json.loads((lab.out / "constraint_violations.original.json").read_text())["violations"]


def test_s31_a_postprocessor_that_wants_an_argument(lab):
    report = lab.check(postprocess=post(lab, "def postprocess_handler(violations): pass"))
    assert report.script_failure.phase == "load"
    assert "postprocess_handler()" in report.script_failure.remedy


def test_s32_base64_is_not_decoded(lab):
    lab.captures(capture(response="MC4yNQ==", encoding="BASE64"))
    report = lab.check(
        "def preprocess_handler(r): return {'d': r.endpoint_output.data, 'e': r.endpoint_output.encoding}"
    )
    assert [f.categories for f in report.statistics.features] == [{"MC4yNQ==": 1}, {"BASE64": 1}]


def test_s33_two_runs_at_once_keep_to_themselves(lab):
    script = lab.script(
        """
        import os
        def preprocess_handler(record):
            with open("/opt/ml/processing/output/x.log", "a") as file:
                file.write(os.environ["who"] + "\\n")
            return {"a": 1}
        """
    )
    lab.captures(*[capture(n) for n in range(50)])

    def one(who):
        omm.check(lab.data, None, lab.folder / who, preprocess=script, environment={"who": who})
        return (lab.folder / who / "x.log").read_text()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, ["left", "right"])) == ["left\n" * 50, "right\n" * 50]


# ---------------------------------------------------------------- faults that no number names


FAULTS = {
    "syntax": ("def preprocess_handler(r)\n    return {}", "load", "SyntaxError"),
    "quotes": ("def preprocess_handler(r):\n    return {“a”: 1}", "load", "typographic quotes"),
    "typo": ("def preproces_handler(r): return {}", "load", "functions found: preproces_handler"),
    "import": ("import no_such_module_here\ndef preprocess_handler(r): return {}", "load", "requirements"),
    "arguments": (
        "def preprocess_handler(): return {}",
        "load",
        "expected: preprocess_handler(inference_record)",
    ),
    "coroutine": ("async def preprocess_handler(r): return {}", "load", "coroutine"),
    "text": ("def preprocess_handler(r): return 'x'", "return value", "accepted are a dict"),
    "lists": ("def preprocess_handler(r): return [[1, 2]]", "return value", "a list of list"),
    "double": ("def preprocess_handler(r): return {1: 1, '1': 2}", "return value", "same text: '1'"),
    "crash": ("import os\ndef preprocess_handler(r): os.abort()", "call", "SIGABRT"),
    "exit": ("import os\ndef preprocess_handler(r): os._exit(3)", "call", "exit code 3"),
    "memory": ("def preprocess_handler(r): return {'a': len(bytearray(8 << 30))}", "call", "memory limit"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_told(lab, fault):
    source, phase, hint = FAULTS[fault]
    script = lab.file("preprocessor.py", source + "\n")
    with pytest.raises(ScriptError) as caught:
        omm.check(lab.data, None, lab.out, preprocess=script)
    failure = caught.value.failure
    assert failure.phase == phase
    assert str(caught.value).startswith("Exception while invoking preprocessor script: ")
    assert hint in str(caught.value)
    assert lab.error() == failure.to_dict()
    if phase == "call":
        assert failure.line_number == 1
        assert failure.event_id == capture()["eventMetadata"]["eventId"]


def test_an_endless_loop_ends_with_the_time_limit(lab):
    with pytest.raises(ScriptError, match="TimeLimitExceeded") as caught:
        lab.check("def preprocess_handler(r):\n    while True: pass", options={"max_runtime_seconds": 1.5})
    assert caught.value.failure.line_number == 1


def test_a_missing_script_is_named(lab):
    with pytest.raises(ScriptError, match=r"Cannot fetch preprocessor script .*nowhere\.py"):
        omm.check(lab.data, preprocess=lab.folder / "nowhere.py")


def test_secrets_of_our_environment_stay_out(lab, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("PROXY_FOR_SCRIPTS", "yes")
    script = """
        import os
        def preprocess_handler(r):
            return {"s": int("AWS_SECRET_ACCESS_KEY" in os.environ), "p": int("PROXY_FOR_SCRIPTS" in os.environ)}
    """
    read = lambda report: [f.mean for f in report.statistics.features]  # noqa: E731
    assert read(lab.check(script)) == [0.0, 0.0]
    passed = lab.check(script, options={"script_env_passthrough": ["PROXY_FOR_SCRIPTS"]})
    assert read(passed) == [1.0, 0.0]


def test_a_postprocessor_that_deletes_the_reports(lab):
    script = post(
        lab,
        """
        import os, shutil
        def postprocess_handler():
            for name in os.listdir("/opt/ml/processing/output"):
                os.remove("/opt/ml/processing/output/" + name)
        """,
    )
    report = lab.check(postprocess=script, **violating(lab))
    assert report.violations
    assert any("removed constraint_violations.json" in text for text in report.warnings)
    assert json.loads((lab.out / "statistics.json").read_text())["features"]


def test_a_failed_run_keeps_the_former_reports(lab):
    lab.check(JOIN)
    before = (lab.out / "statistics.json").read_bytes()
    with pytest.raises(ScriptError):
        lab.check("def preprocess_handler(r): return 1/0")
    assert (lab.out / "statistics.json").read_bytes() == before
    assert lab.error()["exception_type"] == "ZeroDivisionError"
    lab.check(JOIN)
    assert not (lab.out / "script_error.json").exists()


def test_log_lines_are_capped(lab, monkeypatch):
    monkeypatch.setattr("open_model_monitor.jobs.script_log.MAX_LINES", 10)
    lab.check("def preprocess_handler(r):\n    for i in range(100): print(i)\n    return {'a': 1}")
    assert "90 more lines were suppressed" in lab.log()


def test_native_output_and_warnings_reach_the_log(lab):
    lab.check(
        """
        import os, warnings, logging
        def preprocess_handler(r):
            os.write(1, b"from below\\n")
            os.write(2, b"and on stderr\\n")
            warnings.warn("careful")
            logging.warning("root speaks")
            logging.info("too many arguments", 1)
            return {"a": 1}
        """
    )
    log = lab.log()
    for text in ("stdout: from below", "stderr: and on stderr", "careful", "WARNING root: root speaks"):
        assert text in log
    assert "Logging error" in log


def test_scripts_see_a_private_folder_as_their_working_directory(lab):
    before = sorted(os.listdir(lab.folder))
    lab.check("import os\ndef preprocess_handler(r):\n    open('scratch', 'w').close()\n    return {'a': 1}")
    assert sorted(set(os.listdir(lab.folder)) - set(before)) == ["out", "preprocessor.py"]


def test_many_records_pass_in_order(lab):
    numbers = list(range(5000))
    random.Random(1).shuffle(numbers)
    lab.captures(*[capture(n, request=str(number)) for n, number in enumerate(numbers)])
    lab.check(
        """
        LAST = []
        def preprocess_handler(r):
            with open("/opt/ml/processing/output/order", "a") as file:
                file.write(r.endpoint_input.data + "\\n")
            return {"a": r.endpoint_input.data}
        """
    )
    assert list(map(int, (lab.out / "order").read_text().split())) == numbers


def test_a_postprocessor_that_cannot_be_fetched_leaves_the_results(lab):
    report = lab.check(postprocess=lab.folder / "nowhere.py", **violating(lab))
    assert report.outcome == "CompletedWithViolations"
    assert "Cannot fetch postprocessor script" in report.script_failure.message
    assert json.loads((lab.out / "run_summary.json").read_text())["PostprocessingStatus"] == "Failed"


def test_a_postprocessor_that_may_fail_the_run_leaves_the_results_too(lab):
    script = post(lab, "def postprocess_handler(): raise RuntimeError('no mail')")
    with pytest.raises(ScriptError, match="no mail"):
        lab.check(postprocess=script, options={"postprocessor_failure": "fail"}, **violating(lab))
    assert json.loads((lab.out / "constraint_violations.json").read_text())["violations"]


def test_a_postprocessor_may_create_the_violations(lab):
    script = post(
        lab,
        """
        import json
        def postprocess_handler():
            entry = {"feature_name": "a", "constraint_check_type": "data_type_check", "description": "mine"}
            json.dump({"violations": [entry]}, open("/opt/ml/processing/output/constraint_violations.json", "w"))
        """,
    )
    lab.suggest("a\n" + "x\ny\n" * 20)
    now = lab.file("now.csv", "a\n" + "x\ny\n" * 20)
    never = {"violations_file_when_clean": "never"}
    report = lab.check(postprocess=script, data=now, baseline=lab.folder / "baseline", behaviour=never)
    assert (report.outcome, len(report.violations)) == ("CompletedWithViolations", 1)


def test_what_a_failing_script_wrote_is_kept(lab):
    with pytest.raises(ScriptError):
        lab.check(
            """
            def preprocess_handler(record):
                open("/opt/ml/processing/output/mine.log", "w").write("before")
                raise ValueError("now")
            """
        )
    assert (lab.out / "mine.log").read_text() == "before"


@pytest.mark.parametrize("isolation", ["auto", "redirect"])
def test_the_inputs_lie_where_the_platform_lays_them(lab, isolation):
    lab.suggest("a,b,c,d,e,f\n" + "1,2,3,4,5,x\n" * 3)
    report = lab.check(
        """
        import json, os
        from pathlib import Path
        ML = Path("/opt/ml")
        def preprocess_handler(record):
            stats = json.load(open("/opt/ml/processing/baseline/stats/statistics.json"))
            found = [
                stats["dataset"]["item_count"] == 3,
                (ML / "processing/baseline/constraints/constraints.json").is_file(),
                (ML / "processing/code/preprocessing/preprocessor.py").is_file(),
                (ML / "processing/input/record_preprocessor_script_input/preprocessor.py").is_file(),
                len(json.loads((ML / "config/resourceconfig.json").read_text())["hosts"]) == 1,
                os.listdir(os.environ["dataset_source"]) == ["captures.jsonl"],
                Path(os.environ["baseline_constraints"]).is_file(),
            ]
            return {"missing": found.index(False) if False in found else -1}
        """,
        lab.folder / "baseline",
        options={"script_isolation": isolation},
    )
    assert [f.mean for f in report.statistics.features] == [-1.0]


@pytest.mark.parametrize("level", ["20", "verbose", "warning"])
def test_a_log_level_of_the_user_may_be_anything(lab, level):
    lab.check(
        """
        def preprocess_handler(r, logger):
            logger.warning("seen")
            return {"a": 1}
        """,
        environment={"LOG_LEVEL": level},
    )
    assert "WARNING preprocessor: seen" in lab.log()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("list(range(20_000))", "emb"),
        ("type('T', (), {'__str__': lambda self: 1 / 0})()", "ZeroDivisionError"),
    ],
)
def test_values_that_cannot_become_columns_are_the_scripts_fault(lab, value, says):
    with pytest.raises(ScriptError, match=says) as caught:
        lab.check(f"def preprocess_handler(record): return {{'emb': {value}}}")
    assert caught.value.failure.phase == "return value"


def test_the_user_decides_whether_metrics_are_published(lab):
    lab.check(environment={"publish_cloudwatch_metrics": "Disabled"})
    assert not (lab.out / "metrics").exists()


def test_helpers_of_a_remote_script_are_fetched(lab):
    script = b"import lookup\ndef preprocess_handler(r): return {'a': lookup.VALUE}\n"
    Storage().write("memory://scripts/p.py", script)
    Storage().write("memory://scripts/lib/lookup.py", b"VALUE = 7\n")
    helpers = {"script_helpers": ["memory://scripts/lib"]}
    report = omm.check(lab.data, preprocess="memory://scripts/p.py", options=helpers)
    assert report.statistics.features[0].mean == 7.0


def test_an_option_that_does_not_exist_is_refused(lab):
    with pytest.raises(SettingsError, match="no option 'script_helper'"):
        lab.check(options={"script_helper": "x"})


def test_containers_that_a_handler_uses_again_are_read_at_once(lab):
    lab.captures(*[capture(n) for n in range(5)])
    report = lab.check(
        """
        SEEN = []
        def preprocess_handler(record):
            SEEN[:] = [len(SEEN) and SEEN[0] + 1]
            return {"h": SEEN}
        """
    )
    assert (report.statistics.features[0].minimum, report.statistics.features[0].maximum) == (0.0, 4.0)


def test_a_generator_may_yield_one_dict_again_and_again(lab):
    report = lab.check(
        """
        def preprocess_handler(record):
            row = {}
            for number in range(5):
                row["n"] = number
                yield row
        """
    )
    assert report.statistics.features[0].mean == 2.0


def test_a_value_that_explodes_is_its_records_fault(lab):
    lab.captures(*[capture(n) for n in range(1, 41)])
    source = """
        N = 0
        def preprocess_handler(record):
            global N
            N += 1
            return {"emb": list(range(20_000 if N == 5 else 2))}
        """
    with pytest.raises(ScriptError, match="emb") as caught:
        lab.check(source)
    assert caught.value.failure.line_number == 5
    assert lab.check(source, options={"on_record_error": "skip"}).rows == 39


def test_prints_without_line_ends_are_cheap_and_huge_ones_are_cut(lab):
    lab.check(
        """
        def preprocess_handler(record):
            for n in range(50_000):
                print(n, end=" ")
            print("y" * 3_000_000)
            return {"a": 1}
        """,
        options={"max_runtime_seconds": 20},
    )
    assert "stdout: 0 1 2 3" in lab.log()
    assert max(map(len, lab.log().splitlines())) < 70_000


@pytest.mark.parametrize("fails", [False, True])
def test_a_script_that_removes_the_output_folder(lab, fails):
    source = f"""
        import shutil
        def preprocess_handler(record):
            shutil.rmtree("/opt/ml/processing/output", ignore_errors=True)
            print("gone")
            {"raise ValueError('the real problem')" if fails else "return {'a': 1}"}
        """
    if fails:
        with pytest.raises(ScriptError, match="the real problem"):
            lab.check(source)
        assert lab.error()["exception_type"] == "ValueError"
    else:
        assert lab.check(source).rows == 1
    assert "stdout: gone" in lab.log()


def test_strange_files_of_a_postprocessor_stay_out(lab):
    script = post(
        lab,
        """
        import os
        def postprocess_handler():
            os.chdir("/opt/ml/processing/output")
            os.remove("statistics.json")
            os.symlink("/etc/hostname", "statistics.json")
            os.mkfifo("pipe")
            os.remove("constraints.json")
            os.mkdir("constraints.json")
        """,
    )
    report = lab.check(postprocess=script)
    assert json.loads((lab.out / "statistics.json").read_text())["features"]
    assert json.loads((lab.out / "constraints.json").read_text())["features"]
    assert not (lab.out / "pipe").exists()
    assert any("pipe was no regular file" in text for text in report.warnings)


@pytest.mark.parametrize("entry", ["{'feature_name': 'a', 'constraint_check_type': 7}", "7"])
def test_violations_that_are_none_are_restored(lab, entry):
    script = post(
        lab,
        f"""
        import json
        def postprocess_handler():
            path = "/opt/ml/processing/output/constraint_violations.json"
            json.dump({{"violations": [{entry}]}}, open(path, "w"))
        """,
    )
    report = lab.check(postprocess=script, **violating(lab))
    assert report.violations
    assert any("left no valid document" in text for text in report.warnings)


def test_a_first_run_that_fails_does_not_block_the_folder(lab):
    with pytest.raises(ScriptError):
        lab.check("def preprocess_handler(r): return 1/0")
    assert lab.check(JOIN).rows == 1
    assert not (lab.out / "script_error.json").exists()


def test_sets_iterate_in_one_order(lab):
    source = "def preprocess_handler(r): return {name: 1 for name in {'a', 'b', 'c', 'd', 'e', 'f'}}"
    summaries = set()
    for _ in range(2):
        lab.check(source)
        summaries.add((lab.out / "run_summary.json").read_bytes())
    assert len(summaries) == 1


def test_input_that_no_script_could_read_is_not_the_scripts_fault(lab):
    path = lab.folder / "utf16.csv"
    path.write_bytes("a,b\n1,2\n".encode("utf-16"))
    with pytest.raises(DataError, match="UTF-8"):
        lab.check("def preprocess_handler(line): return line", data=path, format="csv")
