"""What clients of S3 rely on, asked over HTTP by boto3 and obstore.

Runs against an endpoint of ours; or against any other that `OMM_S3_ENDPOINT` names, with `AWS_ACCESS_KEY_ID` and
`AWS_SECRET_ACCESS_KEY`. `tools/s3_conformance.sh` starts OpenStack Swift, which was written by others, and asks it
the same: what passes there too is S3 and not our opinion of it. Where the two differ stands in `DIFFERENT`.
"""

import base64
import hashlib
import http.client
import io
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import obstore
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.handlers import validate_bucket_name
from obstore.store import S3Store

ENDPOINT = Path(__file__).parent.parent / "support" / "s3_endpoint.py"
ELSEWHERE = os.environ.get("OMM_S3_ENDPOINT")
REGION = "us-east-1"
KEY = os.environ.get("AWS_ACCESS_KEY_ID", "local"), os.environ.get("AWS_SECRET_ACCESS_KEY", "local")
MIB = 1 << 20

# Swift 2.30.1 with s3api; name of a test (with its case, where only that fails) and what Swift does.
CONDITIONS = "answers NotImplemented to conditions of a put"
CHECKSUMS = "ignores x-amz-checksum headers"
DIFFERENT = {
    "test_a_bucket_can_be_created_again": "answers BucketAlreadyOwnedByYou, as S3 does outside us-east-1",
    "test_another_owner": "ignores x-amz-expected-bucket-owner",
    "test_create_only": CONDITIONS,
    "test_one_of_many_creates": CONDITIONS,
    "test_replace_only_what_was_seen": CONDITIONS,
    "test_obstore_creates_only": CONDITIONS,
    "test_a_checksum_comes_back": CHECKSUMS,
    "test_other_checksums": CHECKSUMS,
    "test_checksums_of_parts": CHECKSUMS,
    "test_a_wrong_checksum[crc32]": CHECKSUMS,
    "test_a_bad_continuation_token": "answers InternalError",
    "test_many_are_deleted_at_once": "wants Content-MD5, which clients do not send any more",
    "test_tags": "answers NotImplemented to tags of objects",
    "test_large_copies": "compares x-amz-copy-source-if-match with another ETag than it sends",
    "test_nobody": "hands anonymous requests to its own API, which answers 412",
}
SIGNED = {"test_a_wrong_secret", "test_nobody", "test_a_presigned_address_that_was_changed"}


@pytest.fixture(autouse=True)
def _known(request):
    name = request.node.name
    if ELSEWHERE and (reason := DIFFERENT.get(name) or DIFFERENT.get(name.partition("[")[0])):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    if not ELSEWHERE and name.partition("[")[0] in SIGNED:
        pytest.skip(
            "this endpoint stands behind the server's check of signatures, which has tests of its own"
        )


@contextmanager
def serving(folder):
    """Give the address of an endpoint over a folder, and its process."""
    command = [sys.executable, str(ENDPOINT), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}", process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    if ELSEWHERE:
        yield ELSEWHERE
        return
    with serving(tmp_path_factory.mktemp("objects")) as (address, _):
        yield address


def client(endpoint, secret=KEY[1]):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=KEY[0],
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, signature_version="s3v4"),
    )


@pytest.fixture(scope="module")
def s3(endpoint):
    found = client(endpoint)
    yield found
    found.close()


@pytest.fixture
def bucket(s3):
    name = f"b-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name


@contextmanager
def refused(code, status):
    with pytest.raises(ClientError) as caught:
        yield
    found = caught.value.response
    assert (found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)


def put(s3, bucket, *keys):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")


# Buckets


def test_buckets_come_and_go(s3, bucket):
    found = {one["Name"]: one["CreationDate"] for one in s3.list_buckets()["Buckets"]}
    assert found[bucket].tzinfo is not None
    s3.head_bucket(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)
    with refused("404", 404):
        s3.head_bucket(Bucket=bucket)


def test_a_bucket_can_be_created_again(s3, bucket):
    put(s3, bucket, "a")
    s3.create_bucket(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_a_full_bucket_stays(s3, bucket):
    put(s3, bucket, "a")
    with refused("BucketNotEmpty", 409):
        s3.delete_bucket(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    "name", ["UPPER", "ab", "under_score", "dots..dots", "192.168.5.4", "a" * 64, "-dash"]
)
def test_names_that_no_bucket_has(endpoint, name):
    found = client(endpoint)
    found.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    with refused("InvalidBucketName", 400):
        found.create_bucket(Bucket=name)
    found.close()


def test_the_location(s3, bucket):
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] in (None, REGION)


