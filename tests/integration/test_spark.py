"""The same parts through one process, two processes and Spark: equal documents, equal errors."""

import contextlib
import functools
import importlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

import open_model_monitor as omm
from open_model_monitor.capture import layout
from open_model_monitor.capture.record import Part
from open_model_monitor.engines.local import Inline
from open_model_monitor.engines.spark import Spark
from open_model_monitor.errors import (
    DataError,
    EngineError,
    ScriptError,
    SettingsError,
    StorageError,
    UsageError,
)
from open_model_monitor.jobs import labelled_input, run
from open_model_monitor.jobs.merge import merge
from open_model_monitor.results.report import to_json

pytestmark = pytest.mark.xdist_group("spark")

FILES, RECORDS = 5, 300
SCRIPT = """
import helper
def preprocess_handler(record, logger):
    if record.event_metadata.event_id.endswith("7"):
        logger.warning("dropped %s", record.event_metadata.event_id)
        return []
    if helper.fails(record):
        raise ValueError("no good: " + record.endpoint_input.data)
    return {"a": float(record.endpoint_input.data.split(",")[0]), "b": record.endpoint_output.data.strip()}
"""


def capture(number):
    sections = {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": f"{number * 37 % 1009 / 8},{number % 7},{'red' if number % 3 else ''}",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv",
            "mode": "OUTPUT",
            "data": f"{number % 11}\n",
            "encoding": "CSV",
        },
    }
    metadata = {"eventId": f"e-{number:05d}", "inferenceTime": "2026-01-31T23:59:58Z"}
    return json.dumps({"captureData": sections, "eventMetadata": metadata, "eventVersion": "0"})


