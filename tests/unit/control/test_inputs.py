import json
import uuid
from datetime import UTC, datetime

import pytest

from open_model_monitor.capture.record import Window
from open_model_monitor.control.inputs import (
    Manifest,
    allowed_address,
    file_name,
    objects_of,
    parse_manifest,
    path_for_scripts,
    window_of,
)
from open_model_monitor.errors import DocumentError, NoData, UsageError
from open_model_monitor.storage import Storage

PLACE = "/opt/ml/processing/input/x"


@pytest.fixture
def storage():
    return Storage()


@pytest.fixture
def bucket(storage):
    bucket = f"memory://{uuid.uuid4().hex}"
    for key in ("a/one.csv", "a/b/two.csv", "ab/three.csv"):
        storage.write(f"{bucket}/{key}", key.encode())
    storage.write(f"{bucket}/a/empty/", b"")
    return bucket


def given(uri, name="data", **more):
    return {
        "InputName": name,
        "S3Input": {"S3Uri": uri, "LocalPath": PLACE, "S3DataType": "S3Prefix", **more},
    }


def paths(found):
    return {one.path.removeprefix(f"{PLACE}/"): one.address for one in found}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_prefix_means_every_object_below_it(storage, bucket, slash):
    found = paths(objects_of(storage, given(f"{bucket}/a{slash}")))
    found.pop("empty", None)  # stores differ in whether they keep the slash at the end
    assert found == {"one.csv": f"{bucket}/a/one.csv", "b/two.csv": f"{bucket}/a/b/two.csv"}


def test_a_prefix_that_is_a_key_means_that_object(storage, bucket):
    assert paths(objects_of(storage, given(f"{bucket}/a/one.csv"))) == {"one.csv": f"{bucket}/a/one.csv"}


def test_nothing_found_names_the_address(storage, bucket):
    with pytest.raises(NoData, match=f'^No S3 objects found under S3 URL "{bucket}/none" of the input data'):
        objects_of(storage, given(f"{bucket}/none"))


def test_a_manifest_file(storage, bucket):
    storage.write(f"{bucket}/list", json.dumps([{"prefix": f"{bucket}/a/"}, "one.csv", "b/two.csv"]).encode())
    found = objects_of(storage, given(f"{bucket}/list", S3DataType="ManifestFile"))
    assert paths(found) == {"one.csv": f"{bucket}/a/one.csv", "b/two.csv": f"{bucket}/a/b/two.csv"}


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["gone.csv"], NoData, r'^No S3 objects found under S3 URL "memory://.*/a/gone\.csv", which'),
        ([7], DocumentError, "is no manifest; expected a list like"),
    ],
)
def test_a_manifest_file_that_is_wrong(storage, bucket, names, error, message):
    storage.write(f"{bucket}/list", json.dumps([{"prefix": f"{bucket}/a/"}, *names]).encode())
    with pytest.raises(error, match=message):
        objects_of(storage, given(f"{bucket}/list", S3DataType="ManifestFile"))


def test_a_manifest_leads_to_no_local_file(storage, bucket):
    storage.write(f"{bucket}/list", json.dumps([{"prefix": "file:///etc/"}, "passwd"]).encode())
    with pytest.raises(UsageError, match="local_addresses"):
        objects_of(storage, given(f"{bucket}/list", S3DataType="ManifestFile"))


@pytest.mark.parametrize("days", [1, 400])
@pytest.mark.parametrize("root", ["ep", "ep/AllTraffic"])
def test_captures_are_taken_from_the_hours_of_the_window(storage, bucket, days, root):
    for day, hour in (("30", "23"), ("31", "00"), ("31", "07")):
        storage.write(f"{bucket}/ep/AllTraffic/2026/01/{day}/{hour}/x.jsonl", b"{}")
    end = datetime(2026, 1, 31, 7, tzinfo=UTC)
    start = datetime(2026, 1, 31, tzinfo=UTC) if days == 1 else datetime(2024, 1, 1, tzinfo=UTC)
    found = objects_of(storage, given(f"{bucket}/{root}", "endpoint_input_1"), Window(start, end))
    hours = [one.path[-16:-8] for one in found]
    assert hours == (["01/31/00"] if days == 1 else ["01/30/23", "01/31/00"])
    everything = objects_of(storage, given(f"{bucket}/{root}", "other"), Window(start, end))
    assert len(everything) == 3


def test_gzip_takes_the_suffix_away(storage, bucket):
    storage.write(f"{bucket}/a/z.csv.gz", b"")
    [one] = objects_of(storage, given(f"{bucket}/a/z.csv.gz", S3CompressionType="Gzip"))
    assert (one.path, one.is_gzip) == (f"{PLACE}/z.csv", True)


def test_an_input_without_s3(storage):
    with pytest.raises(UsageError, match="input data has no S3Input"):
        objects_of(storage, {"InputName": "data"})


@pytest.mark.parametrize(
    "path", [None, "", "/etc", "/opt/ml/processing", "/opt/ml/processing/../../x", "/opt/ml/input"]
)
def test_local_paths_lie_below_processing(path):
    with pytest.raises(UsageError, match="LocalPath of the input x is"):
        path_for_scripts(path, "the input x")


def test_a_local_path_loses_its_last_slash():
    assert path_for_scripts(f"{PLACE}/", "x") == PLACE


@pytest.mark.parametrize(
    "uri", ["/etc/passwd", "http://169.254.169.254/latest", "local:///etc", "https://b/k"]
)
def test_addresses_that_nobody_may_name(uri):
    with pytest.raises(UsageError, match="s3://bucket/key"):
        allowed_address(uri, local_addresses=True)


def test_local_addresses_are_a_setting():
    assert allowed_address("file:///data", local_addresses=True) == "file:///data"
    with pytest.raises(UsageError, match="local_addresses"):
        allowed_address("file:///data", local_addresses=False)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "a/./x", "/", "a\0b"])
def test_keys_that_would_escape(key):
    with pytest.raises(UsageError, match="lead out of the folder"):
        file_name(key, "s3://b/k")


def test_doubled_slashes_are_one_folder():
    assert file_name("/a//b", "s3://b/k") == "a/b"


@pytest.mark.parametrize(
    ("text", "manifest"),
    [
        (b'[{"prefix":"s3://b/"},"x","y"]', Manifest("s3://b/", ("x", "y"))),
        (b'\xef\xbb\xbf{"prefix":"s3://b/"}\n"x",\n"y"\n', Manifest("s3://b/", ("x", "y"))),
        (b'[{"prefix":"s3://b/"}]', Manifest("s3://b/", ())),
        (b'[{"prefix":"s3://b/","more":1},"x"]', None),
        (b'{"prefix":"a"}\n{"prefix":"b"}\n', None),  # rows of data
        (b"a,b\n1,2\n", None),
        (b"", None),
    ],
)
def test_manifests(text, manifest):
    assert parse_manifest(text) == manifest


def test_prefixes_beside_the_manifest():
    assert Manifest("/data/", ()).is_absolute
    assert not Manifest("data/", ()).is_absolute


def test_the_window_of_an_environment():
    environment = {"start_time": "2026-01-31T10:00:00Z", "end_time": "2026-01-31T13:00:00+02:00"}
    assert window_of(environment) == Window(
        datetime(2026, 1, 31, 10, tzinfo=UTC), datetime(2026, 1, 31, 11, tzinfo=UTC)
    )
    assert window_of({}) is None
    assert window_of({"start_time": "x", "end_time": "y"}) is None
    assert window_of({"start_time": environment["end_time"], "end_time": environment["start_time"]}) is None
