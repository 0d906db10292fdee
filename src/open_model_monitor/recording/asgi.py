"""Middleware for ASGI applications: FastAPI, Starlette, Litestar, Django and their like."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from open_model_monitor.recording.http import Exchange, Paths, selector
from open_model_monitor.recording.recorder import Recorder

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class CaptureMiddleware:
    """Records the requests and answers of an ASGI application, and closes the recorder when it shuts down.

        app.add_middleware(CaptureMiddleware, recorder=recorder, paths=["/invocations"])

    `paths` names the paths whose predictions are recorded, or decides by a function; all if None. Bodies pass by
    unchanged and unbuffered; answers with another status than 2xx are not recorded.
    """

    def __init__(
        self, app: App, recorder: Recorder, paths: Paths = None, methods: Collection[str] = ("POST",)
    ) -> None:
        self._app, self._recorder = app, recorder
        self._is_selected, self._methods = selector(paths), frozenset(methods)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await _live(self._app, scope, receive, send, self._recorder)
        elif (
            scope["type"] != "http"
            or scope["method"] not in self._methods
            or not self._is_selected(scope["path"])
            or not self._recorder.is_sampled()
        ):
            await self._app(scope, receive, send)
        else:
            await self._watch(scope, receive, send)

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        exchange = Exchange.begin(self._recorder, time.time(), headers)

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.pass_by(exchange.sent, message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.content_type = _content_type(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                exchange.pass_by(exchange.received, message.get("body", b""))
                if not message.get("more_body"):
                    exchange.end()

        await self._app(scope, receiving, sending)


def _content_type(headers: Any) -> str | None:
    for name, value in headers:
        if name.lower() == b"content-type":
            return bytes(value).decode("latin-1")
    return None


async def _live(app: App, scope: Scope, receive: Receive, send: Send, recorder: Recorder) -> None:
    """Let an application start and stop; whatever it does about it, the recorder is closed before it is over."""
    heard: list[str] = []
    answered: list[str] = []

    async def receiving() -> Message:
        message = await receive()
        heard.append(message["type"])
        return message

    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.shutdown.complete":
            await asyncio.to_thread(recorder.close)
        answered.append(message["type"])
        await send(message)

    try:
        await app(scope, receiving, sending)
    except Exception:
        if answered:
            await asyncio.to_thread(recorder.close)
            raise
        # It knows no lifespan, which is allowed; the server still tells us when it ends.
        if heard:
            await send({"type": "lifespan.startup.complete"})
        await outlive(receive, send, recorder.close)


async def outlive(receive: Receive, send: Send, close: Callable[[], object]) -> None:
    """Answer a server's start and stop in the place of an application; `close` in between."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(close)
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "lifespan.startup.complete"})
