"""The control plane in this process, called as boto3 calls a server's: `client.describe_monitoring_schedule(…)`."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from open_model_monitor import errors
from open_model_monitor.control.migrating import open_store
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.shapes import with_times
from open_model_monitor.control.tables import jobs, log_events
from open_model_monitor.control.worker import Worker
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Storage

POLL_SECONDS = 0.2


class _Exceptions:
    """The errors of requests, by the names that clients know."""

    ResourceNotFound = errors.NotFound
    ResourceInUse = errors.AlreadyExists
    ResourceLimitExceeded = errors.LimitExceeded
    ClientError = errors.ApiError


class LocalClient:
    """Answers the operations of the API from a folder; if it `works`, runs what is due in threads until it is closed.

    Every operation is a method, in small letters, with the members of its request as arguments. Addresses may be
    `file://` ones. Raises ApiError for what is refused, StoreError if the folder cannot be used.
    """

    exceptions = _Exceptions

    def __init__(self, data: str, settings: Settings, *, works: bool = True) -> None:
        self.settings = replace(settings, data=data, local_addresses=True, poll_seconds=POLL_SECONDS)
        self._store = open_store(self.settings)
        self._service = Service(self._store, self.settings)
        self._caller = Caller(self.settings.account, self.settings.region)
        self._stop = threading.Event()
        worker = Worker(self._store, Storage(), self.settings, Path(data).resolve() / "work")
        self._thread = threading.Thread(target=worker.run, args=(self._stop,), name="worker", daemon=True)
        if works:
            self._thread.start()
        atexit.register(self.close)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        operation = "".join(word.capitalize() for word in name.split("_"))

        def call(**request: Any) -> dict[str, Any]:
            plain = {member: _seconds(value) for member, value in request.items()}
            return with_times(operation, self._service.call(operation, plain, self._caller))

        return call

    def log_lines(self, job: str, start: int = 0) -> Iterator[str]:
        """Yield the lines of a job's log, from one on."""
        query = (
            select(log_events.c.message)
            .join(jobs, jobs.c.id == log_events.c.job)
            .where(jobs.c.name == job)
            .order_by(log_events.c.stream, log_events.c.place)
            .offset(start)
        )
        with self._store.read() as transaction:
            rows = transaction.all(query)
        yield from (row["message"] for row in rows)

    def close(self) -> None:
        """Stop working; what runs may end."""
        if self._stop.is_set():
            return
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        atexit.unregister(self.close)
        self._store.close()

    @property
    def is_closed(self) -> bool:
        """Whether it has ended its work."""
        return self._stop.is_set()


def _seconds(value: Any) -> Any:
    """Return a time as requests spell it."""
    return value.timestamp() if isinstance(value, datetime) else value
