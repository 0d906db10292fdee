"""`aws-chunked`: a body in chunks, each perhaps signed, with checksums behind the last one (`api.md` §15.2, §17.2)."""

from __future__ import annotations

import hmac
import re
import sys
from hashlib import sha256
from typing import BinaryIO

from open_model_monitor.errors import Refused

BLOCK = 1 << 16
LONGEST_LINE = 4096
MOST_TRAILERS = 16
FRAME = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
EMPTY = sha256().hexdigest()


class ChunkSeal:
    """Verifies signatures of chunks, each of which covers the one before it; the first covers the request's."""

    def __init__(self, key: bytes, stamp: str, scope: str, signature: str, *, trailing: bool) -> None:
        self._key, self._stamp, self._scope, self._former = key, stamp, scope, signature
        self.trailing = trailing

    def check_chunk(self, signature: str, digest: str) -> None:
        """Raise Refused if this is not the next chunk's signature."""
        self._check("PAYLOAD", signature, f"{EMPTY}\n{digest}")

    def check_trailer(self, signature: str, digest: str) -> None:
        """Raise Refused if this is not the trailer's signature."""
        self._check("TRAILER", signature, digest)

    def _check(self, kind: str, signature: str, digests: str) -> None:
        text = f"AWS4-HMAC-SHA256-{kind}\n{self._stamp}\n{self._scope}\n{self._former}\n{digests}"
        self._former = hmac.digest(self._key, text.encode(), "sha256").hex()
        if not hmac.compare_digest(self._former.encode(), signature.encode()):
            raise Refused("The signature of a chunk does not match", "SignatureDoesNotMatch", 403)


class ChunkedBody:
    """Reads the content of such a body, in as little memory as is read at once; `trailers` are full at its end.

    What was read is verified only when the next read succeeds: keep nothing before the end was reached.
    """

    def __init__(self, stream: BinaryIO, seal: ChunkSeal | None) -> None:
        self._stream, self._seal = stream, seal
        self._buffer, self._at = b"", 0
        self._left, self._signature, self._digest = 0, "", sha256()
        self._ended = False
        self.trailers: dict[str, str] = {}

    def read(self, size: int = -1, /) -> bytes:
        """Return as many bytes as asked for, fewer only at the end; raises Refused for what is broken or forged."""
        pieces, wanted = [], size if size >= 0 else sys.maxsize
        while wanted and not self._ended:
            pieces.append(self._some(wanted))
            wanted -= len(pieces[-1])
        return b"".join(pieces)

    def _some(self, limit: int) -> bytes:
        if not self._left:
            self._begin()
        if self._ended:
            return b""
        data = self._take(min(limit, self._left))
        self._left -= len(data)
        self._digest.update(data)
        if not self._left:
            self._finish()
            if self._line():
                raise _broken("a chunk is longer than it says")
        return data

    def _begin(self) -> None:
        found = FRAME.fullmatch(self._line().strip())
        if found is None:
            raise _broken("a chunk does not begin with its size")
        self._left, self._signature = int(found[1], 16), (found[2] or b"").decode()
        self._digest = sha256()
        if not self._left:
            self._finish()
            self._end()

    def _finish(self) -> None:
        if self._seal is not None:
            self._seal.check_chunk(self._signature, self._digest.hexdigest())

    def _end(self) -> None:
        self._ended = True
        while line := self._line().strip().decode("latin-1"):
            name, _, value = line.partition(":")
            self.trailers[name.strip().lower()] = value.strip()
            if len(self.trailers) > MOST_TRAILERS:
                raise _broken("too many trailers")
        signature = self.trailers.pop("x-amz-trailer-signature", "")
        if self._seal is not None and (self._seal.trailing or self.trailers):
            signed = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
            self._seal.check_trailer(signature, sha256(signed.encode("latin-1")).hexdigest())

    def _take(self, size: int) -> bytes:
        if self._at == len(self._buffer):
            self._buffer, self._at = self._stream.read(BLOCK), 0
            if not self._buffer:
                raise _broken("it ends within a chunk")
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n", self._at)) < 0:
            rest = self._buffer[self._at :]
            more = self._stream.read(BLOCK) if len(rest) <= LONGEST_LINE else b""
            if not more:
                raise _broken("it ends within a line, or a line is too long")
            self._buffer, self._at = rest + more, 0
        line, self._at = self._buffer[self._at : end], end + 2
        return line


def _broken(what: str) -> Refused:
    return Refused(f"The aws-chunked body is broken: {what}", "IncompleteBody", 400)
