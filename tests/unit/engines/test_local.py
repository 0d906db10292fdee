import contextlib
import os

import pytest

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.local import Inline, Processes
from open_model_monitor.errors import EngineError

PARTS = [Part((f"object {n}",)) for n in range(9)]


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