def test_no_such_bucket(s3):
    missing = f"missing-{uuid.uuid4().hex}"
    for call in (
        lambda: s3.list_objects_v2(Bucket=missing),
        lambda: s3.put_object(Bucket=missing, Key="a", Body=b""),
        lambda: s3.get_object(Bucket=missing, Key="a"),
        lambda: s3.delete_bucket(Bucket=missing),
        lambda: s3.create_multipart_upload(Bucket=missing, Key="a"),
    ):
        with refused("NoSuchBucket", 404):
            call()


def test_another_owner(s3, bucket):
    put(s3, bucket, "a")
    with refused("AccessDenied", 403):
        s3.get_object(Bucket=bucket, Key="a", ExpectedBucketOwner="999999999999")
    with refused("403", 403):
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="999999999999")


# Objects


def test_put_and_get(s3, bucket):
    body = os.urandom(10_000)
    put = s3.put_object(
        Bucket=bucket,
        Key="a/b.csv",
        Body=body,
        ContentType="text/csv",
        CacheControl="no-cache",
        ContentDisposition="attachment",
        ContentEncoding="br",
        Metadata={"owner": "me", "two": "2"},
    )
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    for found in (s3.get_object(Bucket=bucket, Key="a/b.csv"), s3.head_object(Bucket=bucket, Key="a/b.csv")):
        assert (found["ETag"], found["ContentLength"]) == (put["ETag"], 10_000)
        assert (found["ContentType"], found["CacheControl"]) == ("text/csv", "no-cache")
        assert (found["ContentDisposition"], found["ContentEncoding"]) == ("attachment", "br")
        assert found["Metadata"] == {"owner": "me", "two": "2"}
    assert s3.get_object(Bucket=bucket, Key="a/b.csv")["Body"].read() == body


def test_an_object_is_replaced_whole(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"one", ContentType="text/csv", Metadata={"a": "1"})
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    found = s3.get_object(Bucket=bucket, Key="a")
    assert (found["Body"].read(), found["Metadata"], found["ContentLength"]) == (b"", {}, 0)
    assert found["ContentType"] != "text/csv"


def test_no_such_key(s3, bucket):
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="a")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="a")
    s3.delete_object(Bucket=bucket, Key="a")


KEYS = [
    *(
        "with space",
        "plus+plus",
        "a//b",
        "/leading",
        "trailing/",
        "..",
        "../up",
        "a/../b",
        "./a",
        ".",
        "%41",
        "%",
    ),
    *(
        "größe/日本語/😀",
        "quote'\"",
        "<tag>&amp;",
        "a?b#c",
        "=&=",
        "back\\slash",
        "semi;colon",
        "~!@$^*()[]{}|,:",
    ),
    *("x" * 1024, "ä" * 512),
]


@pytest.mark.parametrize("key", KEYS)
def test_any_key(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"a": "b"})
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert s3.head_object(Bucket=bucket, Key=key)["Metadata"] == {"a": "b"}
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [one["Key"] for one in s3.list_objects(Bucket=bucket, Prefix=key[:-1])["Contents"]] == [key]
    s3.copy_object(Bucket=bucket, Key="copied", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key="copied")["Body"].read() == key.encode()
    s3.delete_object(Bucket=bucket, Key=key)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["copied"]


def test_keys_of_more_than_1024_bytes(s3, bucket):
    with refused("KeyTooLongError", 400):
        s3.put_object(Bucket=bucket, Key="x" * 1025, Body=b"")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("0-9", 0, 10),
        ("5-", 5, 100),
        ("-7", 93, 100),
        ("90-500", 90, 100),
        ("-500", 0, 100),
        ("99-99", 99, 100),
    ],
)
def test_ranges(s3, bucket, asked, start, end):
    body = bytes(range(100))
    s3.put_object(Bucket=bucket, Key="a", Body=body)
    found = s3.get_object(Bucket=bucket, Key="a", Range=f"bytes={asked}")
    assert found["Body"].read() == body[start:end]
    assert found["ContentRange"] == f"bytes {start}-{end - 1}/100"
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    head = s3.head_object(Bucket=bucket, Key="a", Range=f"bytes={asked}")
    assert head["ContentLength"] == end - start


