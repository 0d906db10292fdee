"""A server that asks for keys: who is let in, who is refused and with which code (check 20)."""

import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path

import boto3
import botocore.auth
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from documents import processing_job
from harness import TRAINING, ended, omm, serving, unique


@pytest.fixture(scope="session")
def guarded(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("guarded"), auth="keys") as server:
        yield server


def make_key(server, *arguments):
    """Return access key and secret of a key made by the operator's command."""
    printed = omm("keys", "create", unique("key"), "--data", str(server.folder), *arguments)
    told = dict(word.split("=", 1) for word in printed.split() if "=" in word)
    return told["AWS_ACCESS_KEY_ID"], told["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture(scope="session")
def key(guarded):
    return make_key(guarded)


def connect(server, service, key=None, **config):
    access, secret = key or (None, None)
    config = Config(retries={"total_max_attempts": 1}, **config)
    return boto3.client(
        service,
        endpoint_url=server.url,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        config=config,
    )


def code_of(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"]


def test_a_good_key(guarded, key):
    assert connect(guarded, "sagemaker", key).list_monitoring_schedules()["MonitoringScheduleSummaries"] == []
    assert connect(guarded, "sts", key).get_caller_identity()["Account"] == "000000000000"
    s3 = connect(guarded, "s3", key)
    name = unique("guarded")
    s3.create_bucket(Bucket=name)
    s3.upload_file(str(TRAINING), name, "training.csv")
    client, job = connect(guarded, "sagemaker", key), unique("job")
    client.create_processing_job(**processing_job(job, name))
    assert ended(client, job)["ProcessingJobStatus"] == "Completed"
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=name)["Contents"]]
    assert f"{job}/constraints.json" in keys


def test_the_aws_cli(guarded, key):
    aws = shutil.which("aws", path=Path(sys.executable).parent)
    if aws is None:
        pytest.skip("the AWS CLI is not in this environment")
    command = [
        aws,
        "--endpoint-url",
        guarded.url,
        "--region",
        "us-east-1",
        "sagemaker",
        "list-processing-jobs",
    ]
    for secret, works in [(key[1], True), ("wrong", False)]:
        environment = {"AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": secret}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert (done.returncode == 0) == works, done.stderr
    assert "InvalidSignatureException" in done.stderr


def test_strangers(guarded, key):
    wrong, unknown = (key[0], "wrong"), ("OMMUNKNOWNUNKNOWN", key[1])
    assert code_of(connect(guarded, "sagemaker", wrong).list_endpoints) == "InvalidSignatureException"
    assert code_of(connect(guarded, "logs", wrong).describe_log_groups) == "InvalidSignatureException"
    assert code_of(connect(guarded, "s3", wrong).list_buckets) == "SignatureDoesNotMatch"
    assert code_of(connect(guarded, "iam", wrong).get_role, RoleName="omm") == "SignatureDoesNotMatch"
    assert code_of(connect(guarded, "sagemaker", unknown).list_endpoints) == "UnrecognizedClientException"
    assert code_of(connect(guarded, "s3", unknown).list_buckets) == "InvalidAccessKeyId"
    anonymous = connect(guarded, "sagemaker", signature_version=UNSIGNED)
    assert code_of(anonymous.list_endpoints) == "MissingAuthenticationTokenException"
    assert code_of(connect(guarded, "s3", signature_version=UNSIGNED).list_buckets) == "AccessDenied"


def test_a_clock_that_is_off(guarded, key, monkeypatch):
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() + timedelta(minutes=20))
    assert code_of(connect(guarded, "sagemaker", key).list_endpoints) == "InvalidSignatureException"
    assert code_of(connect(guarded, "s3", key).list_buckets) == "RequestTimeTooSkewed"
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() - timedelta(minutes=10))
    assert connect(guarded, "sagemaker", key).list_endpoints()["Endpoints"] == []


def test_a_body_that_was_changed(guarded, key):
    client = connect(guarded, "sagemaker", key)

    def tamper(request, **_):
        request.body = request.body.replace(b"churn", b"other")

    client.meta.events.register("before-send.sagemaker.*", tamper)
    role = "arn:aws:iam::000000000000:role/omm"
    assert (
        code_of(client.create_model, ModelName="churn", ExecutionRoleArn=role) == "InvalidSignatureException"
    )
    assert connect(guarded, "sagemaker", key).list_models()["Models"] == []


def test_a_target_that_was_not_signed(guarded, key):
    """A proxy or thief must not turn a signed request into another operation."""
    content = {"Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", guarded.url, headers=content, data=b"{}")
    SigV4Auth(Credentials(*key), "sagemaker", "us-east-1").add_auth(request)
    headers = dict(request.headers) | {"X-Amz-Target": "SageMaker.ListEndpoints"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(guarded.url, b"{}", headers, method="POST"))
    assert refused.value.code == 400
    assert "InvalidSignatureException" in refused.value.read().decode()


def test_a_link_that_was_changed(guarded, key):
    s3, name = connect(guarded, "s3", key, signature_version="s3v4"), unique("linked")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a", Body=b"a")
    link = s3.generate_presigned_url("get_object", {"Bucket": name, "Key": "a"})
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"a"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link.replace(f"/{name}/a?", f"/{name}/b?"))
    assert refused.value.code == 403


def test_scopes_and_revoking(guarded):
    reader = make_key(guarded, "--scopes", "read")
    client = connect(guarded, "sagemaker", reader)
    assert client.list_endpoints()["Endpoints"] == []
    arn = "arn:aws:iam::000000000000:role/omm"
    assert code_of(client.create_model, ModelName="model", ExecutionRoleArn=arn) == "AccessDeniedException"
    assert code_of(connect(guarded, "s3", reader).create_bucket, Bucket="denied") == "AccessDenied"
    omm("keys", "revoke", reader[0], "--data", str(guarded.folder))
    assert code_of(client.list_endpoints) == "UnrecognizedClientException"
