"""Whatever clients sign, by botocore's signers and by the published example, verifies; nothing forged does."""

import base64
import hmac
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from urllib.parse import quote, urlsplit

import awssig
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.errors import Refused
from open_model_monitor.server.messages import HttpRequest
from open_model_monitor.server.signatures import Credential, decoded_body, scope_of, verify

KEY, SECRET, TOKEN, HOST = "AKEY", "s3cr3t/+", "a-token", "monitor.example:8080"
SKEW = timedelta(minutes=15)

# As clients send them: encoded once, though S3 keeps what other services would tidy up.
segments = st.one_of(
    st.sampled_from(["", ".", "..", "~", "a b", "a+b", "%", "ü", "日本", "=&?;:@"]), st.text(max_size=6)
)
paths = st.lists(segments.map(lambda s: quote(s.encode("utf-8", "replace"), safe="~")), max_size=5).map(
    "/".join
)
words = st.text(max_size=8).map(lambda s: quote(s.encode("utf-8", "replace"), safe="-_.~"))
queries = st.lists(st.one_of(st.tuples(words, words).map("=".join), words.filter(bool)), max_size=4).map(
    "&".join
)
blanks = st.sampled_from(["v", "two  words", "\ttab\t and  more ", "", "a,b", '"q  r"'])
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"])


def signed(signer, service, method, path, query, headers, body, *, token=None, **more):
    """Return a request as it arrives after a signer of botocore has signed it."""
    url = f"http://{HOST}/{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, headers={"Host": HOST, **headers}, data=body)
    signer(Credentials(KEY, SECRET, token), service, "eu-west-1", **more).add_auth(request)
    parts = urlsplit(request.url)
    lines = tuple((name.lower(), value) for name, value in request.headers.items())
    return HttpRequest(method, parts.path, parts.query, lines, body, "127.0.0.1")


def check(request, service, *, token=None, now=None, expires=None, secret=SECRET, **more):
    known = {KEY: Credential(KEY, secret, token, expires)}
    now = now or datetime.now(UTC)
    return verify(request, secret_of=known.get, service=service, now=now, max_skew=SKEW, **more)


def refused(request, service, **more):
    with pytest.raises(Refused) as caught:
        check(request, service, **more)
    return caught.value.code


@given(methods, paths, queries, blanks, st.binary(max_size=30))
def test_requests_of_json_services_verify(method, path, query, value, body):
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Odd": value}
    request = signed(SigV4Auth, "sagemaker", method, path, query, headers, body)
    assert check(request, "sagemaker").region == "eu-west-1"
    assert scope_of(request).service == "sagemaker"
    assert refused(request, "sagemaker", secret="other") == "InvalidSignatureException"


@given(methods, paths, queries, blanks, st.binary(max_size=30))
def test_requests_of_s3_verify(method, path, query, value, body):
    request = signed(S3SigV4Auth, "s3", method, path, query, {"x-amz-meta-odd": value}, body)
    assert check(request, "s3").access_key == KEY
    assert refused(replace(request, body=body + b"x"), "s3") == "XAmzContentSHA256Mismatch"
    assert refused(replace(request, path=request.path + "x"), "s3") == "SignatureDoesNotMatch"


@given(st.sampled_from(["GET", "PUT"]), paths, queries)
def test_presigned_addresses_verify(method, path, query):
    request = signed(S3SigV4QueryAuth, "s3", method, path, query, {}, b"", token=TOKEN, expires=60)
    now = datetime.now(UTC)
    assert check(request, "s3", token=TOKEN, expires=now + SKEW).region == "eu-west-1"
    assert refused(request, "s3", token=TOKEN, now=now + timedelta(seconds=62)) == "AccessDenied"
    assert refused(request, "s3", token="another") == "InvalidToken"
    assert refused(request, "s3", token=TOKEN, expires=now) == "ExpiredToken"
    assert refused(replace(request, query=f"{request.query}&more=1"), "s3") == "SignatureDoesNotMatch"


@given(
    st.from_regex(r"[a-z0-9./_-]{0,12}", fullmatch=True).filter(lambda path: ".." not in path.split("/")),
    st.binary(max_size=30),
    st.sampled_from([SECRET, "x"]),
)
def test_an_independent_verifier_agrees(path, body, secret):
    """Of plain paths; it encodes others otherwise than clients do."""
    json = {"Content-Type": "application/x-amz-json-1.1"}
    request = signed(SigV4Auth, "logs", "POST", path, "b=2&a=1", json, body)
    other = awssig.AWSSigV4Verifier(
        request_method="POST",
        uri_path=request.path,
        query_string=request.query,
        headers={name: [value] for name, value in request.headers},
        body=body,
        region="eu-west-1",
        service="logs",
        key_mapping=lambda access_key, *_: secret,
    )
    if secret == SECRET:
        other.verify()
        assert check(request, "logs")
    else:
        with pytest.raises(awssig.InvalidSignatureError):
            other.verify()
        assert refused(request, "logs", secret=secret) == "InvalidSignatureException"


@given(st.sampled_from(["authorization", "x-amz-date", "host", "content-type", "date"]), st.text(max_size=80))
def test_nothing_in_a_header_breaks_it(name, value):
    request = signed(
        SigV4Auth, "sts", "POST", "", "", {"Content-Type": "application/x-www-form-urlencoded"}, b""
    )
    latin = value.encode().decode("latin-1")
    lines = tuple(
        pair for pair in request.headers if pair[0] not in (name, "x-amz-date" if name == "date" else name)
    )
    with suppress(Refused):
        check(replace(request, headers=(*lines, (name, latin))), "sts")
        check(replace(request, headers=(*lines, (name, f"AWS4-HMAC-SHA256 {latin}"))), "sts")