@pytest.mark.parametrize("asked", ["100-", "200-300", "-0"])
def test_ranges_that_hold_nothing(s3, bucket, asked):
    s3.put_object(Bucket=bucket, Key="a", Body=bytes(100))
    with refused("InvalidRange", 416):
        s3.get_object(Bucket=bucket, Key="a", Range=f"bytes={asked}")


def test_conditions_of_reading(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["ETag"]
    assert s3.get_object(Bucket=bucket, Key="a", IfMatch=tag)["Body"].read() == b"one"
    assert s3.get_object(Bucket=bucket, Key="a", IfNoneMatch='"other"')["Body"].read() == b"one"
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="a", IfMatch='"other"')
    with refused("412", 412):
        s3.head_object(Bucket=bucket, Key="a", IfMatch='"other"')
    with refused("304", 304):
        s3.get_object(Bucket=bucket, Key="a", IfNoneMatch=tag)
    with refused("304", 304):
        s3.get_object(Bucket=bucket, Key="a", IfModifiedSince="2099-01-01T00:00:00Z")
    with refused("PreconditionFailed", 412):
        s3.get_object(Bucket=bucket, Key="a", IfUnmodifiedSince="2001-01-01T00:00:00Z")


def test_create_only(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"one", IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="a", Body=b"two", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"one"


def test_one_of_many_creates(s3, bucket):
    def create(number):
        try:
            s3.put_object(Bucket=bucket, Key="a", Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        created = [one for one in pool.map(create, range(24)) if one is not None]
    assert [s3.get_object(Bucket=bucket, Key="a")["Body"].read()] == [str(one).encode() for one in created]


def test_replace_only_what_was_seen(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="a", Body=b"one")["ETag"]
    s3.put_object(Bucket=bucket, Key="a", Body=b"two", IfMatch=tag)
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="a", Body=b"three", IfMatch=tag)
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="b", Body=b"one", IfMatch=tag)


def test_answers_with_the_headers_that_the_query_wants(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", ContentType="text/csv")
    found = s3.get_object(
        Bucket=bucket, Key="a", ResponseContentType="text/html", ResponseCacheControl="private"
    )
    assert (found["ContentType"], found["CacheControl"]) == ("text/html", "private")


# Checksums


def test_a_checksum_comes_back(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"hello", ChecksumAlgorithm="CRC32")
    assert put["ChecksumCRC32"] == "NhCmhg=="
    found = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert found["ChecksumCRC32"] == "NhCmhg=="
    assert found["Body"].read() == b"hello"
    part = s3.get_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED", Range="bytes=1-2")
    assert "ChecksumCRC32" not in part
    assert part["Body"].read() == b"el"


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256"])
def test_other_checksums(s3, bucket, algorithm):
    put = s3.put_object(Bucket=bucket, Key="a", Body=b"hello", ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]


@pytest.mark.parametrize(
    "claim", [{"ChecksumCRC32": "AAAAAA=="}, {"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}], ids=["crc32", "md5"]
)
def test_a_wrong_checksum(s3, bucket, claim):
    with refused("BadDigest", 400):
        s3.put_object(Bucket=bucket, Key="a", Body=b"hello", **claim)
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="a")


# ObjectPage


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_pages(s3, bucket, call):
    keys = [f"{folder}/{n:02} ü+" for folder in "ab" for n in range(12)]
    put(s3, bucket, *keys)
    pages = list(s3.get_paginator(call).paginate(Bucket=bucket, PaginationConfig={"PageSize": 5}))
    assert [one["Key"] for page in pages for one in page["Contents"]] == keys
    assert [len(page["Contents"]) for page in pages] == [5, 5, 5, 5, 4]
    assert [page["IsTruncated"] for page in pages] == [True] * 4 + [False]
    one = pages[0]["Contents"][0]
    assert (one["Size"], one["ETag"]) == (1, f'"{hashlib.md5(b"x").hexdigest()}"')


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_folders_over_pages(s3, bucket, call):
    put(s3, bucket, "a/1", "a/2", "b", "c/1", "c/2/3", "d", "e/")
    pages = list(
        s3.get_paginator(call).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2})
    )
    assert [one["Key"] for page in pages for one in page.get("Contents", ())] == ["b", "d"]
    assert [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())] == ["a/", "c/", "e/"]
    assert len(pages) == 3


