import contextlib
import os

import pytest

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.local import Inline, Processes
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
    for engine in (Inline(), Processes(2)):
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
    for engine in (Inline(), Processes(2)):
        for worker in (failing, closed):
            with pytest.raises(ScriptError) as caught:
                engine.fold(PARTS, worker, joined)
            assert caught.value.failure == FAILURE