def test_a_date_beyond_all_dates_is_refused():
    lines = (
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=a/20260101/r/sts/aws4_request,SignedHeaders=host,Signature="
            + "0" * 64,
        ),
    )
    beyond = ("date", "Fri, 31 Dec 9999 23:00:00 -2300")
    assert (
        refused(HttpRequest("POST", "/", "", (*lines, beyond), b"", ""), "sts")
        == "IncompleteSignatureException"
    )


@pytest.mark.parametrize("arrived", ["/monitor-data/key", "/monitor/key"])
def test_a_prefix_that_a_proxy_cut_off_may_begin_a_buckets_name(arrived):
    request = signed(S3SigV4Auth, "s3", "GET", f"monitor{arrived}", "", {}, b"")
    assert check(replace(request, path=arrived), "s3", path_prefix="/monitor")
    assert check(request, "s3", path_prefix="/monitor")


# ------------------------------------------------------------ bodies in chunks


@given(st.binary(max_size=300), st.integers(1, 100))
def test_botocores_chunks_with_a_trailer(content, size):
    """What clients send over TLS: the checksum comes behind the content."""
    body = AwsChunkedWrapper(BytesIO(content), Crc32Checksum, "x-amz-checksum-crc32", chunk_size=size).read()
    lines = {"Host": HOST, "Content-Encoding": "aws-chunked", "X-Amz-Trailer": "x-amz-checksum-crc32"}
    sent = AWSRequest("PUT", f"https://{HOST}/b/k", headers=lines, data=body)
    sent.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials(KEY, SECRET), "s3", "eu-west-1").add_auth(sent)
    arrived = tuple((name.lower(), value) for name, value in sent.headers.items())
    request = HttpRequest("PUT", "/b/k", "", arrived, body, "")
    assert request.header("x-amz-content-sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    decoded = decoded_body(request, BytesIO(body), check(request, "s3"))
    assert decoded.read() == content
    crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    assert decoded.trailers == {"x-amz-checksum-crc32": crc}


CHUNKS = (b"a" * 65536, b"a" * 1024, b"")
# Published with the specification of the algorithm; keys, time and bucket are the documentation's.
PLAIN = {
    "seed": "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    "chunks": (
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ),
}


def example(signatures, *, kind="STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
    lines = {
        "host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": kind,
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
    }
    lines["authorization"] = (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={';'.join(sorted(lines))},Signature={PLAIN['seed']}"
    )
    request = HttpRequest("PUT", "/examplebucket/chunkObject.txt", "", tuple(lines.items()), b"", "")
    frames = [
        b"%x;chunk-signature=%b\r\n%b\r\n" % (len(chunk), signature.encode(), chunk)
        for chunk, signature in zip(CHUNKS, signatures, strict=True)
    ]
    return request, b"".join(frames)


def opened(request, body):
    credential = Credential("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    now = datetime(2013, 5, 24, tzinfo=UTC)
    verified = verify(request, secret_of=lambda _: credential, service="s3", now=now, max_skew=SKEW)
    return decoded_body(request, BytesIO(body), verified)


def test_the_published_example_of_signed_chunks():
    assert opened(*example(PLAIN["chunks"])).read() == b"".join(CHUNKS)


@pytest.mark.parametrize("spoil", ["byte", "signature", "order", "end", "unsigned"])
def test_forged_chunks_are_refused(spoil):
    one, two, three = PLAIN["chunks"]
    signatures = {"signature": (one, two, "0" * 64), "order": (two, one, three)}.get(spoil, PLAIN["chunks"])
    request, body = example(signatures)
    if spoil == "byte":
        body = body.replace(b"aaaa\r\n400;", b"aaab\r\n400;")
    elif spoil == "end":
        body = body[: body.index(b"\r\n0;") + 2]
    elif spoil == "unsigned":
        body = body.replace(b";chunk-signature=" + one.encode(), b"")
    with pytest.raises(Refused):
        opened(request, body).read()


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=4), st.booleans())
def test_signed_trailers(chunks, forge):
    """The chain of signatures, computed here by its definition, goes on into the trailer."""
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    unsigned = {"X-Amz-Content-SHA256": kind, "Content-Encoding": "aws-chunked"}
    request = AWSRequest("PUT", f"http://{HOST}/b/k", headers={"Host": HOST, **unsigned})
    SigV4Auth(Credentials(KEY, SECRET), "s3", "eu-west-1").add_auth(request)
    lines = tuple((name.lower(), value) for name, value in request.headers.items())
    arrived = HttpRequest("PUT", "/b/k", "", lines, b"", "")
    stamp, former = arrived.header("x-amz-date"), arrived.header("authorization")[-64:]
    key, scope = b"AWS4" + SECRET.encode(), f"{stamp[:8]}/eu-west-1/s3/aws4_request"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    body = b""
    for chunk in [*chunks, b""]:
        digests = f"{sha256().hexdigest()}\n{sha256(chunk).hexdigest()}"
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{former}\n{digests}"
        former = hmac.digest(key, text.encode(), "sha256").hex()
        body += b"%x;chunk-signature=%b\r\n" % (len(chunk), former.encode()) + (
            chunk + b"\r\n" if chunk else b""
        )
    trailer = "x-amz-checksum-crc32:AAAAAA=="
    digest = sha256(f"{trailer}\n".encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256-TRAILER\n{stamp}\n{scope}\n{former}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    sent = trailer.replace("AAAAAA", "BBBBBB") if forge else trailer
    body += f"{sent}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()
    decoded = decoded_body(arrived, BytesIO(body), check(arrived, "s3"))
    if forge:
        with pytest.raises(Refused):
            decoded.read()
    else:
        assert decoded.read() == b"".join(chunks)
        assert decoded.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}
