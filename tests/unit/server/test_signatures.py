"""Signatures of boto3's own clients verify; whatever is changed afterwards is refused, in the service's words."""

import dataclasses
import http.server
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from open_model_monitor.errors import Refused
from open_model_monitor.server.messages import HttpRequest
from open_model_monitor.server.signatures import Credential, decoded_body, scope_of, verify

KEY, SECRET = "OMMKEYFORTESTS", "a secret of tests"
CALLS = {
    "sagemaker": lambda client: client.list_models(NameContains="a"),
    "logs": lambda client: client.describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs"),
    "monitoring": lambda client: client.list_metrics(Namespace="n"),
    "sts": lambda client: client.get_caller_identity(),
    "iam": lambda client: client.get_role(RoleName="a b+c~d"),
    "s3": lambda client: client.put_object(
        Bucket="bucket", Key="a b/ü+~?&=/c", Body=b"hello", Metadata={"k": "a  b"}
    ),
}
NAMES = {"monitoring": "cloudwatch"}


@pytest.fixture(scope="module")
def listener():
    class Record(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self):
            length = int(self.headers.get("Content-Length") or 0)
            if self.headers.get("Expect"):
                self.send_response_only(100)
                self.end_headers()
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(length)
            split = urlsplit(self.path)
            lines = tuple((name.lower(), value) for name, value in self.headers.items())
            self.server.got.append(
                HttpRequest(self.command, split.path, split.query, lines, body, "127.0.0.1")
            )
            self.send_response(400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PUT = handle_one

        def handle_expect_100(self):
            return True

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Record)
    server.got = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def recorded(listener):
    """Return a request of each service, as boto3 sent it."""
    found = {}
    for service, call in CALLS.items():
        client = boto3.client(
            NAMES.get(service, service),
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{listener.server_address[1]}",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )
        with suppress(ClientError, ResponseParserError):  # of an empty answer
            call(client)
        found[service] = listener.got[-1]
    return found


def check(request, service, *, secret=SECRET, now=None, **more):
    known = {KEY: Credential(KEY, secret)}
    return verify(
        request,
        secret_of=known.get,
        service=service,
        now=now or datetime.now(UTC),
        max_skew=timedelta(minutes=15),
        payload_hash=sha256(request.body).hexdigest(),
        **more,
    )


def changed(request, **headers):
    lines = {**dict(request.headers), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return dataclasses.replace(request, headers=tuple(lines.items()))


@pytest.mark.parametrize("service", CALLS)
def test_what_boto3_signs_verifies(recorded, service):
    verified = check(recorded[service], service)
    assert (verified.access_key, verified.region) == (KEY, "us-east-1")
    assert scope_of(recorded[service]).service == service


@pytest.mark.parametrize("service", CALLS)
def test_what_is_changed_is_refused(recorded, service):
    request = recorded[service]
    is_form = (request.header("content-type") or "").startswith("application/x-www-form")  # of older boto3
    mismatch = "SignatureDoesNotMatch" if service == "s3" or is_form else "InvalidSignatureException"

    def code(request, **more):
        with pytest.raises(Refused) as caught:
            check(request, service, **more)
        return caught.value.code

    assert code(request, secret="wrong") == mismatch
    assert code(dataclasses.replace(request, path=f"{request.path}x")) == mismatch
    assert code(dataclasses.replace(request, query="a=1")) == mismatch
    assert code(dataclasses.replace(request, method="DELETE")) == mismatch
    assert code(changed(request, host="evil.example")) == mismatch
    other_body = code(dataclasses.replace(request, body=request.body + b" "))
    assert other_body == ("XAmzContentSHA256Mismatch" if service == "s3" else mismatch)
    added = code(changed(request, x_amz_added="1"))
    assert added == ("AccessDenied" if service == "s3" else mismatch)
    late = code(request, now=datetime.now(UTC) + timedelta(minutes=16))
    assert late == ("RequestTimeTooSkewed" if service == "s3" else mismatch)
    without = dataclasses.replace(
        request, headers=tuple(h for h in request.headers if h[0] != "authorization")
    )
    assert "Missing" in code(without) or code(without) == "AccessDenied"
    assert code(changed(request, authorization="AWS4-HMAC-SHA256 nonsense"))
    unknown = request.header("authorization").replace(KEY, "NOBODY")
    assert code(changed(request, authorization=unknown)) in (
        *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidAccessKeyId"),
    )


def test_a_signature_for_another_service(recorded):
    with pytest.raises(Refused, match="is for the service 'sagemaker'"):
        check(recorded["sagemaker"], "logs")


def test_a_proxy_that_changed_the_host_and_cut_the_path(recorded):
    request = recorded["sagemaker"]
    host = request.header("host")
    assert check(changed(request, host="inner:80"), "sagemaker", public_hosts=["other", host])


def presigned(method, **parameters):
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:99",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )
    url = urlsplit(client.generate_presigned_url(method, {"Bucket": "b", "Key": "a b/ü"}, **parameters))
    verb = "GET" if method == "get_object" else "PUT"
    return HttpRequest(verb, url.path, url.query, (("host", url.netloc),), b"", "127.0.0.1")


@pytest.mark.parametrize("method", ["get_object", "put_object"])
def test_presigned_addresses(method):
    request = presigned(method, ExpiresIn=60)
    assert check(request, "s3").access_key == KEY
    with pytest.raises(Refused, match="expired") as caught:
        check(request, "s3", now=datetime.now(UTC) + timedelta(seconds=62))
    assert caught.value.code == "AccessDenied"
    for change in ({"query": request.query.replace("60", "90")}, {"path": "/b/other"}, {"method": "DELETE"}):
        with pytest.raises(Refused):
            check(dataclasses.replace(request, **change), "s3")


def test_only_s3_takes_presigned_addresses():
    with pytest.raises(Refused):
        check(presigned("get_object", ExpiresIn=60), "sagemaker")


def test_temporary_credentials_need_their_token(recorded):
    request = recorded["sagemaker"]
    known = {KEY: Credential(KEY, SECRET, token="token")}
    with pytest.raises(Refused, match="token"):
        verify(
            request,
            secret_of=known.get,
            service="sagemaker",
            now=datetime.now(UTC),
            max_skew=timedelta(minutes=15),
        )


def test_a_plain_body_stays_as_it_is(recorded):
    body = BytesIO(b"hello")
    assert decoded_body(recorded["s3"], body, None) is body
