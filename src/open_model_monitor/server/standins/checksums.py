"""A body that is counted and digested while it is read, and held against what its sender claimed at its end."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Protocol

from open_model_monitor.errors import ApiError

PREFIX = "x-amz-checksum-"
# Two more algorithms have no fast implementation in the standard library. What a client claims by them is kept and
# handed back, so that it is checked where the object is read.
UNCHECKED = ("crc32c", "crc64nvme")


class S3Error(ApiError):
    """A request that S3 refuses, in its own words: a code and a status."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class Readable(Protocol):
    """What gives bytes until there are none."""

    def read(self, size: int = -1, /) -> bytes:
        """Return some bytes, none at the end."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def _hash(algorithm: str) -> _Hash:
    return _Crc32() if algorithm == "crc32" else hashlib.new(algorithm, usedforsecurity=False)


class CheckedBody:
    """Reads a body to its end once; the read that finds the end raises S3Error if a claim does not hold.

    `headers` are the request's; of a checksum that is announced in `x-amz-trailer`, the stream itself knows the
    value when it has ended, in `trailers`. After the end, `size`, `etag` and `checksums` describe the body.
    """

    def __init__(self, stream: Readable, headers: Mapping[str, str]) -> None:
        self._stream, self._headers = stream, headers
        self._algorithm = _algorithm(headers)
        self._md5 = _hash("md5")
        self._hash = _hash("crc32" if self._algorithm in UNCHECKED else self._algorithm)
        self.size, self.ended = 0, False

    def read(self, size: int = -1, /) -> bytes:
        """Return some bytes; none at the end, where the claims are held against them."""
        data = b"" if self.ended else self._stream.read(size)
        self._md5.update(data)
        self._hash.update(data)
        self.size += len(data)
        if (not data and size) or size < 0:
            self._hold()
        return data

    @property
    def etag(self) -> str:
        """MD5 in hexadecimal, as S3 tells objects that came in one piece apart."""
        return self._md5.digest().hex()

    @property
    def checksums(self) -> dict[str, str]:
        """The header that tells the checksum; of CRC32 if the sender named no algorithm."""
        value = self._claimed() if self._algorithm in UNCHECKED else _text(self._hash.digest())
        return {PREFIX + self._algorithm: value} if value else {}

    def _claimed(self) -> str | None:
        name = PREFIX + self._algorithm
        trailers: Mapping[str, str] = getattr(self._stream, "trailers", {})
        return self._headers.get(name) or trailers.get(name)

    def _hold(self) -> None:
        if self.ended:
            return
        self.ended = True
        length = self._headers.get("x-amz-decoded-content-length") or self._headers.get("content-length")
        if length is not None and length != str(self.size):
            raise S3Error("IncompleteBody", 400, f"{length} bytes were announced, {self.size} came")
        if (md5 := self._headers.get("content-md5")) is not None and md5 != _text(self._md5.digest()):
            raise S3Error("BadDigest", 400, f"Content-MD5 says {md5}, the body has another")
        claimed = self._claimed()
        if claimed and self._algorithm not in UNCHECKED and claimed != _text(self._hash.digest()):
            raise S3Error("BadDigest", 400, f"{PREFIX}{self._algorithm} says {claimed}, the body has another")


def _algorithm(headers: Mapping[str, str]) -> str:
    names = [name for name in headers if name.startswith(PREFIX) and name[len(PREFIX) :] in ALGORITHMS]
    names += [headers.get("x-amz-trailer", "").strip().lower()]
    named = [name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)]
    if len(named) > 1:
        raise S3Error("InvalidRequest", 400, "Expecting a single x-amz-checksum- header")
    named += [headers.get("x-amz-sdk-checksum-algorithm", "crc32").lower()]
    if named[0] not in ALGORITHMS:
        raise S3Error(
            "InvalidRequest", 400, f"unknown checksum {named[0]}: use one of {', '.join(ALGORITHMS)}"
        )
    return named[0]


ALGORITHMS = ("crc32", "sha1", "sha256", *UNCHECKED)


def of_parts(etags: Iterable[str]) -> str:
    """Return the ETag of an object that came in parts: the MD5 of their MD5s, and how many they were."""
    digests = [bytes.fromhex(etag) for etag in etags]
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def composite(algorithm: str, values: Iterable[str]) -> dict[str, str]:
    """Return the header with the checksum of the parts' checksums; none where it cannot be computed here."""
    digests = [base64.b64decode(value) for value in values]
    if algorithm in UNCHECKED:
        return {}
    total = _hash(algorithm)
    total.update(b"".join(digests))
    return {PREFIX + algorithm: f"{_text(total.digest())}-{len(digests)}", f"{PREFIX}type": "COMPOSITE"}


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
