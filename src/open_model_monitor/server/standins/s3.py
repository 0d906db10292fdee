"""S3 in REST and XML, path style, over the objects on disk."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from itertools import chain
from typing import BinaryIO, Self
from urllib.parse import parse_qsl, quote, unquote
from xml.etree.ElementTree import Element, ParseError

from open_model_monitor.errors import ApiError
from open_model_monitor.server.messages import HttpRequest, HttpResponse
from open_model_monitor.server.standins import checksums, rules, xml
from open_model_monitor.server.standins.checksums import PREFIX, CheckedBody, S3Error
from open_model_monitor.server.standins.objects import CHUNK, About, Entry, Objects, Upload

PAGE = 1000
LONGEST_DOCUMENT = 8 << 20  # a thousand of the longest keys to delete, all escaped, are smaller
LONGEST_KEY = 1024
LARGEST_PUT = 5 << 30
SMALLEST_PART = 5 << 20
BUCKET = re.compile(r"(?!xn--|sthree-|\d+\.\d+\.\d+\.\d+$)[a-z0-9](?!.*\.\.)[a-z0-9.-]{1,61}[a-z0-9]")

# The word in the query that makes another operation of a method; those without a handler are not implemented here.
SUBRESOURCE = re.compile(
    "accelerate|acl|analytics|attributes|cors|delete|encryption|intelligent-tiering|inventory|legal-hold|lifecycle|"
    "location|logging|metrics|notification|object-lock|ownershipControls|policy|policyStatus|publicAccessBlock|"
    "replication|requestPayment|restore|retention|select|tagging|torrent|uploadId|uploads|versionId|versioning|"
    "versions|website"
)


@dataclass(frozen=True, slots=True)
class Call:
    """One request taken apart: `headers` by lower-case name, `query` decoded."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: BinaryIO