@pytest.fixture
def captures(tmp_path, monkeypatch):
    """Captures in several files, of which each becomes a part; some lines are malformed."""
    monkeypatch.setattr(run, "plan", functools.partial(layout.plan, part_bytes=1))
    folder = tmp_path / "captures"
    folder.mkdir()
    for file in range(FILES):
        lines = [capture(file * RECORDS + number) for number in range(RECORDS)]
        lines[file::100] = ["{broken"] * len(lines[file::100])
        (folder / f"{file}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def script(tmp_path):
    def write(fails="False", text=SCRIPT):
        folder = tmp_path / "scripts"
        folder.mkdir(exist_ok=True)
        (folder / "p.py").write_text(text)
        (folder / "helper.py").write_text(f"def fails(record):\n    return {fails}\n")
        return folder / "p.py"

    return write


def everywhere(spark, check):
    """Return what a check gives with one process, two processes and Spark."""
    local = [{"workers": count, "script_workers": count} for count in (1, 2)]
    return [check(options=options) for options in local] + [check(engine=spark)]


def documents(report):
    return {name: to_json(document) for name, document in report.documents().items()}


def test_documents_are_equal(spark, captures, tmp_path):
    lines = (captures / "0.jsonl").read_text().splitlines()[:50]
    (tmp_path / "first.jsonl").write_text("\n".join(lines))
    omm.suggest(tmp_path / "first.jsonl", tmp_path / "baseline")
    check = functools.partial(omm.check, captures, tmp_path / "baseline")
    inline, processes, cluster = everywhere(spark, check)
    assert documents(inline) == documents(processes) == documents(cluster)
    assert inline.to_dict() == cluster.to_dict()
    assert inline.counts.lines_malformed == 15
    assert cluster.violations


def without_time(report):
    found = report.documents()
    found["statistics.json"]["dataset"].pop("evaluation_time")
    return {name: to_json(document) for name, document in found.items()}


def test_model_quality_is_equal_merge_included(spark, captures, tmp_path, monkeypatch):
    """Labels of three files, dealt into buckets; the same metrics, subsamples and intervals by every engine."""
    monkeypatch.setattr(labelled_input, "merge", functools.partial(merge, bucket_bytes=20_000))
    (tmp_path / "labels").mkdir()
    for file in range(3):
        lines = [
            json.dumps(
                {
                    "groundTruthData": {"data": str(number % 11 + number % 2), "encoding": "CSV"},
                    "eventMetadata": {"eventId": f"e-{number:05d}"},
                }
            )
            for number in range(file, FILES * RECORDS - 100, 3)
        ]
        (tmp_path / "labels" / f"{file}.jsonl").write_text("\n".join(lines))
    told = {"problem": "Regression", "inference_attribute": "0", "ground_truth": tmp_path / "labels"}
    check = functools.partial(omm.check, captures, labelling=told)
    local = [check(options={"workers": count}) for count in (1, 2)]
    cluster = check(output=tmp_path / "out", engine=spark)
    assert without_time(local[0]) == without_time(local[1]) == without_time(cluster)
    assert local[0].features == cluster.features
    assert local[0].coverage == cluster.coverage
    assert (cluster.coverage.joined, cluster.coverage.unlabelled) == (1386, 99)
    assert cluster.statistics.item_count == 1386
    assert list((tmp_path / "out" / "merge").rglob("part-*.jsonl"))
    assert not (tmp_path / "out" / "_merging").exists()


def test_documents_are_equal_with_a_script(spark, captures, script, tmp_path):
    told, lines = [], []
    check = functools.partial(omm.check, captures, preprocess=script())
    inline, processes, cluster = everywhere(spark, check)
    assert documents(inline) == documents(processes) == documents(cluster)
    check(
        output=tmp_path / "out",
        engine=spark,
        progress=lambda read, rows: told.append((read, rows)),
        listener=lambda tag, text: lines.append((tag, text)),
    )
    assert [notice.kind for notice in cluster.notices if notice.feature is None] == ["script_per_part"]
    assert told == sorted(told)
    assert told[-1] == (cluster.counts.bytes_read, cluster.counts.rows_out)
    assert ("WARNING preprocessor", "dropped e-00007") in lines
    log = (tmp_path / "out" / "script.log").read_text().splitlines()
    assert [line.partition(": ")[2] for line in log] == [text for _, text in lines]
    assert [text for _, text in lines] == sorted(text for _, text in lines)


def test_a_failing_script_tells_the_same(spark, captures, script, tmp_path):
    failing = script(fails="record.event_metadata.event_id == 'e-00123'")
    failures = []
    for more in ({}, {"options": {"script_workers": 2}}, {"engine": spark}):
        with pytest.raises(ScriptError) as caught:
            omm.check(captures, None, tmp_path / "out", preprocess=failing, **more)
        failures.append(caught.value.failure)
        assert (tmp_path / "out" / "script_error.json").is_file()
    assert "dropped e-00117" in (tmp_path / "out" / "script.log").read_text()
    assert failures[0] == failures[1] == failures[2]
    assert failures[2].line_number == 124
    assert str(failing) in failures[2].traceback


def test_skipped_records_tell_the_same(spark, captures, script):
    failing = script(fails="record.event_metadata.event_id.endswith('99')")
    check = functools.partial(omm.check, captures, preprocess=failing)
    here = check(options={"on_record_error": "skip"})
    there = check(options={"on_record_error": "skip"}, engine=spark)
    assert documents(here) == documents(there)
    ours, theirs = ([replace(f, records_processed=None) for f in r.record_failures] for r in (here, there))
    assert ours == theirs
    assert ours


def test_a_script_that_cannot_be_loaded(spark, captures, script):
    failures = []
    for more in ({}, {"options": {"script_workers": 2}}, {"engine": spark}):
        with pytest.raises(ScriptError, match="nosuch_module") as caught:
            omm.check(captures, preprocess=script(text="import nosuch_module\n"), **more)
        failures.append(caught.value.failure)
    assert failures[0] == failures[1] == failures[2]


@pytest.mark.usefixtures("captures")
def test_errors_of_ours_come_back_as_they_are(spark, tmp_path):
    folder = tmp_path / "wide"
    folder.mkdir()
    for name in "ab":
        lines = [json.dumps({f"c{n}": 1 for n in range(start, start + 7000)}) for start in (0, 7000, 14_000)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    texts = []
    for more in ({}, {"options": {"workers": 2}}, {"engine": spark}):
        with pytest.raises(DataError, match="more than 20,000 columns") as caught:
            omm.check(folder, **more)
        texts.append(str(caught.value))
    assert texts[0] == texts[1] == texts[2]


def test_a_time_limit_travels(spark, captures, script):
    for path in sorted(captures.iterdir())[2:]:
        path.unlink()
    slow = script(text="import time\ndef preprocess_handler(record):\n    time.sleep(60)\n")
    with pytest.raises(ScriptError, match="time limit"):
        omm.check(captures, preprocess=slow, engine=spark, options={"max_runtime_seconds": 4})


def test_nothing_is_left_behind(spark, captures, script):
    talking, lines = script(text=SCRIPT + "print('at', __file__)\n"), []
    omm.check(captures, preprocess=talking, engine=spark, listener=lambda tag, text: lines.append(text))
    places = {line.removeprefix("at ") for line in lines if line.startswith("at ")}
    assert len(places) == FILES
    assert not any(os.path.exists(place) for place in places)


def test_requirements_do_not_travel(spark, captures, script, tmp_path):
    (tmp_path / "requirements.txt").write_text("")
    with pytest.raises(SettingsError, match="install them where executors run Python"):
        omm.check(
            captures,
            preprocess=script(),
            engine=spark,
            options={"script_requirements": str(tmp_path / "requirements.txt")},
        )


# ---------------------------------------------------------------- the engine alone


PARTS = [Part((f"object {n}",)) for n in range(20)]


@contextlib.contextmanager
def named():
    yield lambda part: part.objects[0].encode()


@contextlib.contextmanager
def unreachable():
    def work(part):
        if part.objects == ("object 9",):
            raise StorageError("object 9 is gone", retry=True)
        return b""

    yield work


@contextlib.contextmanager
def faulty():
    yield lambda part: 1 // 0


def joined(results):
    return b",".join(results)


@pytest.fixture
def by_value(monkeypatch):
    """Executors cannot import this module."""
    from pyspark import cloudpickle

    module = importlib.import_module(__name__)
    cloudpickle.register_pickle_by_value(module)
    monkeypatch.setattr("open_model_monitor.engines.spark.pickle", cloudpickle)
    yield
    cloudpickle.unregister_pickle_by_value(module)


@pytest.mark.usefixtures("by_value")
def test_results_are_merged_in_the_order_of_the_parts(spark):
    assert Spark(session=spark).fold(PARTS, named, joined) == Inline().fold(PARTS, named, joined)


@pytest.mark.usefixtures("by_value")
def test_an_error_ends_the_fold(spark):
    with pytest.raises(StorageError, match="object 9 is gone") as caught:
        Spark(session=spark).fold(PARTS, unreachable, joined)
    assert caught.value.retry


@pytest.mark.usefixtures("by_value")
def test_a_fault_of_ours_is_told_in_a_line(spark):
    with pytest.raises(EngineError, match=r"Spark failed: ZeroDivisionError: .*$"):
        Spark(session=spark).fold(PARTS, faulty, joined)


@pytest.mark.usefixtures("by_value", "spark")
def test_the_active_session_is_found_and_kept(spark):
    for engine in (Spark(), Spark("local[2]"), Spark(session=spark)):
        assert engine.fold(PARTS[:1], named, joined) == b"object 0"
    with ThreadPoolExecutor(1) as elsewhere:  # where a session is not that of the thread
        assert elsewhere.submit(Spark().fold, PARTS[:1], named, joined).result() == b"object 0"
    assert spark.range(1).count() == 1
    with pytest.raises(UsageError, match=r"a Spark session on local\[2\] is active"):
        Spark("spark://elsewhere:7077").fold(PARTS, named, joined)
    with pytest.raises(UsageError, match="spark_conf is for a session that is started"):
        Spark(conf={"spark.executor.memory": "2g"}).fold(PARTS, named, joined)


@pytest.mark.usefixtures("by_value")
def test_another_version_on_an_executor_is_refused(spark, monkeypatch):
    monkeypatch.setattr("open_model_monitor.engines.spark.__version__", "99.0")
    with pytest.raises(EngineError, match=r"has open-model-monitor .* \(here 99\.0\)"):
        Spark(session=spark).fold(PARTS, named, joined)
