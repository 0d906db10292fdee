"""Middleware for WSGI applications: Flask, Django and their like."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from open_model_monitor.recording.http import Exchange, Paths, selector
from open_model_monitor.recording.recorder import Recorder


class WsgiCaptureMiddleware:
    """Records the requests and answers of a WSGI application.

        app.wsgi_app = WsgiCaptureMiddleware(app.wsgi_app, recorder, paths=["/invocations"])

    As `CaptureMiddleware`; since WSGI tells nobody when it ends, the recorder closes when the process does.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        recorder: Recorder,
        paths: Paths = None,
        methods: Collection[str] = ("POST",),
    ) -> None:
        self._app, self._recorder = app, recorder
        self._is_selected, self._methods = selector(paths), frozenset(methods)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
        if (
            environ.get("REQUEST_METHOD") not in self._methods
            or not self._is_selected(path)
            or not self._recorder.is_sampled()
        ):
            return self._app(environ, start_response)
        exchange = Exchange.begin(self._recorder, time.time(), _headers(environ))
        watched = {**environ, "wsgi.input": _Watched(environ["wsgi.input"], exchange)}

        def starting(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            exchange.status = int(status.split(" ", 1)[0])
            exchange.content_type = next((v for name, v in headers if name.lower() == "content-type"), None)
            return start_response(status, headers, *more)

        return _Answer(self._app(watched, starting), exchange)


def _headers(environ: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            yield name[5:].replace("_", "-").lower(), value
    if environ.get("CONTENT_TYPE"):
        yield "content-type", environ["CONTENT_TYPE"]


class _Watched:
    """A request's body that notes what is read of it."""

    def __init__(self, stream: Any, exchange: Exchange) -> None:
        self._stream, self._exchange = stream, exchange

    def _noted(self, piece: bytes) -> bytes:
        self._exchange.pass_by(self._exchange.sent, piece)
        return piece

    def read(self, *size: int) -> bytes:
        return self._noted(self._stream.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._noted(self._stream.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        return [self._noted(line) for line in self._stream.readlines(*hint)]

    def __iter__(self) -> Iterator[bytes]:
        return map(self._noted, self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Answer:
    """An answer that notes what is sent of it, and is recorded when the last of it was."""

    def __init__(self, pieces: Iterable[bytes], exchange: Exchange) -> None:
        self._pieces, self._exchange = pieces, exchange

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._exchange.pass_by(self._exchange.received, piece)
            yield piece
        self._exchange.end()

    def close(self) -> None:
        """Let the application tidy up."""
        if hasattr(self._pieces, "close"):
            self._pieces.close()
