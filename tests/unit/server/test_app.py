"""One listener: who is asked, how answers and errors look in each protocol."""

import json

import pytest
from starlette.testclient import TestClient

JSON = {"content-type": "application/x-amz-json-1.1"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


def scope(service, region="us-east-1"):
    credential = f"Credential=KEY/20260131/{region}/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature={'0' * 64}"}


def ask(client, target, body=None, **headers):
    content = json.dumps(body if body is not None else {})
    return client.post("/", content=content, headers={**JSON, "x-amz-target": target, **headers})


def test_sagemaker(client):
    answer = ask(client, "SageMaker.ListModels")
    assert (answer.status_code, answer.json()) == (200, {"Models": []})
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert len(answer.headers["x-amzn-requestid"]) == 36


def test_the_region_is_that_of_the_signature(client):
    request = {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::000000000000:role/omm"}
    answer = ask(client, "SageMaker.CreateModel", request, **scope("sagemaker", "eu-west-1"))
    assert answer.json()["ModelArn"] == "arn:aws:sagemaker:eu-west-1:000000000000:model/m"
    assert ask(client, "SageMaker.ListModels").json() == {"Models": []}


def test_an_operation_without_a_result_has_an_empty_body(client):
    request = {"ModelName": "m", "ExecutionRoleArn": "arn:aws:iam::000000000000:role/omm"}
    ask(client, "SageMaker.CreateModel", request)
    answer = ask(client, "SageMaker.DeleteModel", {"ModelName": "m"})
    assert (answer.content, answer.headers["content-length"]) == (b"", "0")


@pytest.mark.parametrize(
    ("target", "content", "status", "code"),
    [
        ("SageMaker.DescribeMonitoringSchedule", b'{"MonitoringScheduleName": "x"}', 400, "ResourceNotFound"),
        ("SageMaker.DescribeMonitoringSchedule", b"{}", 400, "ValidationException"),
        ("SageMaker.DescribeMonitoringSchedule", b"{", 400, "SerializationException"),
        ("SageMaker.DescribeMonitoringSchedule", b"[1]", 400, "SerializationException"),
        ("SageMaker.DescribeMonitoringSchedule", b"\xff", 400, "SerializationException"),
        ("SageMaker.DescribeMonitoringSchedule", b"[" * 100_000, 400, "SerializationException"),
        ("SageMaker.ListModels", b'{"NameContains": "\\u0000"}', 400, "SerializationException"),
        ("SageMaker.CreateNotebookInstance", b"{}", 400, "UnknownOperationException"),
        ("Logs_20140328.GetLogEvents", b'{"logGroupName": "x"}', 400, "ResourceNotFoundException"),
        ("Logs_20140328.PutLogEvents", b"{}", 400, "UnknownOperationException"),
        ("DynamoDB_20120810.ListTables", b"{}", 400, "UnknownOperationException"),
        ("SageMaker.ListModels", b" " * (1 << 20) + b" {}", 413, "RequestEntityTooLargeException"),
    ],
)
def test_errors_of_json_services(client, target, content, status, code):
    answer = client.post("/", content=content, headers={**JSON, "x-amz-target": target})
    assert (answer.status_code, answer.json()["__type"]) == (status, code)
    assert answer.headers["x-amzn-errortype"] == code
    assert answer.json()["message"]


def test_cloudwatch_speaks_json_1_0_and_tells_the_query_code(client):
    target = "GraniteServiceVersion20100801.GetMetricStatistics"
    answer = client.post(
        "/", content=b"{}", headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
    )
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-query-error"] == "InvalidParameterValue;Sender"
    cbor = {"smithy-protocol": "rpc-v2-cbor"}
    refused = client.post("/service/GraniteServiceVersion20100801/operation/ListMetrics", headers=cbor)
    assert refused.status_code == 400


def test_query_services(client):
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    answer = client.post("/", content=body, headers={**FORM, **scope("sts")})
    assert answer.status_code == 200
    assert "<GetCallerIdentityResult>" in answer.text
    assert "<Account>000000000000</Account>" in answer.text
    missing = client.post("/", content="Action=GetRole&RoleName=nobody", headers={**FORM, **scope("iam")})
    assert "<Code>NoSuchEntity</Code>" in missing.text
    for body in ("Action=Explode", "", "Action=GetRole&a..b=1", "Action=GetRole&a=1&a.b=2", "%ff%fe=1"):
        answer = client.post("/", content=body, headers={**FORM, **scope("iam")})
        assert 400 <= answer.status_code < 500
        assert "<ErrorResponse" in answer.text


def test_objects(client):
    assert client.put("/bucket", headers=scope("s3")).status_code == 200
    assert client.put("/bucket/a/b.txt", content=b"hello", headers=scope("s3")).status_code == 200
    assert client.get("/bucket/a/b.txt").content == b"hello"
    assert "<Code>NoSuchKey</Code>" in client.get("/bucket/missing").text


def test_without_the_developer_mode_there_are_no_objects(app):
    with TestClient(app(local=False).asgi, base_url="http://127.0.0.1") as client:
        answer = client.get("/bucket/key")
        assert answer.status_code == 400
        assert "omm serve --local" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8765"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_reach_nothing(client, headers):
    answer = ask(client, "SageMaker.ListModels", **headers)
    assert answer.json()["__type"] == "AccessDeniedException"
    assert "AccessDenied" in client.put("/bucket", headers={**scope("s3"), **headers}).text


def test_operating(client, app, store):
    assert client.get("/_omm/health").json() == {"status": "ok"}
    assert client.get("/_omm/ready").json() == {"status": "ready"}
    ask(client, "SageMaker.ListModels")
    ask(client, "SageMaker.Invented")
    text = client.get("/_omm/metrics").text
    assert 'omm_requests_total{operation="ListModels",service="sagemaker",status="200"} 1.0' in text
    assert "Invented" not in text
    assert "omm_tick_delay_seconds 0.0" in text


def test_draining(app):
    one = app(local=False)
    with TestClient(one.asgi, base_url="http://127.0.0.1") as client:
        one.draining = True
        assert client.get("/_omm/ready").status_code == 503
        assert client.get("/_omm/health").status_code == 200
        answer = ask(client, "SageMaker.ListModels")
        assert (answer.status_code, answer.json()["__type"]) == (503, "ServiceUnavailable")


def test_a_database_that_is_away(app, store, monkeypatch):
    from open_model_monitor.errors import StoreError

    def away():
        raise StoreError("secret words of the driver", retry=True)

    with TestClient(app(local=False).asgi, base_url="http://127.0.0.1") as client:
        monkeypatch.setattr(store, "read", away)
        monkeypatch.setattr(store, "ping", away)
        assert client.get("/_omm/ready").status_code == 503
        answer = ask(client, "SageMaker.ListModels")
        assert (answer.status_code, answer.json()["__type"]) == (503, "ServiceUnavailable")
        assert "secret" not in answer.text


def test_a_bug_of_ours_is_told_without_its_insides(app, monkeypatch, caplog):
    one = app(local=False)
    monkeypatch.setattr(one._service, "call", lambda *_: 1 / 0)
    with TestClient(one.asgi, base_url="http://127.0.0.1") as client:
        answer = ask(client, "SageMaker.ListModels")
    assert (answer.status_code, answer.json()["__type"]) == (500, "InternalFailure")
    assert "division" not in answer.text
    assert "ZeroDivisionError" in caplog.text
