"""The recorder: nothing lost, nothing slowed, everything counted."""

import asyncio
import json
import logging
import os
import threading

import pytest

from open_model_monitor.errors import StorageError, UsageError
from open_model_monitor.recording import recorder as module
from open_model_monitor.recording.capture_lines import Prediction
from open_model_monitor.recording.recorder import Recorder, is_name
from open_model_monitor.storage import Storage
from support.recordings import lines

NOON = 1769860800.0  # 2026-01-31T12:00:00Z


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


class Failing(Storage):
    """A storage that fails some times, or until it is told otherwise."""

    def __init__(self, times):
        super().__init__()
        self.times = times
        self.tried = threading.Event()

    def write(self, address, data):
        self.tried.set()
        if self.times > 0:
            self.times -= 1
            raise StorageError("the bucket is away")
        super().write(address, data)


def test_files_lie_where_an_endpoint_puts_them(tmp_path):
    clock = Clock()
    with Recorder(tmp_path, endpoint="churn", variant="blue", clock=clock) as recorder:
        recorder.log("1,2", "0.5", inference_id="a")
        clock.now += 3600
        recorder.log("3,4", "0.6")
    hours = sorted(path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jsonl"))
    assert hours == ["churn/blue/2026/01/31/12", "churn/blue/2026/01/31/13"]
    assert [one["captureData"]["endpointInput"]["data"] for one in lines(tmp_path)] == ["1,2", "3,4"]
    assert recorder.counts.to_dict()["written"] == 2
    assert not recorder.counts.waiting


def test_a_full_queue_drops_and_counts(tmp_path, caplog):
    storage = Failing(10**9)
    recorder = Recorder(
        tmp_path, endpoint="e", storage=storage, queue_bytes=5000, flush_bytes=1, retry_seconds=60
    )
    recorder.log("first", "1")
    assert storage.tried.wait(10)  # the writer is busy with it
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            recorder.log("x", "1")
    counts = recorder.counts
    assert counts.dropped > 10
    assert counts.offered == 21 == counts.dropped + counts.waiting
    storage.times = 0
    assert recorder.close()
    assert counts.written + counts.dropped == 21


def test_a_storage_that_fails_is_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    with Recorder(tmp_path, endpoint="e", storage=Failing(3)) as recorder:
        recorder.log("x", "1")
    assert (recorder.counts.written, recorder.counts.lost) == (1, 0)


def test_what_cannot_be_written_is_counted_as_lost(tmp_path, caplog):
    with Recorder(tmp_path, endpoint="e", storage=Failing(10**9), retry_seconds=0) as recorder:
        recorder.log("x", "1")
    assert (recorder.counts.written, recorder.counts.lost) == (0, 1)
    assert "1 are lost: the bucket is away" in caplog.text


@pytest.mark.parametrize(
    ("told", "reason"),
    [({"input": object()}, "has no JSON"), ({"input": "x" * 101}, "larger than 100 bytes")],
)
def test_what_is_no_payload_never_raises(tmp_path, caplog, told, reason):
    with Recorder(tmp_path, endpoint="e", max_payload_bytes=100) as recorder:
        recorder.log(**told)
    assert recorder.counts.refused == 1
    assert reason in caplog.text


@pytest.mark.parametrize("time", [-1.0, 1e12, float("nan")])
def test_a_time_of_another_age_costs_itself_only(tmp_path, time):
    with Recorder(tmp_path, endpoint="e") as recorder:
        recorder.take(Prediction(time))
        recorder.log("2")
    assert (recorder.counts.refused, recorder.counts.written) == (1, 1)


def test_an_id_that_is_no_text_costs_itself_only(tmp_path):
    with Recorder(tmp_path, endpoint="e") as recorder:
        recorder.log("1", inference_id="\ud800")
        recorder.log("2")
    assert (recorder.counts.refused, recorder.counts.written) == (1, 1)


@pytest.mark.parametrize("percentage", [0, 100])
def test_a_sample(tmp_path, percentage):
    with Recorder(tmp_path, endpoint="e", sampling_percentage=percentage) as recorder:
        for _ in range(50):
            recorder.log("1")
    assert recorder.counts.written == percentage / 2
    assert recorder.counts.sampled_out == 50 - percentage / 2


def test_a_thread_that_cannot_be_started_costs_a_capture_only(tmp_path, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    recorder = Recorder(tmp_path, endpoint="e")
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        recorder.log("1")
    recorder.log("2")
    recorder.close()
    assert (recorder.counts.dropped, recorder.counts.written) == (1, 1)


def test_flush_writes_what_waits(tmp_path):
    recorder = Recorder(tmp_path, endpoint="e")
    assert recorder.flush()  # nothing was recorded yet
    recorder.log("1")
    assert recorder.flush()
    assert len(lines(tmp_path)) == 1
    recorder.close()
    recorder.log("2")
    assert (recorder.counts.dropped, recorder.close()) == (1, True)


def test_what_waits_is_written_in_time(tmp_path):
    recorder = Recorder(tmp_path, endpoint="e", flush_seconds=0.01)
    recorder.log("1")
    written = threading.Event()
    for _ in range(500):
        if lines(tmp_path) or written.wait(0.02):
            break
    assert len(lines(tmp_path)) == 1
    recorder.close()


def test_many_threads(tmp_path):
    with Recorder(tmp_path, endpoint="e", flush_bytes=10_000) as recorder:
        threads = [
            threading.Thread(target=lambda: [recorder.log(f"{n}", "1") for n in range(200)]) for _ in range(8)
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert recorder.counts.written == len(lines(tmp_path)) == 1600
    assert len({one["eventMetadata"]["eventId"] for one in lines(tmp_path)}) == 1600


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # what it is about, from Python 3.12 on
def test_a_forked_process_records_for_itself(tmp_path):
    recorder = Recorder(tmp_path, endpoint="e")
    recorder.log("parent")
    child = os.fork()
    if not child:
        recorder.log("child")
        os._exit(0 if recorder.close() and recorder.counts.written == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    recorder.close()
    assert sorted(one["captureData"]["endpointInput"]["data"] for one in lines(tmp_path)) == [
        "child",
        "parent",
    ]


def test_a_decorated_function(tmp_path):
    with Recorder(tmp_path, endpoint="e") as recorder:

        @recorder.capture
        def predict(features):
            return {"score": sum(features)}

        @recorder.capture(inference_id=lambda order, amount: order)
        async def judge(order, amount):
            return amount > 5

        @recorder.capture
        def fail(features):
            raise ValueError(features)

        class Model:
            @recorder.capture
            def predict(self, features):
                return 1

        assert Model().predict("a,b") == 1
        assert predict([1, 2]) == {"score": 3}
        assert asyncio.run(judge("o-1", amount=7)) is True
        with pytest.raises(ValueError, match="x"):
            fail("x")
    method, first, second = lines(tmp_path)
    assert method["captureData"]["endpointInput"]["data"] == "a,b"
    assert first["captureData"]["endpointInput"]["data"] == "[1,2]"
    assert first["captureData"]["endpointOutput"]["data"] == '{"score":3}'
    assert json.loads(second["captureData"]["endpointInput"]["data"]) == {"order": "o-1", "amount": 7}
    assert second["eventMetadata"]["inferenceId"] == "o-1"


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "a-", "a_b", "ä", "a" * 64])
def test_names_that_lead_elsewhere(name, tmp_path):
    assert not is_name(name)
    with pytest.raises(UsageError, match="endpoint is"):
        Recorder(tmp_path, endpoint=name)


def test_a_percentage_beyond(tmp_path):
    with pytest.raises(UsageError, match="0 to 100"):
        Recorder(tmp_path, endpoint="e", sampling_percentage=101)