def test_prefix_and_delimiter(s3, bucket):
    put(s3, bucket, "p", "p/", "p/1", "p/x/1", "p/x/2", "p//1", "pq/1", "other")
    found = s3.list_objects_v2(Bucket=bucket, Prefix="p/", Delimiter="/")
    assert [one["Key"] for one in found["Contents"]] == ["p/", "p/1"]
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["p//", "p/x/"]
    assert found["KeyCount"] == 4
    found = s3.list_objects_v2(Bucket=bucket, Delimiter="/x/")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["p/x/"]


def test_the_order_is_of_bytes(s3, bucket):
    keys = ["Z", "a", "a!", "a/b", "a0", "z", "\uffee", "\U0001f600"]
    put(s3, bucket, *reversed(keys))
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == keys


def test_start_after_and_marker(s3, bucket):
    put(s3, bucket, "a", "b", "c")
    for found in (
        s3.list_objects_v2(Bucket=bucket, StartAfter="a"),
        s3.list_objects_v2(Bucket=bucket, StartAfter="aa"),
        s3.list_objects(Bucket=bucket, Marker="a"),
    ):
        assert [one["Key"] for one in found["Contents"]] == ["b", "c"]


def test_lists_of_nothing(s3, bucket):
    put(s3, bucket, "a")
    assert s3.list_objects_v2(Bucket=bucket, Prefix="b")["KeyCount"] == 0
    none = s3.list_objects_v2(Bucket=bucket, MaxKeys=0)
    assert ("Contents" not in none, none["IsTruncated"]) == (True, False)
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=1)["IsTruncated"] is False


def test_a_bad_continuation_token(s3, bucket):
    with refused("InvalidArgument", 400):
        s3.list_objects_v2(Bucket=bucket, ContinuationToken="no token")


# Copies, deletions, tags


def test_copies(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"one", ContentType="text/csv", Metadata={"a": "1"})
    source = {"Bucket": bucket, "Key": "a"}
    copied = s3.copy_object(Bucket=bucket, Key="b", CopySource=source)["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(b"one").hexdigest()}"'
    found = s3.head_object(Bucket=bucket, Key="b")
    assert (found["ContentType"], found["Metadata"]) == ("text/csv", {"a": "1"})
    s3.copy_object(
        Bucket=bucket,
        Key="a",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        ContentType="text/html",
    )
    found = s3.head_object(Bucket=bucket, Key="a")
    assert (found["ContentType"], found["Metadata"]) == ("text/html", {"b": "2"})


def test_copies_that_cannot_be(s3, bucket):
    put(s3, bucket, "a")
    source = {"Bucket": bucket, "Key": "a"}
    with refused("InvalidRequest", 400):
        s3.copy_object(Bucket=bucket, Key="a", CopySource=source)
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "missing"})
    with refused("PreconditionFailed", 412):
        s3.copy_object(Bucket=bucket, Key="b", CopySource=source, CopySourceIfMatch='"other"')


def test_many_are_deleted_at_once(s3, bucket):
    put(s3, bucket, "a", "b & <c>", "d")
    names = [{"Key": "a"}, {"Key": "b & <c>"}, {"Key": "missing"}]
    found = s3.delete_objects(Bucket=bucket, Delete={"Objects": names})
    assert [one["Key"] for one in found["Deleted"]] == ["a", "b & <c>", "missing"]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["d"]
    assert "Deleted" not in s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "d"}], "Quiet": True}
    )


def test_tags(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Tagging="one=1&two=a%20b")
    found = s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"]
    assert found == [{"Key": "one", "Value": "1"}, {"Key": "two", "Value": "a b"}]
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "ü"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == [{"Key": "k", "Value": "ü"}]
    s3.delete_object_tagging(Bucket=bucket, Key="a")
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == []


def test_what_is_not_implemented_says_so(s3, bucket):
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": "r", "Rules": []})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 501)


# Uploads in parts


