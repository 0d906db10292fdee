"""Signature version 4: who signed a request, in its header or in a presigned address (`api.md` §17)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import BinaryIO
from urllib.parse import quote, unquote

from open_model_monitor.errors import Refused
from open_model_monitor.server.chunked import ChunkedBody, ChunkSeal
from open_model_monitor.server.messages import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
# What S3 takes in place of the body's digest.
SPECIAL = (UNSIGNED, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", SIGNED_CHUNKS, f"{SIGNED_CHUNKS}-TRAILER")
LONGEST_PRESIGNED = 604_800  # seconds: a week

# What is wrong, in the words of the JSON services, of the Query services and of S3.
WORDS = {
    "missing": ("MissingAuthenticationTokenException", "MissingAuthenticationToken", "AccessDenied"),
    "malformed": ("IncompleteSignatureException", "IncompleteSignature", "AuthorizationHeaderMalformed"),
    "parameters": ("", "", "AuthorizationQueryParametersError"),
    "unknown key": ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
    "skewed": ("InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"),
    "late": ("", "", "AccessDenied"),
    "unsigned header": ("InvalidSignatureException", "SignatureDoesNotMatch", "AccessDenied"),
    "other body": ("InvalidSignatureException", "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch"),
    "mismatch": ("InvalidSignatureException", "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
    "token": ("UnrecognizedClientException", "InvalidClientTokenId", "InvalidToken"),
    "expired token": ("ExpiredTokenException", "ExpiredToken", "ExpiredToken"),
}
FORBIDDEN = ("AccessDenied", "InvalidAccessKeyId", "RequestTimeTooSkewed", "SignatureDoesNotMatch")  # of S3


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for, and whose it says it is."""

    access_key: str
    date: str  # yyyymmdd
    region: str
    service: str

    @property
    def text(self) -> str:
        """The scope without the key, as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Credential:
    """A key that we know; one with a token is temporary."""

    access_key: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """Who signed; `seal` verifies the chunks of a body that is signed chunk by chunk."""

    access_key: str
    region: str
    seal: ChunkSeal | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a request says about its signature."""

    scope: Scope
    signed: tuple[str, ...]
    signature: str = field(repr=False)
    moment: datetime
    token: str | None = field(repr=False)
    lifetime: timedelta | None = None  # of a presigned address

    @property
    def stamp(self) -> str:
        return self.moment.strftime("%Y%m%dT%H%M%SZ")


@dataclass(frozen=True, slots=True)
class _Style:
    """How refusals are worded: 0 JSON, 1 Query, 2 S3."""

    column: int

    def refusal(self, what: str, message: str) -> Refused:
        code = WORDS[what][self.column]
        forbidden = self.column == 1 or (self.column == 2 and code in FORBIDDEN)
        return Refused(message, code, 403 if forbidden else 400)


def scope_of(request: HttpRequest) -> Scope | None:
    """Return the scope that a request names, unverified; None if it names none that can be read."""
    try:
        credential = _fields(request.header("authorization") or "").get("Credential")
        return _scope(credential or _parameters(request.query)["X-Amz-Credential"])
    except (KeyError, ValueError):
        return None


def verify(
    request: HttpRequest,
    *,
    secret_of: Callable[[str], Credential | None],
    service: str,
    now: datetime,
    max_skew: timedelta,
    public_hosts: Sequence[str] = (),
    path_prefix: str = "",
    payload_hash: str | None = None,
) -> Verified:
    """Return who signed a request to a service, the name in its scope.

    `public_hosts` are names that a proxy may have replaced in the Host header, `path_prefix` what it may have cut off
    the path; `payload_hash` is the SHA-256 of a body that is not in the request.
    Raises Refused, in the service's words, for whatever is not signed as it must be.
    """
    form = (request.header("content-type") or "").startswith("application/x-www-form-urlencoded")
    style = _Style(2 if service == "s3" else 1 if form else 0)
    claim = _claim(request, service, style)
    credential = secret_of(claim.scope.access_key)
    if credential is None:
        raise style.refusal("unknown key", f"There is no access key {claim.scope.access_key[:128]!r} here")
    _check_scope(claim, service, style)
    _check_time(claim, now, max_skew, style)
    _check_headers(request, claim, service, style)
    actual = payload_hash if payload_hash is not None else sha256(request.body).hexdigest()
    payload = _payload(request, claim, service, actual, style)
    key = signing_key(credential.secret, claim.scope)
    hosts = (request.header("host") or "", *public_hosts)
    paths = {request.path, path_prefix + request.path}  # a proxy may leave the prefix, or cut it
    canonical = [
        canonical_request(request, path, host, claim.signed, payload, service)
        for host in hosts
        for path in paths
    ]
    signatures = [
        _sign(key, f"{ALGORITHM}\n{claim.stamp}\n{claim.scope.text}\n{_hash(one)}") for one in canonical
    ]
    if not any([hmac.compare_digest(one, claim.signature) for one in signatures]):  # noqa: C419 — all, always
        raise style.refusal(
            "mismatch", "The signature is not the one that this key makes; check the secret key"
        )
    _check_token(claim, credential, now, style)
    seal = None
    if payload.startswith(SIGNED_CHUNKS):
        seal = ChunkSeal(
            key, claim.stamp, claim.scope.text, claim.signature, trailing=payload.endswith("TRAILER")
        )
    return Verified(credential.access_key, claim.scope.region, seal)


