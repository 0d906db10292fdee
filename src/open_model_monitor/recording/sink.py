"""An ASGI application that takes CloudEvents of inference loggers and records them as captures."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

import msgspec

from open_model_monitor.errors import UsageError
from open_model_monitor.recording.asgi import Receive, Scope, Send, outlive
from open_model_monitor.recording.cloud_events import LoggedHalf, Pairs, halves_of
from open_model_monitor.recording.recorder import Recorder, is_name

log = logging.getLogger(__name__)

MOST_SERVICES = 1000
MAX_BODY = 32 << 20


class CaptureSink:
    """Where the logger of KServe, or of anybody who speaks CloudEvents, posts requests and answers.

    Each inference service becomes an endpoint below `destination`; `options` are those of `Recorder`. The event's id
    is that of the capture, so labels are matched by it. GET says what was counted. Whoever reaches it may write: let
    only your cluster do so.
    """

    def __init__(self, destination: str | os.PathLike[str], **options: Any) -> None:
        self._destination, self._options = destination, options
        self._recorders: dict[str, Recorder] = {}
        self._pairs, self._guard = Pairs(), threading.Lock()

    def counts(self) -> dict[str, Any]:
        """Return what was counted: by service, and halves that wait or were given up."""
        services = {name: one.counts.to_dict() for name, one in sorted(self._recorders.items())}
        return {"services": services, "waiting": len(self._pairs), "unmatched": self._pairs.unmatched}

    def take(self, half: LoggedHalf) -> None:
        """Take a request or an answer.

        Raises UsageError for a service whose name cannot be that of an endpoint, and for too many services.
        """
        recorder = self._recorder(half.service)
        with self._guard:
            prediction = self._pairs.add(half, time.time())
        if prediction is not None and recorder.is_sampled():
            recorder.take(prediction)

    def _recorder(self, service: str) -> Recorder:
        with self._guard:
            if service not in self._recorders:
                if not is_name(service):
                    raise UsageError(f"{service!r} cannot be the name of an endpoint")
                if len(self._recorders) >= MOST_SERVICES:
                    raise UsageError(
                        f"There are captures of {MOST_SERVICES} services already; start another sink"
                    )
                self._recorders[service] = Recorder(self._destination, endpoint=service, **self._options)
            return self._recorders[service]

    def close(self) -> None:
        """Write what waits."""
        for recorder in self._recorders.values():
            recorder.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await outlive(receive, send, self.close)
        elif scope["type"] == "http":
            status, answer = await self._answer(scope, receive)
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": answer})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        if scope["method"] in ("GET", "HEAD"):
            return 200, msgspec.json.encode(self.counts())
        if scope["method"] != "POST":
            return 405, b'{"error":"Post CloudEvents here"}'
        body = await _body(receive)
        if body is None:
            return 413, b'{"error":"The event is too large"}'
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        try:
            for half in halves_of(headers, body):
                self.take(half)
        except UsageError as error:
            log.warning("an event was refused: %s", error)
            return 400, msgspec.json.encode({"error": str(error)})
        return 202, b"{}"


async def _body(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)