class S3:
    """The endpoint: every bucket belongs to `account`. Who may call is settled before."""

    def __init__(self, objects: Objects, account: str) -> None:
        self._objects, self._account = objects, account

    def answer(self, request: HttpRequest, body: BinaryIO) -> HttpResponse:
        """Answer one request, whose body is `body`, verified and decoded; refusals are answers too."""
        try:
            call = _call(request, body)
            self._owned(call)
            return self._handler(call)(call)
        except ApiError as error:
            return refusal(error, request)

    def _handler(self, call: Call) -> Callable[[Call], HttpResponse]:
        level = "object" if call.key else "bucket" if call.bucket else "service"
        word = next((name for name in call.query if SUBRESOURCE.fullmatch(name)), "")
        found = self._handlers().get((call.method, level, word))
        if found is None and word:
            raise S3Error("NotImplemented", 501, f"{call.method} ?{word} is not implemented by this endpoint")
        if found is None:
            raise S3Error("MethodNotAllowed", 405, f"{call.method} is not allowed against a {level}")
        return found

    def _handlers(self) -> dict[tuple[str, str, str], Callable[[Call], HttpResponse]]:
        return {
            ("GET", "service", ""): self._list_buckets,
            ("PUT", "bucket", ""): self._create_bucket,
            ("HEAD", "bucket", ""): self._head_bucket,
            ("DELETE", "bucket", ""): self._delete_bucket,
            ("GET", "bucket", "location"): self._location,
            ("GET", "bucket", "versioning"): self._versioning,
            ("GET", "bucket", "uploads"): self._list_uploads,
            ("GET", "bucket", ""): self._list,
            ("POST", "bucket", "delete"): self._delete_many,
            ("GET", "object", ""): self._get,
            ("HEAD", "object", ""): self._get,
            ("PUT", "object", ""): self._put,
            ("DELETE", "object", ""): self._delete,
            ("GET", "object", "tagging"): self._tags,
            ("PUT", "object", "tagging"): self._tag,
            ("DELETE", "object", "tagging"): self._untag,
            ("POST", "object", "uploads"): self._begin,
            ("PUT", "object", "uploadId"): self._put_part,
            ("GET", "object", "uploadId"): self._list_parts,
            ("POST", "object", "uploadId"): self._complete,
            ("DELETE", "object", "uploadId"): self._abort,
        }

    def _owned(self, call: Call) -> None:
        for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
            if call.headers.get(name, self._account) != self._account:
                raise S3Error("AccessDenied", 403, f"Access Denied: {name} is not {self._account}")

    # Buckets

    def _list_buckets(self, call: Call) -> HttpResponse:
        found = [{"Name": name, "CreationDate": _stamp(created)} for name, created in self._objects.buckets()]
        owner = {"ID": self._account, "DisplayName": self._account}
        return _xml("ListAllMyBucketsResult", {"Owner": owner, "Buckets": {"Bucket": [*found]}})

    def _create_bucket(self, call: Call) -> HttpResponse:
        if not BUCKET.fullmatch(call.bucket):
            raise S3Error("InvalidBucketName", 400, f"{call.bucket} is not a valid bucket name")
        body = _body(call)
        location = _child(_parsed(body), "LocationConstraint") if body else ""
        self._objects.create_bucket(call.bucket, location)
        return HttpResponse(200, {"location": f"/{call.bucket}"}, b"")

    def _head_bucket(self, call: Call) -> HttpResponse:
        return HttpResponse(
            200, {"x-amz-bucket-region": self._objects.location(call.bucket) or "us-east-1"}, b""
        )

    def _delete_bucket(self, call: Call) -> HttpResponse:
        self._objects.delete_bucket(call.bucket)
        return _nothing()

    def _location(self, call: Call) -> HttpResponse:
        return _xml("LocationConstraint", self._objects.location(call.bucket))

    def _versioning(self, call: Call) -> HttpResponse:
        self._objects.location(call.bucket)
        return _xml("VersioningConfiguration", "")

    def _list(self, call: Call) -> HttpResponse:
        query, second = call.query, call.query.get("list-type") == "2"
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        given = query.get("start-after" if second else "marker", "")
        limit = _number(query, "max-keys", PAGE)
        token = query.get("continuation-token") if second else None
        after = _after(given, prefix, delimiter) if token is None else _from_token(token)
        found = self._objects.list(call.bucket, prefix, delimiter, after, limit)
        coded = _coded(query)
        answer: dict[str, xml.Content | list[xml.Content]] = {
            "Name": call.bucket,
            "Prefix": coded(prefix),
            **({"Delimiter": coded(delimiter)} if delimiter else {}),
            **({"EncodingType": "url"} if query.get("encoding-type") == "url" else {}),
            "MaxKeys": limit,
            "IsTruncated": found.after is not None,
            "Contents": [_listed(entry, coded) for entry in found.entries],
            "CommonPrefixes": [{"Prefix": coded(one)} for one in found.prefixes],
        }
        if second:
            answer |= {"KeyCount": len(found.entries) + len(found.prefixes), "StartAfter": coded(given)}
            answer |= {"ContinuationToken": token} if token is not None else {}
            answer |= {"NextContinuationToken": _token(found.after)} if found.after is not None else {}
        else:
            answer |= {"Marker": coded(given)}
            last = (found.after or b"").removesuffix(b"\xff").decode()
            answer |= {"NextMarker": coded(last)} if last else {}
        return _xml("ListBucketResult", answer)

    def _delete_many(self, call: Call) -> HttpResponse:
        root = _parsed(_body(call))
        keys = [_child(one, "Key") for one in root.iter("Object")]
        if not keys or len(keys) > PAGE:
            raise S3Error("MalformedXML", 400, f"Between 1 and {PAGE} objects can be deleted at once")
        for key in keys:
            self._objects.delete(call.bucket, key)
        quiet = _child(root, "Quiet") == "true"
        return _xml("DeleteResult", {} if quiet else {"Deleted": [{"Key": key} for key in keys]})

    # Objects

    def _get(self, call: Call) -> HttpResponse:
        entry, file = self._objects.open(call.bucket, call.key)
        try:
            fresh = rules.fresh(call.headers, entry)
            span = rules.span(call.headers.get("range"), entry.size)
        except S3Error:
            file.close()
            raise
        start, end = span or (0, entry.size)
        headers = _described(entry, call, whole=span is None) | {"content-length": str(end - start)}
        if span:
            headers["content-range"] = f"bytes {start}-{end - 1}/{entry.size}"
        if fresh or call.method == "HEAD":
            file.close()
            kept = ("etag", "last-modified", "cache-control", "expires")
            headers = {name: headers[name] for name in kept if name in headers} if fresh else headers
            return HttpResponse(304 if fresh else 206 if span else 200, headers, b"")
        return HttpResponse(206 if span else 200, headers, _Range(file, start, end))

    def _put(self, call: Call) -> HttpResponse:
        if "x-amz-copy-source" in call.headers:
            return self._copy(call)
        about = About(rules.kept(call.headers), tags=rules.tags_of(call.headers.get("x-amz-tagging", "")))
        if int(call.headers.get("content-length", 0)) > LARGEST_PUT:
            raise S3Error("EntityTooLarge", 400, "An object of more than 5 GiB has to come in parts")
        body = CheckedBody(call.body, call.headers)
        entry = self._objects.put(call.bucket, call.key, body, about, allow=rules.may_replace(call.headers))
        return HttpResponse(200, _written(entry), b"")

    def _copy(self, call: Call) -> HttpResponse:
        source, file = self._source(call)
        with file:
            replaced = call.headers.get("x-amz-metadata-directive", "COPY") == "REPLACE"
            retagged = call.headers.get("x-amz-tagging-directive", "COPY") == "REPLACE"
            if not replaced and _source_of(call) == (call.bucket, call.key):
                raise S3Error("InvalidRequest", 400, "A copy onto itself has to replace the metadata")
            tags = rules.tags_of(call.headers.get("x-amz-tagging", "")) if retagged else source.about.tags
            about = About(rules.kept(call.headers) if replaced else source.about.headers, tags=tags)
            body = CheckedBody(file, {})
            entry = self._objects.put(
                call.bucket, call.key, body, about, allow=rules.may_replace(call.headers)
            )
        return _xml("CopyObjectResult", _copied(entry))

    def _source(self, call: Call) -> tuple[Entry, BinaryIO]:
        entry, file = self._objects.open(*_source_of(call))
        prefix = "x-amz-copy-source-"
        conditions = {
            name.removeprefix(prefix): value for name, value in call.headers.items() if prefix in name
        }
        try:
            if rules.fresh(conditions, entry):
                raise S3Error("PreconditionFailed", 412, "The source is not what the request expects")
        except S3Error:
            file.close()
            raise
        return entry, file

    def _delete(self, call: Call) -> HttpResponse:
        self._objects.delete(call.bucket, call.key, allow=rules.may_replace(call.headers, missing=True))
        return _nothing()

    def _tags(self, call: Call) -> HttpResponse:
        tags = self._objects.get(call.bucket, call.key).about.tags
        return _xml("Tagging", {"TagSet": {"Tag": [{"Key": k, "Value": v} for k, v in tags.items()]}})

    def _tag(self, call: Call) -> HttpResponse:
        pairs = [(_child(tag, "Key"), _child(tag, "Value")) for tag in _parsed(_body(call)).iter("Tag")]
        self._objects.tag(call.bucket, call.key, rules.valid_tags(pairs))
        return HttpResponse(200, {}, b"")

    def _untag(self, call: Call) -> HttpResponse:
        self._objects.tag(call.bucket, call.key, {})
        return _nothing()

    # Uploads in parts

    def _begin(self, call: Call) -> HttpResponse:
        algorithm = call.headers.get("x-amz-checksum-algorithm", "").lower()
        if algorithm not in ("", *checksums.ALGORITHMS):
            raise S3Error("InvalidRequest", 400, f"Checksum algorithm {algorithm} is not known")
        kind = call.headers.get(f"{PREFIX}type", "FULL_OBJECT" if algorithm == "crc64nvme" else "COMPOSITE")
        promised = {"algorithm": algorithm, "type": kind} if algorithm else {}
        about = About(
            rules.kept(call.headers), promised, rules.tags_of(call.headers.get("x-amz-tagging", ""))
        )
        upload = self._objects.begin(call.bucket, call.key, about)
        answer = _xml(
            "InitiateMultipartUploadResult", {"Bucket": call.bucket, "Key": call.key, "UploadId": upload}
        )
        names = {f"x-amz-checksum-{name}": value.upper() for name, value in promised.items()}
        return HttpResponse(200, {**answer.headers, **names}, answer.body)

    def _upload(self, call: Call) -> Upload:
        return self._objects.upload(call.bucket, call.key, call.query["uploadId"])

    def _put_part(self, call: Call) -> HttpResponse:
        number = _number(call.query, "partNumber", 0)
        if not 1 <= number <= 10_000:
            raise S3Error(
                "InvalidArgument", 400, "Part number must be an integer between 1 and 10000, inclusive"
            )
        upload = self._upload(call)
        usual = {"x-amz-sdk-checksum-algorithm": upload.about.checksums.get("algorithm", "crc32")}
        if "x-amz-copy-source" not in call.headers:
            part = self._objects.put_part(upload, number, CheckedBody(call.body, usual | dict(call.headers)))
            return HttpResponse(200, _written(part), b"")
        source, file = self._source(call)
        start, end = rules.span(call.headers.get("x-amz-copy-source-range"), source.size) or (0, source.size)
        part = self._objects.put_part(upload, number, CheckedBody(_Range(file, start, end), usual))
        return _xml("CopyPartResult", _copied(part))

    def _list_parts(self, call: Call) -> HttpResponse:
        upload, limit = self._upload(call), _number(call.query, "max-parts", PAGE)
        marker = _number(call.query, "part-number-marker", 0, highest=10_000)
        parts = [part for part in self._objects.parts(upload) if int(part.key) > marker]
        answer: dict[str, xml.Content | list[xml.Content]] = {
            "Bucket": call.bucket,
            "Key": call.key,
            "UploadId": upload.id,
            "PartNumberMarker": marker,
            "MaxParts": limit,
            "IsTruncated": len(parts) > limit,
            **({"NextPartNumberMarker": parts[limit - 1].key} if 0 < limit < len(parts) else {}),
            "Part": [{"PartNumber": part.key, "Size": part.size, **_copied(part)} for part in parts[:limit]],
        }
        return _xml("ListPartsResult", answer)

    def _list_uploads(self, call: Call) -> HttpResponse:
        coded = _coded(call.query)
        found = [
            {"Key": coded(one.key), "UploadId": one.id, "Initiated": _stamp(one.started)}
            for one in self._objects.uploads(call.bucket, call.query.get("prefix", ""))
        ]
        names = {"EncodingType": "url"} if call.query.get("encoding-type") == "url" else {}
        answer: xml.Content = {
            "Bucket": call.bucket,
            **names,
            "MaxUploads": len(found),
            "IsTruncated": False,
            "Upload": [*found],
        }
        return _xml("ListMultipartUploadsResult", answer)

    def _complete(self, call: Call) -> HttpResponse:
        upload = self._upload(call)
        parts = _named_parts(_parsed(_body(call)), self._objects.parts(upload))
        algorithm, kind = (upload.about.checksums.get(name, "") for name in ("algorithm", "type"))
        about = About(upload.about.headers, tags=upload.about.tags)
        whole = {name: value for name, value in call.headers.items() if name == PREFIX + algorithm}
        if algorithm and kind == "COMPOSITE":
            values = [part.about.checksums[PREFIX + algorithm] for part in parts]
            about = About(about.headers, checksums.composite(algorithm, values) or whole, about.tags)
            whole = {}
        usual = {"x-amz-sdk-checksum-algorithm": algorithm or "crc32"}
        ranges = (_Range(self._objects.open_part(part), 0, part.size) for part in parts)
        body = CheckedBody(_Joined(ranges), usual | whole)
        etag = checksums.of_parts(part.etag for part in parts)
        entry = self._objects.put(
            call.bucket, call.key, body, about, etag=etag, allow=rules.may_replace(call.headers)
        )
        self._objects.forget(upload)
        place = {"Location": f"/{call.bucket}/{quote(call.key)}", "Bucket": call.bucket, "Key": call.key}
        return _xml("CompleteMultipartUploadResult", {**place, **_copied(entry)})

    def _abort(self, call: Call) -> HttpResponse:
        self._objects.forget(self._upload(call))
        return _nothing()


