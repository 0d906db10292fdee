"""The stand-in for S3 as clients use it, and that what it holds outlives the server."""

import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError
from harness import serving, unique

MIB = 2**20


@pytest.fixture(scope="session")
def s3(server):
    return boto3.client("s3")


def test_objects(s3, bucket):
    prefix = unique("objects")
    keys = [f"{prefix}/{name}" for name in ("a b+c.csv", "naïve/ü%.jsonl", "plain")]
    for key in keys:
        tag = s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"team": "churn"})["ETag"]
        head = s3.head_object(Bucket=bucket, Key=key)
        assert (head["ETag"], head["ContentLength"]) == (tag, len(key.encode()))
        assert head["Metadata"] == {"team": "churn"}
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    for listing in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(listing).paginate(
            Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 1}
        )
        assert [one["Key"] for page in pages for one in page["Contents"]] == sorted(keys)
    folders = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/", Delimiter="/")
    assert [one["Prefix"] for one in folders["CommonPrefixes"]] == [f"{prefix}/naïve/"]
    part = s3.get_object(Bucket=bucket, Key=keys[2], Range="bytes=0-3")
    assert part["Body"].read() == keys[2].encode()[:4]
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    s3.copy_object(Bucket=bucket, Key=f"{prefix}/copy", CopySource={"Bucket": bucket, "Key": keys[0]})
    assert s3.get_object(Bucket=bucket, Key=f"{prefix}/copy")["Body"].read() == keys[0].encode()
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    s3.delete_object(Bucket=bucket, Key=f"{prefix}/copy")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)


def test_what_is_not_there(s3, bucket):
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="nobody")
    with pytest.raises(ClientError) as missing:
        s3.head_object(Bucket=bucket, Key="nobody")
    assert missing.value.response["Error"]["Code"] == "404"
    with pytest.raises(ClientError) as no_bucket:
        s3.head_bucket(Bucket="nobody")
    assert no_bucket.value.response["Error"]["Code"] == "404"
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.list_objects_v2(Bucket="nobody")
    with pytest.raises(ClientError) as other:
        s3.get_object(Bucket=bucket, Key="nobody", ExpectedBucketOwner="111111111111")
    assert other.value.response["Error"]["Code"] == "AccessDenied"


def test_a_large_file_in_parts(s3, bucket, tmp_path):
    here, back, key = tmp_path / "large", tmp_path / "back", unique("large")
    here.write_bytes(bytes(range(256)) * (20 * MIB // 256))
    s3.upload_file(str(here), bucket, key)
    assert s3.head_object(Bucket=bucket, Key=key)["ETag"].endswith('-3"')
    s3.download_file(bucket, key, str(back))
    assert back.read_bytes() == here.read_bytes()


def test_a_link_for_a_browser(s3, bucket):
    s3.put_object(Bucket=bucket, Key="linked", Body=b"linked")
    link = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "linked"})
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"linked"


def test_buckets(s3):
    name = unique("own")
    for _ in range(2):
        s3.create_bucket(Bucket=name)
    assert s3.get_bucket_location(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    (found,) = [one for one in s3.list_buckets()["Buckets"] if one["Name"] == name]
    assert found["CreationDate"].year > 2000


def test_what_is_stored_outlives_the_server(tmp_path):
    for attempt in range(2):
        with serving(tmp_path) as server:
            client = boto3.client("s3", endpoint_url=server.url)
            monitoring = boto3.client("sagemaker", endpoint_url=server.url)
            if attempt == 0:
                client.create_bucket(Bucket="kept")
                client.put_object(Bucket="kept", Key="a/b", Body=b"kept")
                monitoring.create_model(
                    ModelName="kept", ExecutionRoleArn="arn:aws:iam::000000000000:role/omm"
                )
            assert client.get_object(Bucket="kept", Key="a/b")["Body"].read() == b"kept"
            assert monitoring.describe_model(ModelName="kept")["ModelName"] == "kept"
