"""Numbers of lines that were counted from the middle of an object are put right before a user sees them."""

import uuid

import pytest

from open_model_monitor.capture import line_numbers
from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.items import items
from open_model_monitor.capture.line_numbers import resolve
from open_model_monitor.capture.record import Counts, Format, Part, Rejected
from open_model_monitor.errors import ScriptFailure
from open_model_monitor.storage import Storage


class Opened(Storage):
    """Remembers what was opened."""

    def __init__(self):
        super().__init__()
        self.opened = []

    def open(self, address):
        self.opened.append(address)
        return super().open(address)


@pytest.fixture
def storage():
    return Opened()


def failure(source, line, lines_from):
    return ScriptFailure(
        "preprocessor", "call", "p.py", "ValueError", "bad", source_object=source, line_number=line,
        lines_from=lines_from,
    )  # fmt: skip


@pytest.mark.parametrize("place", ["local", "memory"])
def test_the_lines_before_are_added_reading_each_object_once(storage, tmp_path, place):
    root = str(tmp_path) if place == "local" else f"memory://{uuid.uuid4().hex}"
    a, b = f"{root}/a", f"{root}/b"
    storage.write(a, b"1\n22\n333\n4\n")
    storage.write(b, b"x" * 3_000_000 + b"\n" + b"y\n" * 700_000)
    rejected = [
        Rejected(a, 2, "not JSON", "x", 5),
        Rejected(a, 7, "not JSON"),
        Rejected(b, 1, "not JSON", "", 4_000_001),
    ]
    lines, failures = resolve(storage, rejected, [failure(a, 1, 9), failure(b, 4, 3_000_001)])
    assert [(one.line, one.lines_from) for one in lines] == [(4, 0), (7, 0), (500_002, 0)]
    assert [(one.line_number, one.lines_from) for one in failures] == [(4, 0), (5, 0)]
    assert (lines[0].reason, lines[0].text) == ("not JSON", "x")
    assert sorted(storage.opened) == [a, b]


def test_nothing_is_opened_where_nothing_was_cut(storage):
    of_loading = ScriptFailure("preprocessor", "load", "p.py", "ValueError", "bad")
    rejected, failures = [Rejected("/gone", 2, "not JSON")], [failure("/gone", 3, 0), of_loading]
    assert resolve(storage, rejected, failures) == (rejected, failures)
    assert storage.opened == []


def test_what_cannot_be_counted_stays_and_says_from_where(storage, tmp_path, monkeypatch):
    monkeypatch.setattr(line_numbers, "MAX_REMOTE", 10)
    far = f"memory://{uuid.uuid4().hex}/far"
    storage.write(far, b"1\n" * 100)
    gone = f"{tmp_path}/gone"
    rejected = [Rejected(gone, 2, "not JSON", "", 5), Rejected(far, 2, "not JSON", "", 50)]
    lines, [failed] = resolve(storage, rejected, [failure(far, 3, 50)])
    assert lines == rejected
    assert str(lines[1]) == f"{far}:2 after byte 50: not JSON"
    assert f"record: {far} line 3 after byte 50" in failed.summary()
    assert failed.to_dict()["lines_from"] == 50


@pytest.mark.parametrize("kind", ["jsonlines", "csv"])
def test_lines_of_all_ranges_are_numbered_as_those_of_the_whole(tmp_path, kind):
    path, format = str(tmp_path / "x"), Format(kind)
    Storage().write(path, b"".join(b"%d\n" % n if n % 7 else b"{%d\n\n" % n for n in range(300)))

    def read(bounds):
        counts, origins = Counts(), []
        for start, end in zip([0, *bounds], [*bounds, None], strict=True):
            for block in blocks(Storage(), Part((path,), start=start, end=end), format, counts):
                origins += [item.origin for item in items(block, format, counts)]
        seen = [Rejected(one.source, one.line, "", "", one.lines_from) for one in origins]
        return resolve(Storage(), seen, [])[0], resolve(Storage(), counts.rejected, [])[0]

    assert read([100, 101, 555]) == read([])
