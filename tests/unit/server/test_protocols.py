"""Routes, bodies and answers of each protocol."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.errors import ApiError, Misshapen
from open_model_monitor.server.messages import HttpRequest
from open_model_monitor.server.protocols import Route, answer, read, refuse, route

FORM = ("content-type", "application/x-www-form-urlencoded")


def request(method="POST", path="/", query="", body=b"", **headers):
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest(method, path, query, lines, body, "127.0.0.1")


def signed(service):
    return f"AWS4-HMAC-SHA256 Credential=K/20260131/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("asked", "service", "protocol", "operation"),
    [
        (request(x_amz_target="SageMaker.ListModels"), "sagemaker", "json", "ListModels"),
        (request(x_amz_target="SageMaker.ListModels", path="/base"), "sagemaker", "json", "ListModels"),
        (request(x_amz_target="Logs_20140328.GetLogEvents"), "logs", "json", "GetLogEvents"),
        (
            request(x_amz_target="GraniteServiceVersion20100801.ListMetrics"),
            "monitoring",
            "json",
            "ListMetrics",
        ),
        (
            request(smithy_protocol="rpc-v2-cbor", path="/service/G/operation/ListMetrics"),
            "monitoring",
            "cbor",
            "ListMetrics",
        ),
        (request(content_type=FORM[1], authorization=signed("sts")), "sts", "query", None),
        (
            request(content_type=FORM[1] + "; charset=utf-8", authorization=signed("iam")),
            "iam",
            "query",
            None,
        ),
        (
            request(path="/endpoints/e/invocations", authorization=signed("sagemaker")),
            "runtime",
            "json",
            "InvokeEndpoint",
        ),
        (request("GET", "/bucket/key", authorization=signed("s3")), "s3", "rest", None),
        (request("GET", "/bucket/key"), "s3", "rest", None),
        (request("GET", "/b/k", "X-Amz-Credential=K%2F20260131%2Fr%2Fs3%2Faws4_request"), "s3", "rest", None),
        (request(x_amz_target="Dynamo.List"), "unknown", "json", "Dynamo.List"),
        (request("GET", "/", authorization=signed("ec2")), "unknown", "json", None),
    ],
)
def test_routes(asked, service, protocol, operation):
    found = route(asked)
    assert (found.service, found.protocol, found.operation) == (service, protocol, operation)


def test_bodies_of_forms_become_values():
    items = b"MetricData.member.2.MetricName=n&MetricData.member.1.Value=1"
    body = b"Action=PutMetricData&Version=1&Namespace=a%20b&Empty=&" + items
    assert read(request(body=body), Route("monitoring", "query")) == (
        "PutMetricData",
        {"Namespace": "a b", "MetricData": [{"Value": "1"}, {"MetricName": "n"}], "Empty": ""},
    )


@given(st.binary(max_size=300))
def test_no_body_breaks_them(body):
    for found in (
        Route("iam", "query"),
        Route("sagemaker", "json", "ListModels"),
        Route("monitoring", "cbor", "X"),
    ):
        try:
            operation, _ = read(request(body=body), found)
        except Misshapen:
            continue
        assert isinstance(operation, str)


values = st.recursive(
    st.one_of(st.text(), st.integers(), st.booleans()), lambda v: st.lists(v, max_size=3), max_leaves=5
)


@given(st.dictionaries(st.from_regex(r"[A-Z][a-z]{0,8}", fullmatch=True), values, max_size=4), st.text())
def test_xml_is_always_well_formed(result, message):
    from xml.etree import ElementTree

    found = Route("iam", "query")
    ElementTree.fromstring(answer(found, "GetRole", result, "id").body)
    for protocol in ("query", "rest"):
        refused = refuse(Route("iam", protocol), ApiError(message), "id")
        assert message.strip() == "" or ElementTree.fromstring(refused.body) is not None


def test_heads_have_no_body():
    assert refuse(Route("s3", "rest"), ApiError("x"), "id", head=True).body == b""