def decoded_body(request: HttpRequest, body: BinaryIO, verified: Verified | None) -> BinaryIO | ChunkedBody:
    """Return the body of a request to S3 without the frames of `aws-chunked`, verified where its chunks are signed.

    `verified` is what `verify` returned, None where nothing is verified. Reading raises Refused.
    """
    streamed = (request.header("x-amz-content-sha256") or "").startswith("STREAMING-")
    if streamed or "aws-chunked" in (request.header("content-encoding") or "").lower():
        return ChunkedBody(body, verified.seal if verified else None)
    return body


def signing_key(secret: str, scope: Scope) -> bytes:
    """Return the key that signs within a scope."""
    key = b"AWS4" + secret.encode()
    for part in scope.text.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def canonical_request(
    request: HttpRequest, path: str, host: str, signed: Sequence[str], payload: str, service: str
) -> str:
    """Return what both sides agree to sign, whatever proxies and libraries did to blanks, case and order."""
    values = {name: _folded(request, name) for name in signed} | {"host": host}
    headers = "".join(f"{name}:{values[name]}\n" for name in signed)
    uri = canonical_uri(path, service)
    query = canonical_query(request.query)
    return "\n".join([request.method, uri, query, headers, ";".join(signed), payload])


def canonical_uri(path: str, service: str) -> str:
    """Return the path as it is signed: S3 takes it as sent, the others normalise it and encode it again."""
    if service == "s3":
        return path or "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    last = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{last}".encode("latin-1"), safe="/~")


def canonical_query(query: str) -> str:
    """Return the query as it is signed: sorted, without the signature itself."""
    if not query:
        return ""
    encoded = re.sub("%[0-9a-f]{2}", lambda found: found[0].upper(), query, flags=re.IGNORECASE)
    pairs = [part.partition("=")[::2] for part in encoded.split("&")]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs) if name != "X-Amz-Signature")


# ------------------------------------------------------------ what a request claims


def _claim(request: HttpRequest, service: str, style: _Style) -> _Claim:
    header, parameters = request.header("authorization"), _parameters(request.query)
    presigned = service == "s3" and "X-Amz-Signature" in parameters
    if header is not None and presigned:
        raise style.refusal("parameters", "A request is signed in its header or in its address, not in both")
    if header is None and not presigned:
        hint = "; presign with signature_version='s3v4'" if "AWSAccessKeyId" in parameters else ""
        raise style.refusal("missing", f"The request is not signed by {ALGORITHM}{hint}")
    try:
        return _presigned(request.query, parameters) if header is None else _of_header(request, header)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        what = "parameters" if presigned else "malformed"
        raise style.refusal(what, f"The signature is incomplete or malformed: {error}") from None


def _of_header(request: HttpRequest, header: str) -> _Claim:
    if not header.startswith(f"{ALGORITHM} "):
        raise ValueError(f"the scheme is not {ALGORITHM}")
    fields = _fields(header)
    return _Claim(
        scope=_scope(fields["Credential"]),
        signed=_names(fields["SignedHeaders"]),
        signature=_hex(fields["Signature"]),
        moment=_moment(request.header("x-amz-date"), request.header("date")),
        token=request.header("x-amz-security-token"),
    )


def _presigned(query: str, parameters: dict[str, str]) -> _Claim:
    if parameters.get("X-Amz-Algorithm") != ALGORITHM:
        raise ValueError(f"X-Amz-Algorithm is not {ALGORITHM}")
    if len(re.findall(r"(?:^|&)X-Amz-", query)) != sum(name.startswith("X-Amz-") for name in parameters):
        raise ValueError("a parameter is repeated")
    lifetime = parameters["X-Amz-Expires"]
    if not re.fullmatch("[0-9]{1,6}", lifetime) or not 1 <= int(lifetime) <= LONGEST_PRESIGNED:
        raise ValueError(f"X-Amz-Expires must be from 1 to {LONGEST_PRESIGNED}")
    return _Claim(
        scope=_scope(parameters["X-Amz-Credential"]),
        signed=_names(parameters["X-Amz-SignedHeaders"]),
        signature=_hex(parameters["X-Amz-Signature"]),
        moment=_moment(parameters["X-Amz-Date"], None),
        token=parameters.get("X-Amz-Security-Token"),
        lifetime=timedelta(seconds=int(lifetime)),
    )


