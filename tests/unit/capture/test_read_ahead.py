"""Remote objects are fetched ahead: how many at once, how much, whose errors, and that nothing is left behind."""

import threading
import uuid

import pytest

from open_model_monitor.capture.blocks import blocks
from open_model_monitor.capture.read_ahead import (
    BATCHES,
    CHUNK,
    FIRST,
    REQUESTS,
    TAIL,
    ReadAhead,
    in_background,
)
from open_model_monitor.capture.record import Counts, Format, Part
from open_model_monitor.errors import StorageError
from open_model_monitor.storage import Storage

LINES = Format("jsonlines")


class Slow(Storage):
    """Answers only when as many requests wait as are expected at once; remembers what was asked for."""

    def __init__(self, together=1):
        super().__init__()
        self.together = threading.Barrier(together, timeout=20)
        self.asked = []

    def fetch(self, address, start, length):
        self.asked.append((address, start, length))
        self.together.wait()
        return super().fetch(address, start, length)


def written(*contents):
    root = f"memory://{uuid.uuid4().hex}"
    addresses = [f"{root}/{number:03}" for number in range(len(contents))]
    for address, content in zip(addresses, contents, strict=True):
        Storage().write(address, content)
    return addresses


def whole(stream, size=1 << 19):
    return b"".join(iter(lambda: stream.read(size), b""))


def no_threads():
    return not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]


def test_small_objects_are_fetched_many_at_once():
    addresses = written(*(b"%d\n" % n for n in range(REQUESTS)))
    slow = Slow(together=REQUESTS)  # one after the other, none would ever be answered
    found = list(blocks(slow, Part(tuple(addresses)), LINES, Counts()))
    assert [block.data for block in found] == [b"%d\n" % n for n in range(REQUESTS)]
    assert [block.source for block in found] == addresses
    assert len(slow.asked) == REQUESTS
    assert no_threads()


def test_no_more_than_some_are_fetched_ahead():
    addresses = written(*(b"%d\n" % n for n in range(REQUESTS * 3)))
    slow = Slow()
    read = blocks(slow, Part(tuple(addresses)), LINES, Counts())
    next(read)
    read.close()
    assert len(slow.asked) <= REQUESTS
    assert no_threads()


def test_the_next_chunk_of_a_large_object_is_fetched_while_one_is_read():
    content = b"x" * (FIRST + 2 * CHUNK + 5)
    [address] = written(content)
    slow = Slow()
    with ReadAhead(slow, iter([address])) as ahead:
        stream = ahead.open()
        assert stream.read(10) == b"x" * 10
        for _ in range(2000):
            if len(slow.asked) == 2:
                break
            threading.Event().wait(0.001)
        assert slow.asked == [(address, 0, FIRST), (address, FIRST, CHUNK)]
        assert whole(stream) == content[10:]
    assert slow.asked[2:] == [(address, FIRST + CHUNK, CHUNK), (address, FIRST + 2 * CHUNK, CHUNK)]


def test_what_lies_behind_a_range_is_not_fetched_unless_its_last_line_does():
    content = b"x" * 10 + b"\n" + b"y" * (FIRST * 2) + b"\n" + b"z" * FIRST
    [address] = written(content)
    slow = Slow()
    found = list(blocks(slow, Part((address,), start=11, end=12), LINES, Counts()))
    assert b"".join(block.data for block in found) == b"y" * (FIRST * 2) + b"\n"
    first, *more = [(start, length) for _, start, length in slow.asked if length != 2]  # is it gzip?
    assert first == (10, FIRST)
    assert {length for _, length in more} == {TAIL}


def test_an_error_belongs_to_its_object():
    addresses = written(*(b"%d\n" % n for n in range(5)))
    part = (addresses[0], f"{addresses[0]}-gone", *addresses[1:])
    counts = Counts()
    found = list(blocks(Storage(), Part(part), LINES, counts))
    assert [block.source for block in found] == addresses
    assert (counts.objects_selected, counts.objects_unreadable) == (6, 1)
    [warning] = counts.warnings
    assert f"{addresses[0]}-gone cannot be read" in warning
    assert no_threads()


def test_an_error_in_the_middle_keeps_what_came_before():
    class Failing(Storage):
        def fetch(self, address, start, length):
            if start > 0:
                raise StorageError("the line is down")
            return super().fetch(address, start, length)

    addresses = written(b"12345678\n" * (CHUNK // 9 * 2), b"2\n")
    counts = Counts()
    found = list(blocks(Failing(), Part(tuple(addresses)), LINES, counts))
    assert sum(len(block.data) for block in found[:-1]) == FIRST // 9 * 9
    assert found[-1].data == b"2\n"
    assert counts.objects_unreadable == 1


def test_local_and_remote_objects_may_be_mixed(tmp_path):
    local = str(tmp_path / "x")
    Storage().write(local, b"local\n")
    a, b = written(b"a\n", b"b\n")
    found = list(blocks(Storage(), Part((a, local, b)), LINES, Counts()))
    assert [block.data for block in found] == [b"a\n", b"local\n", b"b\n"]


def test_local_files_need_no_threads(tmp_path):
    local = str(tmp_path / "x")
    Storage().write(local, b"local\n")
    read = blocks(Storage(), Part((local,)), LINES, Counts())
    next(read)
    assert no_threads()
    read.close()


def test_a_reader_that_fails_leaves_no_thread_behind():
    addresses = written(*(b"%d\n" % n for n in range(REQUESTS)))

    def work():
        for _ in blocks(Storage(), Part(tuple(addresses)), LINES, Counts()):
            raise ValueError("of the reader")

    with pytest.raises(ValueError, match="of the reader"):
        work()
    assert no_threads()


def test_an_iterator_runs_a_few_results_ahead():
    ahead = threading.Semaphore(0)

    def results():
        for number in range(100):
            ahead.release()
            yield number

    read = in_background(results())
    assert next(read) == 0
    assert all(ahead.acquire(timeout=20) for _ in range(BATCHES))
    assert list(read) == list(range(1, 100))
    assert no_threads()


def test_an_iterator_that_fails_does_so_in_its_place():
    def results():
        yield 1
        raise StorageError("gone")

    read = in_background(results())
    assert next(read) == 1
    with pytest.raises(StorageError, match="gone"):
        next(read)
    assert no_threads()


def test_an_iterator_can_be_left_early():
    read = in_background(iter(range(1000)))
    assert next(read) == 0
    read.close()
    assert no_threads()


def test_an_object_that_ends_early_is_told():
    class Short(Storage):
        def fetch(self, address, start, length):
            data, size = super().fetch(address, start, length)
            return (data if start == 0 else b""), size

    [address] = written(b"{}\n" * CHUNK)
    counts = Counts()
    assert sum(len(block.data) for block in blocks(Short(), Part((address,)), LINES, counts)) < 3 * CHUNK
    assert counts.objects_unreadable == 1
    assert "ended at byte" in next(iter(counts.warnings))
