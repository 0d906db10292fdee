"""Captures, baselines, scripts and output in an S3 store: a real server on this machine, spoken to over HTTP."""

import json
import threading

import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

import open_model_monitor as omm
from open_model_monitor.errors import StorageError
from open_model_monitor.storage import Storage

BUCKET = "s3://monitoring"


@pytest.fixture
def s3(monkeypatch):
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
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