def test_large_files(s3, bucket, tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.write_bytes(os.urandom(20 * MIB + 17))
    s3.upload_file(
        str(source), bucket, "large", ExtraArgs={"Metadata": {"a": "1"}, "ContentType": "text/csv"}
    )
    head = s3.head_object(Bucket=bucket, Key="large")
    assert re.fullmatch(r'"[0-9a-f]{32}-3"', head["ETag"])
    assert (head["Metadata"], head["ContentType"]) == ({"a": "1"}, "text/csv")
    s3.download_file(bucket, "large", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_large_copies(s3, bucket):
    body = os.urandom(9 * MIB)
    s3.upload_fileobj(io.BytesIO(body), bucket, "large")
    config = TransferConfig(multipart_chunksize=5 * MIB)
    s3.copy({"Bucket": bucket, "Key": "large"}, bucket, "copied", Config=config)
    found = s3.get_object(Bucket=bucket, Key="copied")
    assert found["ETag"].endswith('-2"')
    assert found["Body"].read() == body


def parts_of(s3, bucket, upload, *bodies):
    found = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(Bucket=bucket, Key="a", UploadId=upload, PartNumber=number, Body=body)
        found.append({"PartNumber": number, "ETag": part["ETag"]})
    return found


def test_an_upload_step_by_step(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    bodies = [b"a" * 5 * MIB, b"b" * 5 * MIB, b"c"]
    parts = parts_of(s3, bucket, upload, *bodies)
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    listed = s3.list_parts(Bucket=bucket, Key="a", UploadId=upload)["Parts"]
    assert [(one["PartNumber"], one["ETag"], one["Size"]) for one in listed] == [
        (part["PartNumber"], part["ETag"], len(body)) for part, body in zip(parts, bodies, strict=True)
    ]
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="a")
    document = {"Parts": [parts[0], parts[2]]}  # the second was not wanted after all
    s3.complete_multipart_upload(Bucket=bucket, Key="a", UploadId=upload, MultipartUpload=document)
    found = s3.get_object(Bucket=bucket, Key="a")
    assert found["Body"].read() == bodies[0] + bodies[2]
    digests = b"".join(hashlib.md5(body).digest() for body in (bodies[0], bodies[2]))
    assert found["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_checksums_of_parts(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a", ChecksumAlgorithm="CRC32")["UploadId"]
    parts = []
    for number, body in enumerate([b"a" * 5 * MIB, b"b"], 1):
        part = s3.upload_part(
            Bucket=bucket, Key="a", UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32"
        )
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="a", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert done["ChecksumCRC32"].endswith("-2")
    head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (done["ChecksumCRC32"], "COMPOSITE")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"a" * 5 * MIB + b"b"


def test_uploads_that_cannot_be_completed(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    first, second = parts_of(s3, bucket, upload, b"a", b"b")
    where = {"Bucket": bucket, "Key": "a", "UploadId": upload}
    for code, parts in (
        ("EntityTooSmall", [first, second]),
        ("InvalidPartOrder", [second, first]),
        ("InvalidPart", [{"PartNumber": 9, "ETag": first["ETag"]}]),
        ("InvalidPart", [{"PartNumber": 1, "ETag": second["ETag"]}]),
    ):
        with refused(code, 400):
            s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    s3.abort_multipart_upload(**where)
    for call in (
        lambda: s3.abort_multipart_upload(**where),
        lambda: s3.upload_part(**where, PartNumber=1, Body=b"x"),
        lambda: s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [first]}),
        lambda: s3.list_parts(**where),
    ):
        with refused("NoSuchUpload", 404):
            call()


@pytest.mark.parametrize("number", [0, 10_001])
def test_numbers_that_no_part_has(s3, bucket, number):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    with refused("InvalidArgument", 400):
        s3.upload_part(Bucket=bucket, Key="a", UploadId=upload, PartNumber=number, Body=b"x")


# Documents and addresses


def raw(endpoint, method, path, body=b"", headers=()):
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<Delete",
        '<!DOCTYPE d [<!ENTITY a "aaa">]><Delete><Object><Key>&a;</Key></Object></Delete>',
        "<Other/>",
    ],
    ids=["nothing", "cut", "entities", "other"],
)
def test_documents_that_are_none(endpoint, bucket, text):
    digest = base64.b64encode(hashlib.md5(text.encode()).digest()).decode()
    request = AWSRequest("POST", f"{endpoint}/{bucket}?delete=", {"Content-MD5": digest}, text.encode())
    S3SigV4Auth(Credentials(*KEY), "s3", REGION).add_auth(request)
    status, answer = raw(endpoint, "POST", f"/{bucket}?delete=", text.encode(), request.headers.items())
    assert (status, b"<Code>" in answer) == (400, True)


