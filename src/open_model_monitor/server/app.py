"""One listener: who is asked, who asks, an answer; health, readiness and metrics below `/_omm/`."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.errors import ApiError, Misshapen, StoreError, UnknownOperation
from open_model_monitor.server import protocols
from open_model_monitor.server.exposition import Exposition
from open_model_monitor.server.identify import Identify
from open_model_monitor.server.messages import HttpRequest, HttpResponse
from open_model_monitor.server.protocols import Route
from open_model_monitor.server.signatures import Verified

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20  # of everything but objects
MAX_OBJECT = 5 << 30
SPOOLED = 1 << 20  # bodies of objects beyond it go to disk

Answer = Callable[[str, dict[str, Any], Caller], dict[str, Any]]
AnswerObject = Callable[[HttpRequest, BinaryIO, Caller, Verified | None], HttpResponse]


@dataclass(frozen=True, slots=True)
class Standins:
    """What answers beside SageMaker's operations, by service: operations, and objects where S3 is answered here."""

    operations: Mapping[str, Answer]
    objects: AnswerObject | None = None


class TooLarge(Exception):
    """The body is larger than what is read."""


class App:
    """Answers HTTP requests; `asgi` is what a server runs."""

    def __init__(
        self,
        service: Service,
        identify: Identify,
        standins: Standins,
        exposition: Exposition,
        *,
        pages: Sequence[BaseRoute] = (),
        home: str = "",
    ) -> None:
        self._service, self._identify = service, identify
        self._standins, self._exposition = standins, exposition
        self._home = home  # where a browser is sent that asks for nothing in particular
        self.draining = False
        methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
        self.asgi = Starlette(
            routes=[
                Path("/_omm/health", self._health),
                Path("/_omm/ready", self._ready),
                Path("/_omm/metrics", self._metrics),
                *pages,
                Path("/{rest:path}", self._any, methods=methods),
            ]
        )

    # ------------------------------------------------------------ operating

    async def _health(self, request: Request) -> Response:
        """The process lives."""
        return JSONResponse({"status": "ok"})

    async def _ready(self, request: Request) -> Response:
        """The database answers, and the server is not about to stop."""
        if self.draining:
            return JSONResponse({"status": "draining"}, 503)
        try:
            await run_in_threadpool(self._service.store.ping)
        except StoreError as error:
            log.error("not ready: %s", error)
            return JSONResponse({"status": "database unavailable"}, 503)
        return JSONResponse({"status": "ready"})

    async def _metrics(self, request: Request) -> Response:
        """Prometheus asks."""
        text, content_type = await run_in_threadpool(self._exposition.text)
        return PlainTextResponse(text, media_type=content_type)

    # ------------------------------------------------------------ the API

    async def _any(self, request: Request) -> Response:
        started, request_id = time.perf_counter(), str(uuid.uuid4())
        asked = _asked(request)
        if self._home and _is_browser(asked, self._service.settings.path_prefix):
            return RedirectResponse(self._home, 303)
        route = protocols.route(asked, base_path=self._service.settings.path_prefix)
        try:
            if route.service == "s3" and self._standins.objects is not None:
                answer = await self._object(request, asked, route, request_id)
            else:
                body = await _body(request, MAX_BODY)
                asked = HttpRequest(asked.method, asked.path, asked.query, asked.headers, body, asked.peer)
                answer = await run_in_threadpool(self._operation, asked, route, request_id)
        except TooLarge:
            answer = protocols.too_large(route, request_id)
        except ClientDisconnect:
            answer = HttpResponse(400, {}, b"")
        seconds = time.perf_counter() - started
        self._exposition.answered(route.service, route.operation or asked.method, answer.status, seconds)
        log.info(
            "request service=%s operation=%s status=%d ms=%.1f peer=%s id=%s",
            route.service, route.operation or asked.method, answer.status, 1000 * seconds, asked.peer, request_id,
        )  # fmt: skip
        return _response(answer)

    def _operation(self, asked: HttpRequest, route: Route, request_id: str) -> HttpResponse:
        try:
            caller, _ = self._identify.caller(asked, route, request_id)
            if self.draining:
                raise StoreError("The server is about to stop; try another one, or again", retry=True)
            operation, request = protocols.read(asked, route)
            answer = self._ask(route.service, operation, request, caller)
            return protocols.answer(route, operation, answer, request_id)
        except Exception as error:
            return protocols.refuse(route, _known(error), request_id)

    def _ask(self, service: str, operation: str, request: Any, caller: Caller) -> dict[str, Any]:
        if service == "sagemaker":
            return self._service.call(operation, request, caller)
        standin = self._standins.operations.get(service)
        if standin is None:
            raise UnknownOperation(
                f"Open Model Monitor does not answer {service} here ({operation}); `omm serve --local` does, or "
                f"set the client's own endpoint for it"
            )
        if not isinstance(request, dict):
            raise Misshapen("The body must be a JSON object")
        return standin(operation, request, caller)

    async def _object(
        self, request: Request, asked: HttpRequest, route: Route, request_id: str
    ) -> HttpResponse:
        with tempfile.SpooledTemporaryFile(SPOOLED) as body:
            digest = await _spool(request, cast(BinaryIO, body), MAX_OBJECT)
            return await run_in_threadpool(
                self._answer_object, asked, cast(BinaryIO, body), digest, route, request_id
            )

    def _answer_object(
        self, asked: HttpRequest, body: BinaryIO, digest: str, route: Route, request_id: str
    ) -> HttpResponse:
        assert self._standins.objects is not None  # noqa: S101 — asked before
        try:
            caller, verified = self._identify.caller(asked, route, request_id, payload_hash=digest)
            return self._standins.objects(asked, body, caller, verified)
        except Exception as error:
            return protocols.refuse(route, _known(error), request_id, head=asked.method == "HEAD")


def _is_browser(asked: HttpRequest, prefix: str) -> bool:
    """Whether a person asks for the server's first page; clients of S3 list buckets there."""
    first = asked.method == "GET" and asked.path.removeprefix(prefix) in ("", "/") and not asked.query
    return first and "text/html" in (asked.header("accept") or "") and asked.header("authorization") is None


def _known(error: Exception) -> Exception:
    """Return an error as it may be told; what nobody foresaw is logged whole, and told as an internal failure."""
    if not isinstance(error, ApiError | StoreError):
        log.exception("a request failed; this is a bug of ours", exc_info=error)
    return error


def _asked(request: Request) -> HttpRequest:
    scope = request.scope
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return HttpRequest(
        method=request.method,
        path=raw_path.decode("latin-1").partition("?")[0],
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
        body=b"",
        peer=request.client.host if request.client else "",
    )


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge
    return bytes(body)


async def _spool(request: Request, body: BinaryIO, limit: int) -> str:
    """Write the body into a file; returns its SHA-256."""
    digest, size = hashlib.sha256(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge
        digest.update(chunk)
        body.write(chunk)
    body.seek(0)
    return digest.hexdigest()


def _response(answer: HttpResponse) -> Response:
    # Objects are anybody's content under the address of our pages: nothing in them runs in a browser.
    headers = {**answer.headers, "content-security-policy": "sandbox", "x-content-type-options": "nosniff"}
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, headers)
    return StreamingResponse(answer.body, answer.status, headers)
