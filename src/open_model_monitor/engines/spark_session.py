"""The session that Spark is used through: found or started, its jobs called back, its failures explained."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from open_model_monitor.errors import EngineError, MonitorError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

APP = "open-model-monitor"
KNOCK = 10.0  # seconds
_PORTS = {"spark": 7077, "sc": 15002}
_LOG = Path(__file__).with_name("spark_log4j2.properties")
# What a session on this machine needs to be quick, quiet and alone.
_LOCAL_CONF = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={_LOG.as_uri()}",
    "spark.ui.enabled": "false",
}


@contextlib.contextmanager
def spark_session(
    master: str | None, conf: Mapping[str, str], given: SparkSession | None = None
) -> Iterator[SparkSession]:
    """Yield the session to use: the one given, the one that is active, or a new one, stopped at the end.

    Raises EngineError if none can be had, UsageError if the active one is not what is asked for.
    """
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")  # of which we use nothing
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)  # says each error once more
    found = given if given is not None else _active(master, conf)
    if found is not None:
        yield found
        return
    if master is not None:
        _knock(master)
    with explained():
        session = _start(master, conf)
    try:
        yield session
    finally:
        with contextlib.suppress(Exception):  # it may be gone
            session.stop()


def _active(master: str | None, conf: Mapping[str, str]) -> SparkSession | None:
    kind = _spark()
    session = kind.getActiveSession() or _of_another_thread(kind)
    if session is None:
        return None
    there = session.conf.get("spark.master", None)
    if master is not None and there is not None and master != there:
        raise UsageError(
            f"spark_master is {master}, but a Spark session on {there} is active in this process: leave "
            "spark_master out to use it, or stop it"
        )
    if conf:
        raise UsageError(
            "spark_conf is for a session that is started for the run, but one is active in this process: "
            "configure that one"
        )
    return session


def _of_another_thread(kind: Any) -> SparkSession | None:
    """Return the session that Spark would hand out as if it were new, which we would then stop."""
    connect = sys.modules.get("pyspark.sql.connect.session")
    session: Any = getattr(connect and connect.SparkSession, "_default_session", None)
    if session is not None and not session.is_stopped:
        return cast("SparkSession", session)
    session = getattr(kind, "_instantiatedSession", None)
    if session is not None and session.sparkContext._jsc is not None:
        return cast("SparkSession", session)
    return None


def _spark() -> type[SparkSession]:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise EngineError(
            f"Spark needs PySpark ({error}): pip install 'open-model-monitor[spark]', or run where the cluster "
            "provides it"
        ) from error
    return SparkSession


def _knock(master: str) -> None:
    """Raise EngineError if nobody answers at an address; Spark itself would try for a minute, Connect for ten."""
    scheme, _, rest = master.partition("://")
    if scheme not in _PORTS or any(
        name in os.environ for name in ("grpc_proxy", "https_proxy", "http_proxy")
    ):
        return
    refusals = []
    for place in rest.partition("/")[0].split(","):
        host, _, port = place.partition(":")
        try:
            socket.create_connection((host, int(port or _PORTS[scheme])), KNOCK).close()
            return
        except (OSError, ValueError) as error:
            refusals.append(f"{place}: {error}")
    raise EngineError(
        f"no Spark answers at {master} ({'; '.join(refusals)}); check the address, and whether it runs",
        retry=True,
    )


def _start(master: str | None, conf: Mapping[str, str]) -> SparkSession:
    builder: Any = _spark().builder.appName(APP)
    settings = {"spark.ui.showConsoleProgress": "false", **conf}
    if master is not None and master.startswith("sc:"):
        return _get(builder.remote(master))  # the server has its settings
    variables: dict[str, str] = {}
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):
            settings = {**_LOCAL_CONF, **settings}
            variables = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    for name, value in settings.items():
        builder = builder.config(name, value)
    with _environment(variables):
        return _get(builder)


def _get(builder: Any) -> SparkSession:
    session: SparkSession = builder.getOrCreate()
    return session


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables that are not set, as long as Spark starts."""
    unset = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in unset})
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)


@contextlib.contextmanager
def cancelling(session: SparkSession) -> Iterator[Callable[[], None]]:
    """Yield what marks a thread's jobs as ours; left by an exception, it calls back those that still run."""
    tag = f"omm-{uuid.uuid4().hex}"
    mark, cancel = _tags(session)
    try:
        yield lambda: mark(tag)
    except BaseException:
        with contextlib.suppress(Exception):  # what ended the run is what counts
            cancel(tag)
        raise


def _tags(session: Any) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    connected = type(session).__module__.startswith("pyspark.sql.connect")
    if connected or int(session.version.partition(".")[0]) >= 4:
        return session.addTag, session.interruptTag
    context = session.sparkContext  # PySpark 3.5 has tags of sessions in Connect only
    return context.addJobTag, context.cancelJobsWithTag


_SAME_PYTHON = (
    "executors must run the same minor version of Python as this process: set PYSPARK_PYTHON, or bring an archive "
    "(docs/spark.md)"
)
# What Spark's messages hold, and what to do about it.
_REMEDIES = {
    "JAVA_GATEWAY_EXITED": "Spark's own words are above; if there is no Java, install one (17 or newer) or set "
    "JAVA_HOME, else check the master's name: local[2], spark://host:7077, yarn, k8s://… or sc://host",
    "PYTHON_VERSION_MISMATCH": _SAME_PYTHON,
    "different version": _SAME_PYTHON,
    "No module named": "install it where executors run Python (docs/spark.md)",
    "PACKAGE_NOT_INSTALLED": "install it beside PySpark: pip install 'open-model-monitor[spark]'",
    "must be installed": "install it beside PySpark: pip install 'open-model-monitor[spark]'",
    "ExecutorLost": "an executor died; if memory ran out, raise spark.executor.memoryOverhead, which Python uses",
    "Python worker exited": "a Python worker died; if memory ran out, raise spark.executor.memoryOverhead",
    "maxResultSize": "raise spark.driver.maxResultSize",
    "Cannot call methods on a stopped": "the session was stopped, or its master did not answer; check the address",
    "UNAVAILABLE": "no Spark Connect server answers there; check the address",
}


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what Spark raises into EngineError: its cause in a line, and the remedy where one is known."""
    try:
        yield
    except MonitorError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        remedy = next((remedy for mark, remedy in _REMEDIES.items() if mark in text), None)
        raise EngineError(f"Spark failed: {_cause(text)}" + (f". {remedy}" if remedy else "")) from error


def _cause(text: str) -> str:
    """Return the line that tells most: the last of a Python traceback, else the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = (
        lines[1].removeprefix(": ") if lines[0].startswith("Py4JJavaError") and len(lines) > 1 else lines[0]
    )
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        last = next(
            (i for i, line in enumerate(lines) if line.startswith(("at ", "Driver stacktrace"))), len(lines)
        )
        said = lines[last - 1]
    return said[:500].rstrip(".")
