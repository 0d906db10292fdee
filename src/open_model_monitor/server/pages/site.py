"""The pages as routes of the server: who looks, is the form ours, what is answered, under which headers."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Sequence
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from open_model_monitor.errors import ApiError, Denied, MonitorError, NotFound, Refused, StoreError
from open_model_monitor.server.identify import Identify
from open_model_monitor.server.messages import HttpRequest
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.rendering import Look, Templates, asset
from open_model_monitor.server.pages.sessions import COOKIE, SECONDS, PageSession, opened, sealed
from open_model_monitor.server.pages.visits import Address, Data, Download, Page, Redirect, Result, Visit

log = logging.getLogger(__name__)

ROOT = "/ui"  # no bucket has so short a name, so S3's paths stay free
MAX_FIELDS = 64
STATIC = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
ACROSS_SITES = ("cross-site", "same-site")


class Site:
    """Answers the addresses it is given; `routes` is what the server mounts."""

    def __init__(self, desk: Desk, identify: Identify, addresses: Sequence[Address]) -> None:
        self._desk, self._identify = desk, identify
        self._prefix = desk.settings.path_prefix.rstrip("/")
        self.root = f"{self._prefix}{ROOT}"
        self._templates = Templates(self.root)
        roots = dict.fromkeys((ROOT, self.root))  # a proxy may cut the prefix off, or leave it
        self.routes: list[BaseRoute] = [
            route for root in roots for route in (*self._own(root), *self._made(root, addresses))
        ]

    def _own(self, root: str) -> list[BaseRoute]:
        return [
            Route(f"{root}/static/{{path:path}}", self._static),
            Route(f"{root}/sign-in", self._sign_in, methods=["GET", "POST"]),
            Route(f"{root}/sign-out", self._sign_out, methods=["POST"]),
        ]

    def _made(self, root: str, addresses: Sequence[Address]) -> list[BaseRoute]:
        made: list[BaseRoute] = []
        for address in addresses:
            for twin in (True, False) if address.method == "GET" else (False,):
                path = f"{root}{address.path}"
                path = f"{path.rstrip('/')}.json" if twin and address.path != "/" else path
                if twin and address.path == "/":
                    continue
                made.append(Route(path, self._endpoint(address, twin), methods=[address.method]))
        return made

    # ------------------------------------------------------------ one visit

    def _endpoint(self, address: Address, twin: bool):  # type: ignore[no-untyped-def]
        async def endpoint(request: Request) -> Response:
            try:
                body = await _body(request, address.max_body) if address.method == "POST" else b""
            except ClientDisconnect:
                return Response(status_code=400)
            return await run_in_threadpool(self._answer, address, request, body, twin)

        return endpoint

    def _answer(self, address: Address, request: Request, body: bytes | None, twin: bool) -> Response:
        session = opened(request.cookies.get(COOKIE), self._desk.keyring) or PageSession.start()
        look = Look.of(request.cookies, session.csrf)
        try:
            return self._respond(
                self._result(address, request, body, session, look), look, session, request, twin
            )
        except _SignIn:
            if twin or request.headers.get("accept") == "application/json":
                return self._respond(Data({"error": "Sign in first"}, 401), look, session, request, twin)
            there = urlencode({"next": f"{request.url.path.removeprefix(self._prefix)}?{request.url.query}"})
            return self._respond(Redirect(f"/sign-in?{there}"), look, session, request, twin)
        except Exception as error:
            status, told = _told(error)
            as_data = twin or request.headers.get("accept") == "application/json"
            result: Result = Data({"error": told}, status) if as_data else _refusal(status, told)
            return self._respond(result, look, session, request, twin)

    def _result(
        self, address: Address, request: Request, body: bytes | None, session: PageSession, look: Look
    ) -> Result:
        caller = self._identify.visitor(_asked(request), session.access_key, str(uuid.uuid4()))
        if caller is None:
            raise _SignIn
        look.caller = caller
        form = self._form(request, body, session) if address.method == "POST" else {}
        visit = Visit(
            caller, self._desk.service.clock(), dict(request.path_params), dict(request.query_params), form
        )
        visit.need(*address.scopes)
        return address.view(self._desk, visit)

    def _form(self, request: Request, body: bytes | None, session: PageSession) -> dict[str, str]:
        """Return the fields of a form of ours.

        Raises Denied for one that another site's page sent, ApiError for one that is too large.
        """
        if body is None:
            raise ApiError("The form is larger than what is accepted")
        if request.headers.get("sec-fetch-site") in ACROSS_SITES:
            raise Denied("Forms of other sites' pages are refused")
        fields = _fields(body)
        given = request.headers.get("x-csrf-token") or fields.pop("csrf", "")
        if not session.sent_by_us(given):
            raise Denied("This form is not of your session, or too old; load its page again")
        return fields

    # ------------------------------------------------------------ signing in

    async def _sign_in(self, request: Request) -> Response:
        body = await _body(request, 16 << 10) if request.method == "POST" else b""
        return await run_in_threadpool(self._signed_in, request, body)

    def _signed_in(self, request: Request, body: bytes | None) -> Response:
        session = opened(request.cookies.get(COOKIE), self._desk.keyring) or PageSession.start()
        look = Look.of(request.cookies, session.csrf)
        there = request.query_params.get("next", "")
        failure = None
        if request.method == "POST":
            try:
                fields = self._form(request, body, session)
                there = fields.get("next", "")
                key = fields.get("access_key", "").strip()
                peer = request.client.host if request.client else ""
                if self._identify.sign_in(key, fields.get("secret", "").strip(), peer):
                    return self._respond(
                        Redirect(_inside(there)), look, PageSession.start(key), request, False
                    )
                failure = "This access key and secret are not known together, or the key is no longer valid."
            except ApiError as error:
                failure = str(error)
        page = Page("sign_in.html", {"next": there, "failure": failure}, status=403 if failure else 200)
        return self._respond(page, look, session, request, False)

    async def _sign_out(self, request: Request) -> Response:
        body = await _body(request, 16 << 10)
        session = opened(request.cookies.get(COOKIE), self._desk.keyring) or PageSession.start()
        try:
            self._form(request, body, session)
        except ApiError as error:
            return Response(str(error), 403, media_type="text/plain")
        return self._respond(
            Redirect("/sign-in"), Look.of(request.cookies, ""), PageSession.start(), request, False
        )

    # ------------------------------------------------------------ answers

    def _respond(
        self, result: Result, look: Look, session: PageSession, request: Request, twin: bool
    ) -> Response:
        nonce = secrets.token_urlsafe(16)
        match result:
            case Page() if twin:
                known = result.twin is not None or result.status != 200
                value = result.twin if known else {"error": "This page has no JSON"}
                response = _json(value, result.status if known else 404)
            case Page():
                html = self._templates.render(result.template, result.values, look, nonce, request)
                response = Response(html, result.status, media_type="text/html")
            case Redirect():
                to = f"{self.root}{result.to}"
                to += f"{'&' if '?' in to else '?'}done={quote(result.done)}" if result.done else ""
                response = Response(status_code=303, headers={"location": to})
            case Download():
                response = Response(result.content, media_type=result.media_type)
                name = quote(result.name)
                response.headers["content-disposition"] = f"attachment; filename*=UTF-8''{name}"
            case Data():
                response = _json(result.value, result.status)
        response.headers.update(_headers(nonce))
        if opened(request.cookies.get(COOKIE), self._desk.keyring) != session:
            self._keep(session, response, request)
        return response

    def _keep(self, session: PageSession, response: Response, request: Request) -> None:
        address = self._desk.settings.public_url or str(request.url)
        response.set_cookie(
            COOKIE,
            sealed(session, self._desk.keyring),
            max_age=SECONDS,
            path=f"{self.root}",
            secure=address.startswith("https:"),
            httponly=True,
            samesite="lax",  # links in alerts and mails must find who is signed in
        )

    async def _static(self, request: Request) -> Response:
        path = request.path_params["path"]
        file, kind = asset(path), STATIC.get(path.rpartition(".")[2])
        if kind is None or file is None:
            return Response(status_code=404)
        fresh = request.query_params.get("v") is not None  # the address changes with the content
        age = "public, max-age=31536000, immutable" if fresh else "no-cache"
        headers = {"cache-control": age, "x-content-type-options": "nosniff"}
        return Response(await run_in_threadpool(file.read_bytes), media_type=kind, headers=headers)


class _SignIn(Exception):
    """Nobody is signed in."""


def _headers(nonce: str) -> dict[str, str]:
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cache-control": "no-store",
    }


def _json(value: object, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _refusal(status: int, told: str) -> Page:
    titles = {403: "You may not do this", 404: "Not found", 503: "Not available for a moment"}
    return Page("error.html", {"title": titles.get(status, "This did not work"), "told": told}, status=status)


def _told(error: Exception) -> tuple[int, str]:
    """Return the status and the sentence for an error; what nobody foresaw is logged whole and told as such."""
    if isinstance(error, NotFound):
        return 404, str(error)
    if isinstance(error, Denied):
        return 403, str(error)
    if isinstance(error, Refused):
        return 429, str(error)
    if isinstance(error, StoreError):
        return 503, "The database does not answer for a moment; try again"
    if isinstance(error, MonitorError):
        return 400, str(error)
    log.exception("a page failed; this is a bug of ours", exc_info=error)
    return 500, "An internal failure; the server's log tells more"


async def _body(request: Request, limit: int) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise ApiError(f"The form cannot be read: {error}") from None
    return {name: value.replace("\r\n", "\n").replace("\0", "") for name, value in pairs}


def _inside(there: str) -> str:
    """Return where to go after signing in: a page of ours, or the first one."""
    if not there.startswith(f"{ROOT}/") or urlsplit(there).netloc or "\\" in there:
        return "/"
    return there.removeprefix(ROOT)


def _asked(request: Request) -> HttpRequest:
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]
    )
    peer = request.client.host if request.client else ""
    return HttpRequest(request.method, request.url.path, request.url.query, headers, b"", peer)
