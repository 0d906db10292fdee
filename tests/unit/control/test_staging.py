import errno
import gzip
import json
import os
import threading
import uuid

import pytest

from open_model_monitor.control import staging
from open_model_monitor.control.staging import explained, lay_out, stage_inputs, upload_outputs
from open_model_monitor.errors import Malformed, OutsideError, UsageError
from open_model_monitor.storage import Storage

INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output"


@pytest.fixture
def storage():
    return Storage()


@pytest.fixture
def bucket():
    return f"memory://{uuid.uuid4().hex}"


def inputs(*triples, **more):
    return {
        "ProcessingInputs": [
            {
                "InputName": name,
                "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", **more},
            }
            for name, uri, path in triples
        ]
    }


def outputs(*pairs):
    given = [
        {"OutputName": "o", "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"}}
        for uri, path in pairs
    ]
    return {"ProcessingOutputConfig": {"Outputs": given}}


def test_a_folder_is_laid_out(tmp_path, bucket):
    request = {"ProcessingJobName": "j", **outputs((f"{bucket}/out", f"{OUTPUT}/more"))}
    lay_out(request, "arn:x", tmp_path)
    config = json.loads((tmp_path / "opt/ml/config/processingjobconfig.json").read_text())
    assert config == request | {"ProcessingJobArn": "arn:x"}
    copy = tmp_path / "opt/ml/processing/processingjobconfig.json"
    assert json.loads(copy.read_text()) == config
    resources = json.loads((tmp_path / "opt/ml/config/resourceconfig.json").read_text())
    assert resources == {"current_host": "algo-1", "hosts": ["algo-1"]}
    for path in ("opt/ml/output/metrics/cloudwatch", "opt/ml/processing/output/more"):
        assert (tmp_path / path).is_dir()


def test_inputs_become_files(tmp_path, storage, bucket):
    storage.write(f"{bucket}/in/a.csv", b"a")
    storage.write(f"{bucket}/in/b/c.csv", b"c")
    storage.write(f"{bucket}/p.py", b"")
    request = inputs(("d", f"{bucket}/in", f"{INPUT}/d"), ("p", f"{bucket}/p.py", f"{INPUT}/code/"))
    staged = stage_inputs(request, tmp_path, storage)
    assert (staged.objects, staged.bytes) == (3, 2)
    tree = tmp_path / "opt/ml/processing/input"
    files = {
        path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("*") if path.is_file()
    }
    assert files == {"d/a.csv": b"a", "d/b/c.csv": b"c", "code/p.py": b""}


def test_a_large_object_comes_in_pieces(tmp_path, storage, bucket, monkeypatch):
    monkeypatch.setattr(staging, "CHUNK", 1000)
    data = os.urandom(4567)
    storage.write(f"{bucket}/large", data)
    stage_inputs(inputs(("d", f"{bucket}/large", f"{INPUT}/d")), tmp_path, storage)
    assert (tmp_path / "opt/ml/processing/input/d/large").read_bytes() == data