class _Range:
    """Some bytes of a file, by pieces or to be read; the file is closed when they end."""

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        file.seek(start)
        self._file, self._left = file, end - start

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(min(size, self._left) if size >= 0 else self._left) if self._left else b""
        self._left -= len(data)
        if not self._left:
            self.close()
        return data

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if data := self.read(CHUNK):
            return data
        raise StopIteration

    def close(self) -> None:
        self._file.close()


class _Joined:
    """Pieces one after another, to be read."""

    def __init__(self, ranges: Iterable[Iterable[bytes]]) -> None:
        self._pieces = chain.from_iterable(ranges)

    def read(self, size: int = -1, /) -> bytes:
        return next(self._pieces, b"")


def refusal(error: ApiError, request: HttpRequest) -> HttpResponse:
    """Return the answer to a request that is refused, here or by the check of its signature."""
    if request.method == "HEAD":
        return HttpResponse(error.status, {}, b"")
    content = {"Code": error.code, "Message": str(error), "Resource": unquote(request.path)}
    return _xml("Error", content, error.status, namespace="")


def _call(request: HttpRequest, body: BinaryIO) -> Call:
    bucket, _, key = request.path.removeprefix("/").partition("/")
    try:
        name = unquote(key, errors="strict")
        pairs = parse_qsl(request.query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", 400, "Couldn't parse the specified URI: it is not UTF-8") from None
    _short(name)
    return Call(request.method, unquote(bucket), name, dict(pairs), dict(request.headers), body)


def _short(key: str) -> None:
    if len(key.encode()) > LONGEST_KEY:
        raise S3Error("KeyTooLongError", 400, f"Your key is too long: {LONGEST_KEY} bytes are the most")


def _number(query: Mapping[str, str], name: str, default: int, highest: int = PAGE) -> int:
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise S3Error("InvalidArgument", 400, f"Argument {name} must be an integer between 0 and 2147483647")
    return min(int(text), highest) if name != "partNumber" else int(text)


# Documents


def _xml(name: str, content: xml.Content, status: int = 200, namespace: str = xml.NAMESPACE) -> HttpResponse:
    data = xml.document(name, content, namespace=namespace)
    return HttpResponse(status, {"content-type": "application/xml", "content-length": str(len(data))}, data)


def _nothing() -> HttpResponse:
    return HttpResponse(204, {}, b"")


def _body(call: Call) -> bytes:
    body = CheckedBody(call.body, call.headers)
    data = b""
    while piece := body.read(CHUNK):
        data += piece
        if len(data) > LONGEST_DOCUMENT:
            raise S3Error("MalformedXML", 400, f"The document is longer than {LONGEST_DOCUMENT} bytes")
    return data


def _parsed(data: bytes) -> Element:
    try:
        return xml.parse(data)
    except ParseError as error:
        message = f"The XML you provided was not well-formed or did not validate: {error}"
        raise S3Error("MalformedXML", 400, message) from None


def _child(element: Element, name: str) -> str:
    return element.findtext(name) or ""


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z"


def _coded(query: Mapping[str, str]) -> Callable[[str], str]:
    return quote if query.get("encoding-type") == "url" else str


def _listed(entry: Entry, coded: Callable[[str], str]) -> dict[str, xml.Content]:
    known = {"Key": coded(entry.key), "LastModified": _stamp(entry.modified), "ETag": f'"{entry.etag}"'}
    return {**known, "Size": entry.size, "StorageClass": "STANDARD"}


def _copied(entry: Entry) -> dict[str, xml.Content]:
    found = {"ETag": f'"{entry.etag}"', "LastModified": _stamp(entry.modified)}
    return {**found, **{_element(name): value for name, value in entry.about.checksums.items()}}


def _element(header: str) -> str:
    word = header.removeprefix(PREFIX)
    return "Checksum" + ("Type" if word == "type" else word.upper())


# Pages


def _after(given: str, prefix: str, delimiter: str) -> bytes:
    """Return where a page begins: behind a key, or behind all that a common prefix stands for."""
    inside = given.removeprefix(prefix) if delimiter and given.startswith(prefix) else ""
    common = inside.find(delimiter) == len(inside) - len(delimiter) if inside else False
    return given.encode() + (b"\xff" if common else b"")


def _token(after: bytes) -> str:
    return base64.urlsafe_b64encode(after).decode()


def _from_token(token: str) -> bytes:
    try:
        return base64.b64decode(token, b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise S3Error("InvalidArgument", 400, "The continuation token provided is incorrect") from None


def _named_parts(root: Element, parts: Sequence[Entry]) -> list[Entry]:
    """Return the parts that a client wants joined; raises unless they are there, in order and large enough."""
    stored = {part.key: part for part in parts}
    named = [(_child(one, "PartNumber"), _child(one, "ETag").strip('"')) for one in root.iter("Part")]
    if not named or not all(number.isdigit() for number, _ in named):
        raise S3Error("MalformedXML", 400, "The document has to name the parts by number and ETag")
    numbers = [int(number) for number, _ in named]
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder", 400, "The list of parts was not in ascending order")
    chosen = []
    for (number, etag), element in zip(named, root.iter("Part"), strict=True):
        part = stored.get(number)
        sums = {} if part is None else part.about.checksums
        claims = {name: _child(element, _element(name)) or value for name, value in sums.items()}
        if part is None or part.etag != etag or claims != sums:
            raise S3Error(
                "InvalidPart", 400, f"Part {number} was not found, or its ETag or checksum is another"
            )
        chosen.append(part)
    if any(part.size < SMALLEST_PART for part in chosen[:-1]):
        raise S3Error("EntityTooSmall", 400, f"A part before the last is smaller than {SMALLEST_PART} bytes")
    return chosen


# Headers


def _described(entry: Entry, call: Call, *, whole: bool) -> dict[str, str]:
    """Return the headers of an object that is read; a checksum only where it is of all that is sent."""
    tags = {"x-amz-tagging-count": str(len(entry.about.tags))} if entry.about.tags else {}
    asked = {name: call.query[f"response-{name}"] for name in rules.KEPT if f"response-{name}" in call.query}
    checked = whole and call.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
    return {
        **entry.about.headers,
        **asked,
        **tags,
        **(_sums(entry) if checked else {}),
        "accept-ranges": "bytes",
        "etag": f'"{entry.etag}"',
        "last-modified": format_datetime(entry.modified, usegmt=True),
    }


def _sums(entry: Entry) -> dict[str, str]:
    return {f"{PREFIX}type": "FULL_OBJECT", **entry.about.checksums} if entry.about.checksums else {}


def _written(entry: Entry) -> dict[str, str]:
    encryption = {
        name: value for name, value in entry.about.headers.items() if name.startswith(rules.ENCRYPTION)
    }
    return {"etag": f'"{entry.etag}"', **encryption, **_sums(entry)}


def _source_of(call: Call) -> tuple[str, str]:
    path, _, version = call.headers["x-amz-copy-source"].partition("?")
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not key or version not in ("", "versionId=null"):
        raise S3Error(
            "InvalidArgument", 400, "Copy Source must mention the source bucket and key: bucket/key"
        )
    return bucket, key