def test_presigned_addresses(s3, bucket):
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "ü b"})
    with urllib.request.urlopen(urllib.request.Request(put, b"hello", method="PUT")) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(
        s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "ü b"})
    ) as answer:
        assert answer.read() == b"hello"


def test_a_presigned_address_that_was_changed(s3, bucket):
    put(s3, bucket, "a", "b")
    address = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(address.replace("/a?", "/b?"))
    assert caught.value.code == 403
    caught.value.close()


def test_a_wrong_secret(endpoint, bucket):
    found = client(endpoint, secret="wrong")
    with refused("SignatureDoesNotMatch", 403):
        found.list_objects_v2(Bucket=bucket)
    found.close()


def test_nobody(endpoint, bucket):
    assert raw(endpoint, "GET", f"/{bucket}")[0] in (400, 403)


# Another client


@pytest.fixture
def store(endpoint, bucket):
    return S3Store(
        bucket,
        endpoint=endpoint,
        region=REGION,
        access_key_id=KEY[0],
        secret_access_key=KEY[1],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def test_obstore(store):
    obstore.put(store, "a/ü b.txt", b"0123456789")
    obstore.put(store, "a/c/d.txt", b"x")
    assert bytes(obstore.get(store, "a/ü b.txt").bytes()) == b"0123456789"
    assert bytes(obstore.get_range(store, "a/ü b.txt", start=2, end=5)) == b"234"
    assert bytes(obstore.get(store, "a/ü b.txt", options={"range": {"suffix": 3}}).bytes()) == b"789"
    assert sorted(one["path"] for page in obstore.list(store, "a") for one in page) == [
        "a/c/d.txt",
        "a/ü b.txt",
    ]
    folders = obstore.list_with_delimiter(store, "a")
    assert (folders["common_prefixes"], len(folders["objects"])) == (["a/c"], 1)
    obstore.put(store, "large", os.urandom(12 * MIB), use_multipart=True, chunk_size=5 * MIB)
    assert obstore.head(store, "large")["size"] == 12 * MIB
    obstore.copy(store, "a/c/d.txt", "e")
    obstore.delete(store, ["a/c/d.txt", "a/ü b.txt", "large"])
    assert [one["path"] for page in obstore.list(store) for one in page] == ["e"]
    with pytest.raises(FileNotFoundError):
        obstore.head(store, "large")


def test_obstore_creates_only(store):
    first = obstore.put(store, "a", b"1", mode="create")
    with pytest.raises(obstore.exceptions.AlreadyExistsError):
        obstore.put(store, "a", b"2", mode="create")
    obstore.put(store, "a", b"2", mode={"e_tag": first["e_tag"]})
    with pytest.raises(obstore.exceptions.PreconditionError):
        obstore.put(store, "a", b"3", mode={"e_tag": first["e_tag"]})


# A restart


@pytest.mark.skipif(ELSEWHERE is not None, reason="whoever runs that server restarts it")
def test_everything_survives_a_killed_server(tmp_path):
    with serving(tmp_path) as (address, process):
        s3 = client(address)
        s3.create_bucket(Bucket="kept")
        s3.put_object(
            Bucket="kept", Key="a", Body=b"one", Metadata={"a": "1"}, ContentType="text/csv", Tagging="t=1"
        )
        upload = s3.create_multipart_upload(Bucket="kept", Key="b")["UploadId"]
        part = s3.upload_part(Bucket="kept", Key="b", UploadId=upload, PartNumber=1, Body=b"two")
        before = {
            key: s3.head_object(Bucket="kept", Key="a")[key] for key in ("ETag", "LastModified", "Metadata")
        }
        process.kill()
        process.wait()
        s3.close()
    with serving(tmp_path) as (address, _):
        s3 = client(address)
        found = s3.get_object(Bucket="kept", Key="a")
        assert {key: found[key] for key in before} == before
        assert (found["Body"].read(), found["ContentType"], found["TagCount"]) == (b"one", "text/csv", 1)
        document = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(Bucket="kept", Key="b", UploadId=upload, MultipartUpload=document)
        assert s3.get_object(Bucket="kept", Key="b")["Body"].read() == b"two"
        s3.close()