def test_compressed_inputs(tmp_path, storage, bucket):
    storage.write(f"{bucket}/a.csv.gz", gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    request = inputs(("d", f"{bucket}/a.csv.gz", f"{INPUT}/d"), S3CompressionType="Gzip")
    stage_inputs(request, tmp_path, storage)
    assert (tmp_path / "opt/ml/processing/input/d/a.csv").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("data", [b"a,b\n", gzip.compress(b"one\n", mtime=0)[:-4]], ids=["plain", "cut off"])
def test_what_is_not_compressed_as_it_should_be(tmp_path, storage, bucket, data):
    storage.write(f"{bucket}/a.csv", data)
    request = inputs(("d", f"{bucket}/a.csv", f"{INPUT}/d"), S3CompressionType="Gzip")
    with pytest.raises(Malformed, match=r"a\.csv is not compressed with gzip"):
        stage_inputs(request, tmp_path, storage)


def test_two_objects_for_one_file(tmp_path, storage, bucket):
    for name in ("a", "b"):
        storage.write(f"{bucket}/{name}/x.csv", b"")
    request = inputs(("d", f"{bucket}/a", f"{INPUT}/d"), ("e", f"{bucket}/b", f"{INPUT}/d"))
    with pytest.raises(UsageError, match=r"Two inputs want /opt/ml/processing/input/d/x\.csv"):
        stage_inputs(request, tmp_path, storage)


def test_local_files_are_linked(tmp_path, storage):
    source = tmp_path / "mine" / "a b.csv"
    source.parent.mkdir()
    source.write_text("x")
    request = inputs(("d", source.parent.as_uri(), f"{INPUT}/d"))
    stage_inputs(request, tmp_path / "job", storage, local_addresses=True)
    staged = tmp_path / "job/opt/ml/processing/input/d/a b.csv"
    assert staged.samefile(source)


def test_fetched_side_by_side_until_the_check_objects(tmp_path, storage, bucket):
    for number in range(100):
        storage.write(f"{bucket}/in/{number}", b"x")
    threads, calls = set(), []

    def check():
        threads.add(threading.current_thread().name)
        calls.append(1)
        if len(calls) > 20:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stage_inputs(inputs(("d", f"{bucket}/in", f"{INPUT}/d")), tmp_path, storage, check=check)
    assert len(list((tmp_path / "opt/ml/processing/input/d").iterdir())) <= 20
    assert any("staging" in name for name in threads)


def test_manifests_name_their_copies(tmp_path, storage, bucket):
    storage.write(f"{bucket}/data/a.csv", b"1")
    storage.write(f"{bucket}/dataplain.csv", b"22")
    text = json.dumps([{"prefix": f"{bucket}/data"}, "a.csv", "plain.csv", "gone.csv"])
    storage.write(f"{bucket}/in/m.json", text.encode())
    request = inputs(("batch_input_1", f"{bucket}/in", f"{INPUT}/d"))
    assert stage_inputs(request, tmp_path / "ours", storage).objects == 3
    remote, name = tmp_path / "ours/remote", bucket.removeprefix("memory://")
    manifest = json.loads((tmp_path / "ours/opt/ml/processing/input/d/m.json").read_text())
    assert manifest == [
        {"prefix": f"{remote}/"},
        f"memory/{name}/data/a.csv",
        f"memory/{name}/dataplain.csv",
        f"memory/{name}/data/gone.csv",
    ]
    assert (remote / "memory" / name / "dataplain.csv").read_bytes() == b"22"
    stage_inputs(request, tmp_path / "theirs", storage, is_ours=False)
    assert (tmp_path / "theirs/opt/ml/processing/input/d/m.json").read_text() == text


def test_outputs_become_objects_with_the_summary_last(tmp_path, storage, bucket):
    output = tmp_path / "opt/ml/processing/output"
    (output / "sub").mkdir(parents=True)
    for name in ("run_summary.json", "statistics.json", "sub/x.txt", "zero"):
        (output / name).write_text("" if name == "zero" else name)
    (output / "link").symlink_to("/etc/passwd")
    (output / "folder").symlink_to("/etc")
    os.mkfifo(output / "pipe")
    written = upload_outputs(outputs((f"{bucket}/out/", OUTPUT)), tmp_path, storage)
    names = [address.removeprefix(f"{bucket}/out/") for address in written]
    assert names == ["statistics.json", "zero", "sub/x.txt", "run_summary.json"]
    assert storage.read(f"{bucket}/out/sub/x.txt") == b"sub/x.txt"
    assert len(storage.list(f"{bucket}/out")) == 4


def test_an_output_that_leads_out_of_the_tree(tmp_path, storage, bucket):
    (tmp_path / "opt/ml/processing").mkdir(parents=True)
    (tmp_path / "opt/ml/processing/output").symlink_to("/etc")
    assert upload_outputs(outputs((f"{bucket}/out", OUTPUT)), tmp_path, storage) == []
    assert upload_outputs(outputs((f"{bucket}/out", f"{OUTPUT}/none")), tmp_path, storage) == []


def test_a_large_output(tmp_path, storage, monkeypatch):
    monkeypatch.setattr(staging, "LARGE", 10)
    output = tmp_path / "opt/ml/processing/output"
    output.mkdir(parents=True)
    (output / "large").write_bytes(b"x" * 1000)
    address = (tmp_path / "there").as_uri()
    upload_outputs(outputs((address, OUTPUT)), tmp_path, storage, local_addresses=True)
    assert (tmp_path / "there" / "large").read_bytes() == b"x" * 1000


def test_an_output_without_s3(tmp_path, storage):
    request = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "FeatureStoreOutput": {}}]}}
    with pytest.raises(UsageError, match="output o has no S3Output"):
        upload_outputs(request, tmp_path, storage)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Free space"),
        (PermissionError(errno.EACCES, "Permission denied"), "permission to write"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), "in the way"),
    ],
)
def test_failures_of_our_own_files_say_what_to_do(tmp_path, error, remedy):
    with pytest.raises(OutsideError, match=f"cannot write {tmp_path}.*{remedy}"), explained(tmp_path):
        raise error
