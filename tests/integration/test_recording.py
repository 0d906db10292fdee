"""A real server with the middleware: stopped in the midst of requests, it loses nothing; runs read what it wrote."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

import open_model_monitor as omm
from support.recordings import KSERVE, lines

MODEL = """
import open_model_monitor as omm
import sys

recorder = omm.Recorder(sys.argv[2], endpoint="churn", flush_seconds=3600)

async def model(scope, receive, send):
    assert scope["type"] == "http"
    body = (await receive())["body"]
    score = sum(map(float, body.split(b","))) / 10
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/csv")]})
    await send({"type": "http.response.body", "body": b"%f" % score})

import uvicorn
uvicorn.run(omm.CaptureMiddleware(model, recorder), port=int(sys.argv[1]), log_level="warning")
"""


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until_up(port):
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def post(port, body, headers=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body, headers or {"content-type": "text/csv"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def clients(port, answered):
    """Send predictions from four threads until the server is gone; notes what was answered."""

    def send(first):
        for number in range(first, 10**9, 4):
            try:
                post(port, f"{number % 7},{number % 5},{number}".encode())
            except OSError:
                return
            answered.append(number)

    made = [threading.Thread(target=send, args=(first,)) for first in range(4)]
    for one in made:
        one.start()
    return made


def test_a_graceful_stop_loses_nothing(tmp_path, port):
    answered = []
    with subprocess.Popen([sys.executable, "-c", MODEL, str(port), str(tmp_path / "captures")]) as server:
        until_up(port)
        sending = clients(port, answered)
        while len(answered) < 300 and server.poll() is None:
            time.sleep(0.01)
        server.send_signal(signal.SIGTERM)
        server.wait(30)
        for one in sending:
            one.join()
    recorded = [int(one["captureData"]["endpointInput"]["data"].split(",")[2]) for one in lines(tmp_path)]
    assert len(recorded) == len(set(recorded))
    assert set(answered) <= set(recorded)
    baseline = omm.suggest(tmp_path / "captures")
    report = omm.check(tmp_path / "captures", baseline)
    assert (report.rows, report.violations) == (len(recorded), ())


def test_a_process_that_ends_writes_what_waits(tmp_path):
    program = (
        "import open_model_monitor as omm, sys\n"
        "recorder = omm.Recorder(sys.argv[1], endpoint='churn')\n"
        "[recorder.log(f'{n},1', '0.5') for n in range(100)]"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    assert len(lines(tmp_path)) == 100


def test_a_sink_for_loggers(tmp_path, port):
    command = [sys.executable, "-m", "open_model_monitor", "sink", str(tmp_path), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            until_up(port)
            for number in range(20):
                event = KSERVE | {"ce-id": f"event-{number}"}
                post(port, b'{"instances": [[%d, 2]]}' % number, event)
                answer = event | {"ce-type": "org.kubeflow.serving.inference.response"}
                post(port, b'{"predictions": [%d]}' % number, answer)
            with pytest.raises(urllib.error.HTTPError, match="400"):
                post(port, b"{}")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as told:
                assert json.load(told)["services"]["iris"]["offered"] == 20
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    assert len(lines(tmp_path)) == 20
