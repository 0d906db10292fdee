import contextlib
import os
import threading

import pytest

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.local import Inline, Processes, Threads
from open_model_monitor.errors import EngineError, ScriptError, ScriptFailure

PARTS = [Part((f"object {n}",)) for n in range(9)]
FAILURE = ScriptFailure("preprocessor", "call", "p.py", "ValueError", "no", 3)


@contextlib.contextmanager
def named():
    yield lambda part: part.objects[0].encode()


@contextlib.contextmanager
def dying():
    yield lambda part: os._exit(1)


def joined(results):
    return b",".join(results)


def test_every_engine_merges_in_the_order_of_the_parts():
    expected = ",".join(part.objects[0] for part in PARTS).encode()
    for engine in (Inline(), Threads(3), Processes(2)):
        assert engine.fold(PARTS, named, joined) == expected


def test_a_worker_that_dies_is_told():
    with pytest.raises(EngineError, match="worker processes died"):
        Processes(2).fold(PARTS, dying, joined)


@contextlib.contextmanager
def failing():
    def work(part):
        raise ScriptError(FAILURE)

    yield work


@contextlib.contextmanager
def closed():
    raise ScriptError(FAILURE)
    yield


def test_errors_of_ours_come_back_as_they_are():
    for engine in (Inline(), Threads(3), Processes(2)):
        for worker in (failing, closed):
            with pytest.raises(ScriptError) as caught:
                engine.fold(PARTS, worker, joined)
            assert caught.value.failure == FAILURE


@contextlib.contextmanager
def losing():
    def work(part):
        if part is PARTS[3]:
            raise KeyError(part.objects[0])
        return b""

    yield work


@contextlib.contextmanager
def locked():
    raise OSError("no key")
    yield


def test_threads_raise_the_first_error_in_the_order_of_the_parts():
    with pytest.raises(KeyError, match="object 3"):
        Threads(4).fold(PARTS, losing, joined)
    with pytest.raises(OSError, match="no key"):
        Threads(2).fold(PARTS, locked, joined)


def test_a_thread_opens_uses_and_closes_its_worker_itself():
    seen = []

    @contextlib.contextmanager
    def noting():
        seen.append(threading.get_ident())
        yield lambda part: seen.append(threading.get_ident()) or b""
        seen.append(threading.get_ident())  # not reached if an error ended it

    Threads(3).fold(PARTS, noting, joined)
    assert len(seen) == len(PARTS) + 2 * len(set(seen))
    assert threading.get_ident() not in seen


@contextlib.contextmanager
def unclosable():
    yield lambda part: b""
    raise OSError("disk full while closing")


def test_an_error_at_closing_is_not_lost():
    with pytest.raises(OSError, match="disk full"):
        Threads(2).fold(PARTS, unclosable, joined)


def test_work_in_hand_is_told_when_it_is_no_longer_wanted():
    stop, begun = threading.Event(), threading.Event()

    def work(part):
        if part is PARTS[0]:
            begun.wait(20)
            raise KeyError("no")
        begun.set()
        assert stop.wait(20)
        return b""

    with pytest.raises(KeyError, match="no"):
        Threads(2, stop).fold(PARTS, lambda: contextlib.nullcontext(work), joined)
