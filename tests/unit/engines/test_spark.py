"""What needs no cluster; the rest is in tests/integration/test_spark.py."""

import contextlib
import pickle
import sys
import threading
import time

import pyarrow as pa
import pytest

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.failures import DONE
from open_model_monitor.engines.spark import UNPREPARED, WAVES_AT_ONCE, _checked, _in_order, _task
from open_model_monitor.engines.spark_task import pack_parts
from open_model_monitor.errors import EngineError
from open_model_monitor.version import __version__

PARTS = [Part((f"object {n}",)) for n in range(3)]
NUMBERS = [pa.RecordBatch.from_pydict({"id": [0, 2]})]


@contextlib.contextmanager
def named():
    yield lambda part: part.objects[0].encode()


def rows(version):
    task = _task(pack_parts(PARTS), pickle.dumps(named), version, "3.99")
    return [tuple(row.values()) for batch in task(iter(NUMBERS)) for row in batch.to_pylist()]


def test_a_task_answers_for_its_numbers():
    assert rows(__version__) == [(DONE, b"object 0"), (DONE, b"object 2")]


def test_an_executor_of_another_version_says_so():
    ((kind, why),) = rows("99.0")
    assert kind == UNPREPARED
    with pytest.raises(EngineError, match=rf"has open-model-monitor .* \(here 99\.0\) .*{sys.executable}"):
        _checked((kind, why))


def test_an_executor_without_our_package_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "open_model_monitor.engines.spark_task", None)
    ((_, why),) = rows(__version__)
    assert b"has no open-model-monitor that can be imported" in why


def test_waves_are_answered_in_order_and_not_all_at_once():
    at_once, most, lock = 0, 0, threading.Lock()

    def answers(wave):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.02 if wave[0] % 3 else 0.0)
        with lock:
            at_once -= 1
        return [(DONE, bytes([number])) for number in wave]

    waves = [[number] for number in range(3 * WAVES_AT_ONCE)]
    assert [payload[0] for wave in _in_order(answers, waves) for _, payload in wave] == list(
        range(3 * WAVES_AT_ONCE)
    )
    assert 1 < most <= WAVES_AT_ONCE