def _fields(header: str) -> dict[str, str]:
    parts = [part.strip().partition("=")[::2] for part in header.partition(" ")[2].split(",")]
    if len(dict(parts)) != len(parts):
        raise ValueError("a part of the header is repeated")
    return dict(parts)


def _parameters(query: str) -> dict[str, str]:
    return {
        unquote(name): unquote(value) for name, _, value in (part.partition("=") for part in query.split("&"))
    }


def _scope(credential: str) -> Scope:
    found = re.fullmatch("([^/]+)/([0-9]{8})/([^/]+)/([^/]+)/aws4_request", credential)
    if found is None:
        raise ValueError("Credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request")
    return Scope(*found.groups())


def _names(text: str) -> tuple[str, ...]:
    names = text.split(";")
    if names != sorted({name.lower() for name in names}) or "host" not in names:
        raise ValueError("SignedHeaders must be lower-case, sorted, each once, with host")
    return tuple(names)


def _hex(signature: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", signature):
        raise ValueError("Signature must be 64 hexadecimal digits")
    return signature


def _moment(stamp: str | None, date: str | None) -> datetime:
    if stamp is None and date is not None:
        moment = parsedate_to_datetime(date)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not re.fullmatch("[0-9]{8}T[0-9]{6}Z", stamp or ""):
        raise ValueError("X-Amz-Date must be YYYYMMDDTHHMMSSZ")
    return datetime.strptime(stamp or "", "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


# ------------------------------------------------------------ whether it holds


def _check_scope(claim: _Claim, service: str, style: _Style) -> None:
    if claim.scope.service != service:
        message = f"The signature is for the service {claim.scope.service!r}, and {service!r} is asked"
        raise style.refusal("mismatch", message)
    if claim.scope.date != claim.stamp[:8]:
        raise style.refusal("mismatch", "The day of the credential is not the day of the request")


def _check_time(claim: _Claim, now: datetime, max_skew: timedelta, style: _Style) -> None:
    if claim.lifetime is None and abs(now - claim.moment) > max_skew:
        message = f"The request was signed at {claim.stamp}, and the clock here says {now:%Y%m%dT%H%M%SZ}"
        raise style.refusal("skewed", message)
    if claim.lifetime is not None and claim.moment - now > max_skew:
        raise style.refusal("late", f"The address is not valid before {claim.stamp}")
    if claim.lifetime is not None and now > claim.moment + claim.lifetime:
        raise style.refusal("late", "Request has expired")


def _check_headers(request: HttpRequest, claim: _Claim, service: str, style: _Style) -> None:
    present = {name for name, _ in request.headers}
    required = {name for name in present if name.startswith("x-amz-")}
    if service != "s3":
        required |= present & {"content-type"}
    if unsigned := required - set(claim.signed):
        raise style.refusal("unsigned header", f"Headers that are not signed: {', '.join(sorted(unsigned))}")
    if absent := set(claim.signed) - present:
        raise style.refusal("mismatch", f"Signed headers that did not arrive: {', '.join(sorted(absent))}")


def _payload(request: HttpRequest, claim: _Claim, service: str, actual: str, style: _Style) -> str:
    if claim.lifetime is not None:
        return UNSIGNED
    claimed = request.header("x-amz-content-sha256")
    if claimed is None or (service == "s3" and claimed in SPECIAL):
        return claimed or actual
    if claimed != actual:
        raise style.refusal("other body", "The body is not the one that x-amz-content-sha256 tells")
    return claimed


def _check_token(claim: _Claim, credential: Credential, now: datetime, style: _Style) -> None:
    if not hmac.compare_digest((claim.token or "").encode(), (credential.token or "").encode()):
        raise style.refusal("token", "The security token is not the one of this key")
    if credential.expires is not None and now >= credential.expires:
        raise style.refusal("expired token", "The security token has expired")


def _folded(request: HttpRequest, name: str) -> str:
    values = [value for key, value in request.headers if key == name]
    return ",".join(re.sub("[ \t]+", " ", value).strip() for value in values)


def _hash(text: str) -> str:
    return sha256(text.encode("latin-1")).hexdigest()


def _sign(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
