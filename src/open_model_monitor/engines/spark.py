"""The fold over parts on a Spark cluster, by DataFrames alone, so that Spark Connect will do."""

from __future__ import annotations

import contextlib
import pickle
import platform
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from open_model_monitor.capture.record import Part
from open_model_monitor.engines.failures import Answer, result
from open_model_monitor.engines.local import Merge, OpenWork
from open_model_monitor.engines.spark_session import cancelling, explained, spark_session
from open_model_monitor.engines.spark_task import pack_parts
from open_model_monitor.errors import EngineError
from open_model_monitor.version import __version__

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Parts of one Spark job, and jobs at once. Their product bounds how many results wait here, and how much is still
# done after one part has failed. Spark starts the jobs in order, each where slots are free.
WAVE, WAVES_AT_ONCE = 8, 32
UNPREPARED = "unprepared"  # the answer of an executor without our package, and why


class Spark:
    """A task per part, on whatever `master` names; None for the session that is there, or Spark's own default.

    `conf` are settings of a session that has to be started; such a session is stopped at the end. `session` is
    one that somebody else started, and keeps.
    """

    def __init__(
        self,
        master: str | None = None,
        conf: Mapping[str, str] | None = None,
        session: SparkSession | None = None,
    ) -> None:
        self.master, self.conf, self.session = master, dict(conf or {}), session

    def fold(self, parts: Sequence[Part], open_work: OpenWork, merge: Merge) -> bytes:
        """See `Engine`; raises EngineError if Spark fails."""
        waves = [parts[start : start + WAVE] for start in range(0, len(parts), WAVE)]
        with spark_session(self.master, self.conf, self.session) as session, cancelling(session) as mark:

            def answers(wave: Sequence[Part]) -> list[Answer]:
                with explained():
                    mark()
                    return _answers(session, wave, open_work)

            with contextlib.closing(_in_order(answers, waves)) as results:
                return merge(_checked(answer) for wave in results for answer in wave)


def _answers(session: SparkSession, wave: Sequence[Part], open_work: OpenWork) -> list[Answer]:
    """Run one job. A row is the number of a part; the parts themselves ride along with the function."""
    task = _task(pack_parts(wave), pickle.dumps(open_work), __version__, platform.python_version())
    rows = session.range(0, len(wave), 1, len(wave)).mapInArrow(task, "kind string, payload binary").collect()
    return [(row.kind, bytes(row.payload)) for row in rows]


def _task(
    parts: Sequence[bytes], open_work: bytes, version: str, python: str
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what an executor runs. It travels by value, so that it can say if our package is not there."""
    unprepared = UNPREPARED

    def task(numbers: Iterator[Any]) -> Iterator[Any]:
        import platform
        import socket
        import sys

        import pyarrow as pa

        try:
            from open_model_monitor.engines.spark_task import answers
            from open_model_monitor.version import __version__ as theirs

            found = f"open-model-monitor {theirs} (here {version})" if theirs != version else None
        except Exception as error:
            found = f"no open-model-monitor that can be imported ({type(error).__name__}: {error})"
        for batch in numbers:
            if found is None:
                rows = answers(batch.column(0).to_pylist(), parts, open_work)
            else:
                where = f"{sys.executable}, Python {platform.python_version()} (here {python})"
                rows = iter([(unprepared, f"{socket.gethostname()} has {found} under {where}".encode())])
            for kind, payload in rows:
                yield pa.RecordBatch.from_pydict({"kind": [kind], "payload": [payload]})

    return task


def _in_order(
    answers: Callable[[Sequence[Part]], list[Answer]], waves: Sequence[Sequence[Part]]
) -> Generator[list[Answer], None, None]:
    """Yield the answers of all waves in their order, some of them worked on at once.

    One job for all would not do: Spark hands its rows over in one piece, or (`toLocalIterator`, outside Connect)
    computes a partition only when the one before has been fetched.
    """
    pool, running = ThreadPoolExecutor(WAVES_AT_ONCE, "omm-spark"), deque[Future[list[Answer]]]()
    try:
        for wave in waves:
            running.append(pool.submit(answers, wave))
            if len(running) == WAVES_AT_ONCE:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _checked(answer: Answer) -> bytes:
    kind, payload = answer
    if kind == UNPREPARED:
        raise EngineError(
            f"a Spark executor is not prepared: {payload.decode()}; install the same version of open-model-monitor "
            "there as here (docs/spark.md)"
        )
    return result(answer)
