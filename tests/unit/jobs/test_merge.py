import json
import os
from datetime import UTC, datetime

import pytest

from open_model_monitor.capture.record import Format, Window
from open_model_monitor.engines.local import Inline
from open_model_monitor.errors import Malformed, NoData, NoLabels
from open_model_monitor.jobs.merge import merge
from open_model_monitor.jobs.merge_job import MergeJob
from open_model_monitor.jobs.merged_files import COVERAGE, read_coverage
from open_model_monitor.storage import Storage

TEN = datetime(2026, 1, 31, 10, tzinfo=UTC)
ELEVEN = datetime(2026, 1, 31, 11, tzinfo=UTC)


def capture(event, inference=None, hour=10):
    ids = {"eventId": event, "inferenceTime": f"2026-01-31T{hour:02}:30:00Z"}
    ids |= {} if inference is None else {"inferenceId": inference}
    return {"captureData": {"endpointOutput": {"data": "1", "encoding": "CSV"}}, "eventMetadata": ids}


def label(key, truth="1"):
    return {"groundTruthData": {"data": truth, "encoding": "CSV"}, "eventMetadata": {"eventId": key}}


def lay(path, lines, modified=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    if modified is not None:
        os.utime(path, (modified, modified))


@pytest.fixture
def merged(tmp_path):
    """Return a function that merges what lies in `captures` and `labels`, and the merged truths by event id."""

    def merged(bucket_bytes=1 << 30, **more):
        job = MergeJob(
            source=f"{tmp_path}/captures",
            labels=f"{tmp_path}/labels",
            output=f"{tmp_path}/out",
            scratch=f"{tmp_path}/scratch",
            **more,
        )
        found = merge(job, Storage(), engine=Inline(), bucket_bytes=bucket_bytes)
        truths = {}
        for path in sorted((tmp_path / "out").rglob("*.jsonl")):
            for line in path.read_text().splitlines():
                value = json.loads(line)
                where = path.parent.relative_to(tmp_path / "out").as_posix()
                truths.setdefault(value["eventMetadata"]["eventId"], []).append(
                    (value["groundTruthData"]["data"], where)
                )
        return found, truths

    return merged


FOLDER = "captures/churn/AllTraffic/2026/01/31"
HOUR = "churn/AllTraffic/2026/01/31"


def test_merged_captures_lie_where_the_captured_ones_do(tmp_path, merged):
    lay(tmp_path / FOLDER / "10/a.jsonl", [capture("a"), capture("b")])
    lay(tmp_path / FOLDER / "11/a.jsonl", [capture("c", hour=11)])
    lay(tmp_path / "labels/2026/01/31/12/l.jsonl", [label("a", "1"), label("c", "0"), label("x")])
    found, truths = merged(window=Window(TEN, datetime(2026, 1, 31, 12, tzinfo=UTC)))
    assert truths == {"a": [("1", f"{HOUR}/10")], "c": [("0", f"{HOUR}/11")]}
    coverage = found.coverage
    assert (coverage.joined, coverage.unlabelled, coverage.labels_unmatched) == (2, 1, 1)
    assert coverage.lateness == {1: 1, 2: 1}
    beside = json.loads((tmp_path / "out" / HOUR / "10" / COVERAGE).read_text())
    assert (beside["joined"], beside["unlabelled"]) == (1, 1)
    again = read_coverage(Storage(), [f"{tmp_path}/out/{HOUR}/{hour}/x.jsonl" for hour in (10, 10, 11)])
    assert (again.joined, again.unlabelled) == (2, 1)


def test_the_latest_label_wins_by_hour_then_file_then_line(tmp_path, merged):
    lay(tmp_path / FOLDER / "10/a.jsonl", [capture(name) for name in "abc"])
    lay(tmp_path / "labels/2026/01/31/10/z.jsonl", [label("a", "early"), label("a", "later line")], 50)
    lay(tmp_path / "labels/2026/01/31/11/b.jsonl", [label("b", "newer file")], 200)
    lay(tmp_path / "labels/2026/01/31/11/c.jsonl", [label("b", "older file")], 100)
    lay(tmp_path / "labels/2026/01/31/12/d.jsonl", [label("c", "later hour")], 10)
    lay(tmp_path / "labels/2026/01/31/11/e.jsonl", [label("c", "earlier hour")], 999)
    for size in (1 << 30, 1):
        found, truths = merged(size, window=Window(TEN, ELEVEN))
        assert {name: texts[-1][0] for name, texts in truths.items()} == {
            "a": "later line",
            "b": "newer file",
            "c": "later hour",
        }
        assert found.coverage.labels_superseded == 3


@pytest.mark.parametrize("bucket_bytes", [1 << 30, 400])
def test_buckets_give_what_one_pass_gives(tmp_path, merged, bucket_bytes):
    """Among them captures whose label is under the other id, in another bucket."""
    lay(tmp_path / FOLDER / "10/a.jsonl", [capture(f"e{n}", f"i{n}" if n % 3 else None) for n in range(60)])
    keys = [f"e{n}" if n % 5 == 0 or n % 3 == 0 else f"i{n}" for n in range(0, 60, 2)]
    lay(tmp_path / "labels/2026/01/31/10/l.jsonl", [label(key, key) for key in [*keys, "stray"]])
    found, truths = merged(bucket_bytes, window=Window(TEN, ELEVEN))
    assert sorted(truths) == sorted(f"e{n}" for n in range(0, 60, 2))
    assert all(len(texts) == 1 for texts in truths.values())
    coverage = found.coverage
    assert (coverage.joined, coverage.unlabelled, coverage.labels, coverage.labels_unmatched) == (
        30,
        30,
        31,
        1,
    )
    assert coverage.joined_by_event_id == 4
    assert found.counts.records_in == 60


def test_labels_before_the_window_are_not_read_unless_asked_for(tmp_path, merged):
    lay(tmp_path / FOLDER / "10/a.jsonl", [capture("a")])
    lay(tmp_path / "labels/2026/01/31/08/l.jsonl", [label("a")])
    with pytest.raises(
        NoLabels, match=r"^No labels yet: there is no file of labels in .* from 2026-01-31T10:00Z on"
    ):
        merged(window=Window(TEN, ELEVEN))
    found, _ = merged(window=Window(TEN, ELEVEN), lookback=2)
    assert found.coverage.joined == 1
    assert found.coverage.lateness == {0: 1}


def test_captures_without_hour_folders_go_by_their_time(tmp_path, merged):
    lay(tmp_path / "captures/all.jsonl", [capture("a"), capture("b", hour=11), capture("c")])
    lay(tmp_path / "labels/all.jsonl", [label(name) for name in "abc"])
    _, truths = merged()
    assert {name: texts[0][1] for name, texts in truths.items()} == {
        "a": "2026/01/31/10",
        "b": "2026/01/31/11",
        "c": "2026/01/31/10",
    }


def test_outputs_of_a_batch_go_by_the_hour_of_their_manifest(tmp_path, merged):
    name = "94bcc22a-0462-4bd1-92c9-b46a5aaec1aa"
    (tmp_path / "data").mkdir()
    (tmp_path / "data/x.csv.out").write_text(f"1,0.9,{name}, 2026-01-31T11:59:00Z\n")
    manifest = [{"prefix": f"{tmp_path}/data/"}, "x.csv.out"]
    path = tmp_path / "captures/2026/01/31/10/m.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(manifest))
    lay(tmp_path / "labels/2026/01/31/10/l.jsonl", [label(name)])
    _, truths = merged(format=Format("csv"), window=Window(TEN, ELEVEN))
    assert truths == {name: [("1", "2026/01/31/10")]}


def test_nothing_joined_names_ids_of_both_sides(tmp_path, merged):
    lay(tmp_path / FOLDER / "10/a.jsonl", [capture("a")])
    lay(tmp_path / "labels/2026/01/31/10/l.jsonl", [label("x")])
    with pytest.raises(
        NoData, match=r"None of 1 captures has one of 1 labels; ids of captures: a; of labels .*: x\."
    ):
        merged(window=Window(TEN, ELEVEN))


def test_files_without_a_label_are_no_labels(tmp_path, merged):
    lay(tmp_path / FOLDER / "10/a.jsonl", [capture("a")] * 30)
    lay(tmp_path / "labels/2026/01/31/10/l.jsonl", [{"a": 1}])
    with pytest.raises(NoLabels, match="hold no label"):
        merged(window=Window(TEN, ELEVEN))


def test_too_much_that_cannot_be_read(tmp_path, merged):
    lay(tmp_path / FOLDER / "10/a.jsonl", [capture("a")])
    lay(tmp_path / "labels/2026/01/31/10/l.jsonl", [label("a"), {"a": 1}])
    with pytest.raises(Malformed, match="1 of 3 captures and labels cannot be read"):
        merged(window=Window(TEN, ELEVEN))


def test_no_capture(tmp_path, merged):
    lay(tmp_path / "labels/2026/01/31/10/l.jsonl", [label("a")])
    (tmp_path / "captures").mkdir()
    with pytest.raises(NoData, match="Job inputs had no data"):
        merged(window=Window(TEN, ELEVEN))
