"""Captures, baselines, scripts and output in an S3 store: a real server on this machine, spoken to over HTTP."""

import json
import threading

import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

import open_model_monitor as omm
from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.layout import plan
from open_model_monitor.capture.record import Counts, Format, Part
from open_model_monitor.errors import StorageError
from open_model_monitor.storage import Storage

BUCKET = "s3://monitoring"


class Gate:
    """Holds requests for objects back until as many are there as are expected at once."""

    def __init__(self, application):
        self.application = application
        self.barrier = None

    def __call__(self, environment, start):
        if self.barrier is not None and environment["REQUEST_METHOD"] == "GET":
            self.barrier.wait()
        return self.application(environment, start)


@pytest.fixture
def gate():
    return Gate(DomainDispatcherApplication(create_backend_app))


@pytest.fixture
def s3(monkeypatch, gate):
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    import urllib.request

    request = urllib.request.Request(
        f"http://127.0.0.1:{server.server_port}/monitoring",
        method="PUT",
        headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"},
    )
    urllib.request.urlopen(request).close()
    yield Storage()
    server.shutdown()
    server.server_close()
    thread.join()


def test_storage_over_http(s3):
    s3.write(f"{BUCKET}/a/b/one.txt", b"1")
    s3.write(f"{BUCKET}/a/bc/two.txt", b"22")
    assert [stat.address for stat in s3.list(f"{BUCKET}/a/b")] == [f"{BUCKET}/a/b/one.txt"]
    assert s3.folders(f"{BUCKET}/a") == ["b", "bc"]
    assert s3.read(f"{BUCKET}/a/bc/two.txt") == b"22"
    with s3.open(f"{BUCKET}/a/bc/two.txt") as file:
        assert file.read(1) == b"2"
    assert s3.exists(f"{BUCKET}/a/b/one.txt")
    assert not s3.exists(f"{BUCKET}/a/b/three.txt")
    with pytest.raises(StorageError, match=r"three\.txt"):
        s3.read(f"{BUCKET}/a/b/three.txt")


def test_a_whole_run_from_and_to_s3(s3, data):
    s3.write(f"{BUCKET}/train.csv", (data / "churn" / "validation-dataset-with-header.csv").read_bytes())
    captures = (data / "recorded" / "endpoint-capture-csv.jsonl").read_bytes()
    s3.write(f"{BUCKET}/capture/ep/AllTraffic/2026/01/31/10/59-00-000-x.jsonl", captures)
    s3.write(f"{BUCKET}/p.py", b"def preprocess_handler(record):\n    return record\n")
    omm.suggest(f"{BUCKET}/train.csv", f"{BUCKET}/baseline", format="csv")
    report = omm.check(
        f"{BUCKET}/capture",
        f"{BUCKET}/baseline",
        f"{BUCKET}/out",
        preprocess=f"{BUCKET}/p.py",
        since="2026-01-31T10:00:00Z",
        until="2026-01-31T11:00:00Z",
    )
    assert report.rows == 3
    summary = json.loads(s3.read(f"{BUCKET}/out/run_summary.json"))
    assert summary["counts"]["records_in"] == 3
    for name in summary["files"]:
        assert s3.exists(f"{BUCKET}/out/{name}")


def test_captures_behind_a_doubled_slash(s3, data):
    """A destination that ends in a slash leaves its captures under `prefix//endpoint`."""
    captures = (data / "recorded" / "endpoint-capture-csv.jsonl").read_bytes()
    s3.write(f"{BUCKET}/doubled//ep/AllTraffic/2026/01/31/10/59-00-000-x.jsonl", captures)
    s3.write(f"{BUCKET}/doubled/readme.txt", b"hello")
    for source in (f"{BUCKET}/doubled/", f"{BUCKET}/doubled", f"{BUCKET}/doubled//ep"):
        window = {"since": "2026-01-31T10:00:00Z", "until": "2026-01-31T11:00:00Z"}
        assert omm.check(source, **window).rows == 3


@pytest.mark.parametrize("folder", ["many", "behind//a-doubled-slash"])
def test_many_small_objects_are_asked_for_at_once(s3, gate, folder):
    addresses = [f"{BUCKET}/{folder}/{n:02}.jsonl" for n in range(16)]
    for address in addresses:
        s3.write(address, b"1\n")
    gate.barrier = threading.Barrier(8, timeout=20)  # fewer would never be answered
    counts = Counts()
    assert len(list(blocks(s3, Part(tuple(addresses)), Format("jsonlines"), counts))) == 16
    assert counts.objects_unreadable == 0


def test_the_ranges_of_a_large_object(s3):
    lines = [b"%07d\n" % n for n in range(1_500_000)]
    s3.write(f"{BUCKET}/large.jsonl", b"".join(lines))
    planned = plan(s3, f"{BUCKET}/large.jsonl", Format("jsonlines"), None, range_bytes=5_000_001)
    assert len(planned.parts) == 3
    counts = Counts()
    found = [block.data for part in planned.parts for block in blocks(s3, part, Format("jsonlines"), counts)]
    assert b"".join(found) == b"".join(lines)
    assert (counts.objects_selected, counts.bytes_read) == (1, 12_000_000)


def test_what_is_not_there_is_unreadable(s3):
    counts = Counts()
    part = Part((f"{BUCKET}/gone", f"{BUCKET}/gone//too"))
    assert not list(blocks(s3, part, Format("jsonlines"), counts))
    assert counts.objects_unreadable == 2
