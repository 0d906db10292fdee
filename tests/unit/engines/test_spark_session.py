import os
import socket
import subprocess
import sys

import pytest

from open_model_monitor.engines.spark_session import explained, spark_session
from open_model_monitor.errors import DataError, EngineError

STARTING = """
import sys
from open_model_monitor.engines.spark_session import spark_session
from open_model_monitor.errors import EngineError
try:
    with spark_session(sys.argv[1], {}):
        print("started")
except EngineError as error:
    print(error)
"""


def started(master, **environment):
    """Return what is said by a process that has no session."""
    environment = {name: text for name, text in os.environ.items() if "proxy" not in name} | environment
    command = [sys.executable, "-c", STARTING, master]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_without_java(tmp_path):
    pytest.importorskip("pyspark")  # which tools/test_versions.sh leaves out
    assert "install one (17 or newer) or set JAVA_HOME" in started("local[1]", JAVA_HOME=str(tmp_path))


def test_without_pyspark(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with (
        pytest.raises(EngineError, match=r"pip install 'open-model-monitor\[spark\]'"),
        spark_session(None, {}),
    ):
        pass


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_nobody_answers(scheme):
    pytest.importorskip("pyspark")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert f"no Spark answers at {scheme}://127.0.0.1:{port}" in started(f"{scheme}://127.0.0.1:{port}")


def test_a_session_that_is_given_is_used_as_it_is():
    mine = object()
    with spark_session("local[2]", {}, mine) as session:
        assert session is mine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[PYTHON_VERSION_MISMATCH] Python in worker …",
            "executors must run the same minor version of Python",
        ),
        ("Job aborted: ExecutorLostFailure (executor 1 exited)", "spark.executor.memoryOverhead"),
        (
            "what\n  Traceback (most recent call last):\n  File\nValueError: 7\n\n\tat org.apache",
            "ValueError: 7$",
        ),
        ("An error occurred while calling o1.collect.\n: org.apache.X: it broke\n\tat org", "it broke$"),
    ],
)
def test_failures_of_spark_in_a_line(text, expected):
    class Py4JJavaError(Exception):
        pass

    with pytest.raises(EngineError, match=expected), explained():
        raise Py4JJavaError(text)


def test_errors_of_ours_pass():
    with pytest.raises(DataError), explained():
        raise DataError("empty")
