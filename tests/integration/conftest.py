"""Spark as the tests need it: one session for all in this process, and a cluster of processes of its own."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def spark():
    """Yield the session on two cores that all tests of a process share."""
    from open_model_monitor.engines.spark_session import spark_session

    with spark_session("local[2]", {}) as session:
        yield session


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Yield the address of a standalone cluster on this machine: a master and two workers of one core."""
    address = f"spark://127.0.0.1:{_free_port()}"
    folder = tmp_path_factory.mktemp("cluster")
    roles = [["master.Master", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]]
    for name in ("first", "second"):
        work = ["--work-dir", str(folder / name), "--cores", "1", "--memory", "1g"]
        roles.append(["worker.Worker", "--host", "127.0.0.1", *work, address])
    processes = []
    try:
        for role in roles:
            processes.append(_spark_class(*role, log=folder / f"{len(processes)}.log"))
            if len(processes) == 1:
                _await_port(address)
        yield address
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)


def _spark_class(role, *arguments, log):
    import pyspark

    program = Path(pyspark.__file__).parent / "bin" / "spark-class"
    command = [program, f"org.apache.spark.deploy.{role}", "--webui-port", "0", *arguments]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    with log.open("w") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _await_port(address):
    host, _, port = address.removeprefix("spark://").partition(":")
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
