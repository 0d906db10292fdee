"""Bytes by address, on disk and in memory; a real object store has its own tests."""

import os
import sys
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from open_model_monitor.errors import StorageError, UsageError
from open_model_monitor.storage import Storage, is_remote, normalise


@pytest.fixture
def storage():
    return Storage()


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    return str(tmp_path / "root") if request.param == "local" else f"memory://{uuid.uuid4().hex}"


def fill(storage, root, *names):
    for name in names:
        storage.write(f"{root}/{name}", name.encode())


def names(storage, root, prefix):
    return [stat.address.removeprefix(f"{root}/") for stat in storage.list(f"{root}/{prefix}")]


def test_addresses_without_a_scheme_become_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")
    assert normalise("a/../b") == str(tmp_path / "b")
    assert normalise(tmp_path / "x") == str(tmp_path / "x")
    assert normalise("/a//b/./c/") == "/a/b/c"
    assert normalise("~/data") == "/home/ann/data"
    assert normalise("file:///a%20b/c/") == "/a b/c"


@pytest.mark.parametrize("address", ["s3://b//k/", "memory://x/y", "hdfs://n/p"])
def test_other_addresses_stay_as_they_are(address):
    assert normalise(address) == address
    assert is_remote(address)


def test_what_is_written_can_be_read(storage, root):
    storage.write(f"{root}/a/b/c.txt", b"first")
    storage.write(f"{root}/a/b/c.txt", b"second")
    assert storage.read(f"{root}/a/b/c.txt") == b"second"
    with storage.open(f"{root}/a/b/c.txt") as stream:
        assert stream.read(3) == b"sec"
        stream.seek(-2, os.SEEK_END)
        assert stream.read() == b"nd"
        assert stream.read() == b""


def test_what_is_removed_is_gone(storage, root):
    fill(storage, root, "a/1", "a/b/2", "ab/3")
    storage.remove(f"{root}/a")
    assert names(storage, root, "") == ["ab/3"]
    storage.remove(f"{root}/ab/3")
    storage.remove(f"{root}/nothing")
    assert names(storage, root, "") == []


