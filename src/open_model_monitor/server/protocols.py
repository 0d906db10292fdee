"""Who is asked, in which protocol; bodies in and out, errors in the caller's words (`api.md` §1).

AWS JSON (SageMaker, Logs, CloudWatch), Query with XML (STS, IAM, SNS, CloudWatch of older clients), REST (S3). CBOR,
which some clients prefer for CloudWatch, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import msgspec

from open_model_monitor.errors import ApiError, Denied, Misshapen, StoreError
from open_model_monitor.server.messages import HttpRequest, HttpResponse
from open_model_monitor.server.signatures import scope_of

JSON = dict[str, Any]
Protocol = Literal["json", "query", "cbor", "rest"]

_TARGETS = {
    "SageMaker.": "sagemaker",
    "Logs_20140328.": "logs",
    "GraniteServiceVersion20100801.": "monitoring",
}
_QUERY_SERVICES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sns": "https://sns.amazonaws.com/doc/2010-03-31/",
    "monitoring": "http://monitoring.amazonaws.com/doc/2010-08-01/",
}
_INVOCATION = re.compile(r"/endpoints/[^/]+/(invocations|async-invocations|invocations-response-stream)")
_MEMBER = re.compile(r"[A-Za-z0-9_]{1,128}")
MAX_FIELDS, MAX_DEPTH = 5000, 10
# Members that hold times, which Query's XML writes in words.
_TIMES = ("Timestamp", "CreateDate", "Expiration", "Timestamps")


@dataclass(frozen=True, slots=True)
class Route:
    """Who is asked. `operation` is known before the body is read only where a header names it."""

    service: str
    protocol: Protocol
    operation: str | None = None
    version: str = "1.1"  # of JSON


def route(request: HttpRequest, *, base_path: str = "") -> Route:
    """Return who a request is for."""
    target = request.header("x-amz-target") or ""
    for prefix, service in _TARGETS.items():
        if target.startswith(prefix):
            version = "1.0" if service == "monitoring" else "1.1"
            return Route(service, "json", target[len(prefix) :][:128], version)
    path = request.path.removeprefix(base_path)
    if request.header("smithy-protocol") == "rpc-v2-cbor":
        return Route("monitoring", "cbor", path.rpartition("/")[2][:128])
    scope = scope_of(request)
    named = scope.service if scope is not None else ""
    form = (request.header("content-type") or "").startswith("application/x-www-form-urlencoded")
    if form and request.method == "POST" and named in _QUERY_SERVICES:
        return Route(named, "query")
    if named == "sagemaker" and _INVOCATION.fullmatch(path):
        return Route("runtime", "json", "InvokeEndpoint")
    if target or named not in ("", "s3"):
        return Route("unknown", "json", target[:128] or None)
    return Route("s3", "rest")


def read(request: HttpRequest, found: Route) -> tuple[str, Any]:
    """Return the operation and the request of a body.

    Raises Misshapen if it cannot be read, ApiError for CBOR.
    """
    if found.protocol == "query":
        return _read_query(request.body)
    if found.protocol == "cbor":
        raise Misshapen("CBOR is not spoken here; tell the client to use JSON or Query")
    if found.service not in ("sagemaker", "logs", "monitoring"):
        return found.operation or f"{request.method} {request.path[:64]}", {}
    if b"\\u0000" in request.body:  # no name or text has one, and PostgreSQL takes none
        raise Misshapen("The body holds a NUL character")
    try:
        return found.operation or "", msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Misshapen(f"The body is not JSON: {error}") from None


def _read_query(body: bytes) -> tuple[str, JSON]:
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=False, max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise Misshapen(f"The body is no form: {error}") from None
    fields = dict(pairs)
    operation = fields.pop("Action", "")
    fields.pop("Version", None)
    tree: JSON = {}
    for name, value in fields.items():
        parts = name.split(".")
        if len(parts) > MAX_DEPTH or not all(map(_MEMBER.fullmatch, parts)):
            raise Misshapen(f"{name[:64]!r} is no name of a parameter")
        node = tree
        for part in parts[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise Misshapen(f"{name[:64]!r} contradicts another parameter")
        node[parts[-1]] = value
    return operation[:128], {name: _listed(value) for name, value in tree.items()}


def _listed(value: Any) -> Any:
    """Turn `{"member": {"1": …, "2": …}}` into a list."""
    if not isinstance(value, dict):
        return value
    members = value.get("member")
    if isinstance(members, dict) and all(key.isdecimal() for key in members):
        return [_listed(members[key]) for key in sorted(members, key=int)]
    return {name: _listed(one) for name, one in value.items()}


# ------------------------------------------------------------ answers


def answer(found: Route, operation: str, result: JSON, request_id: str) -> HttpResponse:
    """Return the response with a result."""
    if found.protocol == "query":
        text = (
            f'<{operation}Response xmlns="{_QUERY_SERVICES[found.service]}"><{operation}Result>'
            f"{''.join(_xml(result))}</{operation}Result>"
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
        )
        return HttpResponse(200, _headers("text/xml", request_id), text.encode())
    body = msgspec.json.encode(result) if result else b"{}" if found.version == "1.0" else b""
    return HttpResponse(200, _headers(f"application/x-amz-json-{found.version}", request_id), body)


def refuse(found: Route, error: Exception, request_id: str, *, head: bool = False) -> HttpResponse:
    """Return the response that tells an error in the caller's words; of what nobody foresaw it says nothing."""
    code, status, message = _told(error)
    if found.protocol == "query":
        fault = "Sender" if status < 500 else "Receiver"
        text = (
            f'<ErrorResponse xmlns="{_QUERY_SERVICES[found.service]}"><Error><Type>{fault}</Type>'
            f"<Code>{escape(code)}</Code><Message>{escape(_plain(message))}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return HttpResponse(status, _headers("text/xml", request_id), text.encode())
    if found.protocol == "rest":
        if isinstance(error, Denied):  # S3 has another word
            code, status = "AccessDenied", 403
        text = (
            f"<Error><Code>{escape(code)}</Code><Message>{escape(_plain(message))}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        body = b"" if head else ('<?xml version="1.0" encoding="UTF-8"?>' + text).encode()
        return HttpResponse(status, _headers("application/xml", request_id), body)
    headers = _headers(f"application/x-amz-json-{found.version}", request_id) | {"x-amzn-ErrorType": code}
    if found.service == "monitoring":
        headers["x-amzn-query-error"] = f"{code};{'Sender' if status < 500 else 'Receiver'}"
    return HttpResponse(status, headers, msgspec.json.encode({"__type": code, "message": message}))


def too_large(found: Route, request_id: str) -> HttpResponse:
    """Return the answer to a body that is larger than what is read."""
    error = ApiError("The body is larger than what is accepted")
    error.code, error.status = "RequestEntityTooLargeException", 413
    return refuse(found, error, request_id)


def _told(error: Exception) -> tuple[str, int, str]:
    if isinstance(error, ApiError):
        return error.code, error.status, str(error)
    if isinstance(error, StoreError):
        return "ServiceUnavailable", 503, "The service is not available for a moment; try again"
    return "InternalFailure", 500, "An internal failure; the server's log tells more under this request's id"


def _headers(content_type: str, request_id: str) -> dict[str, str]:
    return {"content-type": content_type, "x-amzn-requestid": request_id}


def _xml(value: Any, name: str = "") -> Iterator[str]:
    """Yield a value as Query writes it: lists as members, times in words."""
    if isinstance(value, dict):
        for member, one in value.items():
            if one is not None:
                yield f"<{member}>"
                yield from _xml(one, member)
                yield f"</{member}>"
    elif isinstance(value, list):
        for one in value:
            yield "<member>"
            yield from _xml(one, name)
            yield "</member>"
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, datetime):
        yield value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    elif isinstance(value, int | float) and name.endswith(_TIMES):
        yield datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        yield escape(_plain(str(value)))


def _plain(text: str) -> str:
    """Leave out what XML cannot hold."""
    return re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
