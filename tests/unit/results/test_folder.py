import json
import os

import pytest

from open_model_monitor.results.folder import is_json, put, remove_strange_files, violations_in


def test_a_file_is_written_whatever_lies_there(tmp_path):
    (tmp_path / "target").write_text("keep")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link.json").symlink_to(tmp_path / "target")
    (tmp_path / "out" / "folder.json").mkdir()
    (tmp_path / "out" / "metrics").write_text("a file where a folder belongs")
    for name in ("link.json", "folder.json", "new.json", "metrics/points.jsonl"):
        put(tmp_path / "out" / name, b"1")
        assert (tmp_path / "out" / name).read_bytes() == b"1"
    assert (tmp_path / "target").read_text() == "keep"


def test_links_and_pipes_go_and_are_told(tmp_path):
    (tmp_path / "good.txt").write_text("x")
    (tmp_path / "link").symlink_to("good.txt")
    os.mkfifo(tmp_path / "pipe")
    assert remove_strange_files(tmp_path) == [
        "link was no regular file and was left out",
        "pipe was no regular file and was left out",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["good.txt"]


def test_what_is_json():
    assert is_json(b"{}")
    assert not is_json(b"{nope")


ENTRY = {"feature_name": "a", "constraint_check_type": "data_type_check"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"violations": []}, []),
        ({"violations": [ENTRY | {"description": "d", "more": 1}]}, [ENTRY | {"description": "d"}]),
        ({"violations": [ENTRY]}, [ENTRY | {"description": ""}]),
        ({"violations": [ENTRY | {"feature_name": 7}]}, None),
        ({"violations": [7]}, None),
        ({"violations": {}}, None),
        ([], None),
        ({}, None),
    ],
)
def test_violations_of_an_edited_document(document, expected):
    assert violations_in(json.dumps(document).encode()) == expected


def test_what_is_no_document_has_none():
    assert violations_in(b"{nope") is None
