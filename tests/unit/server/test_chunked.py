"""Bodies in AWS's chunks: their bytes come out, whatever the pieces; what is broken is refused."""

import base64
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.errors import Refused
from open_model_monitor.server.chunked import ChunkedBody


def framed(pieces, trailer=""):
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)
    return body + b"0\r\n" + trailer.encode() + b"\r\n"


def crc(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def drain(body, size):
    found = b""
    while piece := body.read(size):
        found += piece
    return found


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 64))
def test_round_trip(pieces, size):
    whole = b"".join(pieces)
    trailer = f"x-amz-checksum-crc32:{crc(whole)}\r\n"
    assert drain(ChunkedBody(BytesIO(framed(pieces, trailer)), None), size) == whole


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"zz\r\nab\r\n0\r\n\r\n",
        b"5\r\nab\r\n0\r\n\r\n",
        b"2\r\nabXX0\r\n\r\n",
        b"-1\r\n\r\n",
        b"2\r\nab\r\n",
        b"f" * 100 + b"\r\n",
    ],
)
def test_broken_frames(body):
    with pytest.raises(Refused):
        drain(ChunkedBody(BytesIO(body), None), 16)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(body):
    with suppress(Refused):
        drain(ChunkedBody(BytesIO(body), None), 32)