def test_a_listing_is_sorted_recursive_and_knows_size_and_time(storage, root):
    fill(storage, root, "a/z", "a/b/y", "a/b/c/x", "q")
    assert names(storage, root, "a") == ["a/b/c/x", "a/b/y", "a/z"]
    stat = storage.list(f"{root}/a/z")[0]
    assert stat.size == 3
    assert abs(stat.modified - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_prefix_is_a_folder_not_the_beginning_of_a_name(storage, root):
    fill(storage, root, "a/bc/x", "a/b/x", "a/b.txt")
    assert names(storage, root, "a/b") == ["a/b/x"]
    assert names(storage, root, "a/b/") == ["a/b/x"]


def test_one_object_lists_itself_and_what_is_missing_lists_nothing(storage, root):
    fill(storage, root, "a/x")
    assert names(storage, root, "a/x") == ["a/x"]
    assert names(storage, root, "b") == []
    assert names(storage, root, "a/x/y") == []
    assert storage.folders(f"{root}/b") == []


def test_folders_are_the_immediate_ones(storage, root):
    fill(storage, root, "a/2024/01/x", "a/2025/y", "a/file", "ab/z")
    assert storage.folders(f"{root}/a") == ["2024", "2025"]
    assert storage.folders(root) == ["a", "ab"]
    assert storage.folders(f"{root}/a/file") == []


def test_existence_is_of_objects_not_of_folders(storage, root):
    fill(storage, root, "a/x")
    assert storage.exists(f"{root}/a/x")
    assert not storage.exists(f"{root}/a")
    assert not storage.exists(f"{root}/a/y")
    assert storage.stat(f"{root}/a/x").size == 3


@pytest.mark.parametrize("call", ["read", "open"])
def test_a_missing_object_is_named_with_the_remedy(storage, root, call):
    fill(storage, root, "x")
    with pytest.raises(StorageError, match=r"cannot read .*/nope: .*Check that the address") as caught:
        getattr(storage, call)(f"{root}/nope")
    assert not caught.value.retry


def test_a_folder_cannot_be_read(storage, root):
    fill(storage, root, "a/x")
    with pytest.raises(StorageError, match=r"cannot read .*/a:"):
        storage.read(f"{root}/a")


def test_names_may_be_anything(storage, root):
    fill(storage, root, "ü %20/a b?.json")
    assert names(storage, root, "ü %20") == ["ü %20/a b?.json"]
    assert storage.read(f"{root}/ü %20/a b?.json") == "ü %20/a b?.json".encode()


def test_large_objects_are_read_piece_by_piece(storage):
    root = f"memory://{uuid.uuid4().hex}"
    content = os.urandom(1 << 20) * 20
    storage.write(f"{root}/x", content)
    with storage.open(f"{root}/x") as stream:
        assert b"".join(iter(lambda: stream.read(300_001), b"")) == content


def test_a_part_of_an_object_comes_with_the_size_of_the_whole(storage, root):
    storage.write(f"{root}/x", b"0123456789")
    storage.write(f"{root}/empty", b"")
    assert storage.fetch(f"{root}/x", 0, 4) == (b"0123", 10)
    assert storage.fetch(f"{root}/x", 8, 4) == (b"89", 10)
    assert storage.fetch(f"{root}/x", 10, 4)[0] == b""
    assert storage.fetch(f"{root}/empty", 0, 4) == (b"", 0)
    with pytest.raises(StorageError, match=r"cannot read .*/nope: .*Check that the address"):
        storage.fetch(f"{root}/nope", 0, 4)


def test_a_file_can_be_read_without_a_buffer(storage, tmp_path):
    storage.write(f"{tmp_path}/x", b"0123456789")
    with storage.open_file(f"{tmp_path}/./x") as file:
        assert (file.read(4), file.read(40), file.read(1)) == (b"0123", b"456789", b"")
    with pytest.raises(StorageError, match=r"cannot read .*/nope: .*Check that the address"):
        storage.open_file(f"{tmp_path}/nope")


def test_memory_is_shared_by_all_storages_of_a_process(storage):
    address = f"memory://{uuid.uuid4().hex}/x"
    storage.write(address, b"1")
    assert Storage().read(address) == b"1"


def test_a_failed_write_leaves_the_old_content_and_nothing_else(storage, tmp_path, monkeypatch):
    storage.write(f"{tmp_path}/x", b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"cannot write .*No space left"):
        storage.write(f"{tmp_path}/x", b"new")
    assert os.listdir(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_file_can_be_read_by_others(storage, tmp_path):
    storage.write(f"{tmp_path}/x", b"1")
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "x").stat().st_mode == plain.stat().st_mode


def test_writing_where_a_file_is_in_the_way_fails(storage, tmp_path):
    storage.write(f"{tmp_path}/x", b"1")
    with pytest.raises(StorageError, match=r"cannot write .*/x/y"):
        storage.write(f"{tmp_path}/x/y", b"1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_an_error(storage, tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(StorageError, match="permission"):
        storage.list(str(tmp_path))


def test_links_are_followed_but_not_in_circles(storage, tmp_path):
    storage.write(f"{tmp_path}/in/real/x", b"1")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in" / "real")
    (tmp_path / "in" / "real" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in" / "self")
    found = names(storage, str(tmp_path), "in")
    assert found == ["in/again/x", "in/real/x"]


def test_a_path_that_object_stores_refuse_is_explained(storage):
    with pytest.raises(StorageError, match=r"empty, `\.` or `\.\.` path segments"):
        storage.read(f"memory://{uuid.uuid4().hex}/a//b")


def test_an_unknown_scheme_asks_for_fsspec(storage, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"sftp://.* pip install fsspec paramiko"):
        storage.read("sftp://host/x")


def test_a_server_that_is_not_there_may_be_tried_again(storage, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("open_model_monitor.storage.RETRIES", 0)
    with pytest.raises(StorageError, match=r"cannot read s3://bucket/x: .*AWS_ENDPOINT_URL") as caught:
        storage.read("s3://bucket/x")
    assert caught.value.retry
    assert "Debug source" not in str(caught.value)


class Fsspec:
    """The part of fsspec that we call, over a local folder."""

    def __init__(self, root):
        self.root = root

    def filesystem(self, scheme):
        assert scheme == "zip9"
        return self

    def _path(self, address):
        return self.root / address.removeprefix("zip9://")

    def _info(self, path):
        kind = "directory" if path.is_dir() else "file"
        name = path.relative_to(self.root).as_posix()
        return {"name": name, "type": kind, "size": path.stat().st_size, "mtime": path.stat().st_mtime}

    def find(self, address, detail):
        assert detail
        files = (path for path in self._path(address).rglob("*") if path.is_file())
        return {str(path): self._info(path) for path in files}

    def ls(self, address, detail):
        assert detail
        return [self._info(path) for path in self._path(address).iterdir()]

    def info(self, address):
        return self._info(self._path(address))

    def open(self, address, mode):
        return open(self._path(address), mode, buffering=0)

    def makedirs(self, address, exist_ok):
        self._path(address).mkdir(parents=True, exist_ok=exist_ok)

    def pipe_file(self, address, data):
        self._path(address).write_bytes(data)

    def unstrip_protocol(self, name):
        return f"zip9://{name}"


def test_other_schemes_go_through_fsspec(storage, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", Fsspec(tmp_path))
    root = "zip9://base"
    fill(storage, root, "a/x", "a/b/y")
    assert names(storage, root, "a") == ["a/b/y", "a/x"]
    assert names(storage, root, "a/x") == ["a/x"]
    assert storage.folders(f"{root}/a") == ["b"]
    assert storage.folders(f"{root}/c") == []
    assert storage.read(f"{root}/a/x") == b"a/x"
    assert storage.fetch(f"{root}/a/x", 1, 9) == (b"/x", 3)
    assert storage.list(f"{root}/a")[0].modified.tzinfo is UTC
    assert not storage.exists(f"{root}/a/q")


def test_a_pipe_is_written_to_and_stays(storage, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        storage.write(str(pipe), b"told")
        assert os.read(reader, 10) == b"told"
    finally:
        os.close(reader)
    assert not pipe.is_file()
