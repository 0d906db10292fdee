"""Requests made from the service model, whole and broken: no answer is a 500, and no stranger succeeds."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from open_model_monitor.control.keys import Keyring
from open_model_monitor.control.migrating import migrate
from open_model_monitor.control.service import Service
from open_model_monitor.control.shapes import _compiled, _model, operations
from open_model_monitor.control.store import Store
from open_model_monitor.server.app import App, Standins
from open_model_monitor.server.exposition import Exposition
from open_model_monitor.server.identify import Identify
from open_model_monitor.server.standins.logs import Logs
from open_model_monitor.server.standins.metrics import Metrics
from open_model_monitor.settings import Settings

NOW = datetime(2026, 1, 31, tzinfo=UTC)
# Names that meet: what one request creates another one finds.
NAMES = st.sampled_from(["a", "b", "churn"])
MORE = {
    "ScheduleExpression": ["cron(0 * ? * * *)", "NOW", "cron(0 0/5 ? * * *)", "rate(5 minutes)", "x"],
    "MonitoringTimeOffsetString": ["-PT1H", "-PT0H", "-P8D", "P", "-PT99999H"],
    "RoleArn": ["arn:aws:iam::000000000000:role/omm"],
    "ResourceArn": [
        "arn:aws:sagemaker:us-east-1:000000000000:model/a",
        "arn:aws:sagemaker:us-east-1:000000000000:endpoint/a",
    ],
}
ANYTHING = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    *(
        st.just([]),
        st.just({}),
        st.lists(st.integers(), max_size=3),
        st.text("\x00\ud7ff\u2028é", max_size=5),
    ),
)


def of_shape(name, depth=0):
    """Return a strategy of values that a shape allows, more or less."""
    shape = _model()["shapes"][name]
    if name in MORE:
        return st.sampled_from(MORE[name])
    kind = shape["type"]
    if kind == "structure":
        required = shape.get("required", ())
        members = {
            member: st.deferred(lambda of=of: of_shape(of, depth + 1))
            for member, of in shape["members"].items()
        }
        optional = (
            {} if depth > 4 else {member: one for member, one in members.items() if member not in required}
        )
        return st.fixed_dictionaries({member: members[member] for member in required}, optional=optional)
    if kind == "list":
        low = shape.get("min", 0)
        return st.lists(
            st.deferred(lambda: of_shape(shape["member"], depth + 1)), min_size=low, max_size=max(low, 2)
        )
    if kind == "map":
        return st.dictionaries(
            of_shape(shape["key"], depth + 1), of_shape(shape["value"], depth + 1), max_size=2
        )
    if kind == "string":
        return strings(name, shape)
    if kind in ("integer", "long"):
        return st.integers(shape.get("min", 0), min(shape.get("max", 1000), 10**6))
    if kind == "boolean":
        return st.booleans()
    if kind == "timestamp":
        return st.integers(0, 4 * 10**9)
    return st.floats(allow_nan=False, allow_infinity=False)


def strings(name, shape):
    if "enum" in shape:
        return st.sampled_from(shape["enum"])
    if name.endswith("Name") and name != "TargetModel":
        return NAMES
    if "pattern" in shape and not shape["pattern"].startswith("(?!"):
        return st.from_regex(_compiled(shape["pattern"]), fullmatch=True).filter(
            lambda text: shape.get("min", 0) <= len(text) <= shape.get("max", 1024)
        )
    return st.text(min_size=shape.get("min", 0), max_size=min(shape.get("max", 40), 40))


@st.composite
def requests(draw):
    """Draw an operation and a request for it, which may have a wrong value somewhere."""
    operation = draw(st.sampled_from(operations()))
    request = draw(of_shape(_model()["operations"][operation]["input"]))
    if draw(st.booleans()):
        for _ in range(draw(st.integers(1, 2))):
            node = request
            while isinstance(node, dict | list) and node and draw(st.integers(0, 3)):
                key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
                if isinstance(node[key], dict | list) and node[key]:
                    node = node[key]
                    continue
                node[key] = draw(ANYTHING)
                break
    return operation, request


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    """Yield a client of a server that asks for nothing, and one of a server that wants keys."""
    folder = tmp_path_factory.mktemp("fuzz")
    store = Store(f"sqlite:///{folder}/omm.db")
    migrate(store)
    given_settings = Settings(
        data=str(folder), secret_key="x", endpoint_validation="off", schedule_extended=True
    )
    keyring = Keyring(store, given_settings)
    found = []
    for mode in ("none", "keys"):
        identify = Identify(given_settings, keyring, mode, lambda: NOW)
        service = Service(store, given_settings, lambda: NOW)
        standins = Standins({"logs": Logs(store).answer, "monitoring": Metrics(store, lambda: NOW).answer})
        app = App(service, identify, standins, Exposition(store, lambda: NOW))
        found.append(TestClient(app.asgi, base_url="http://127.0.0.1"))
    yield found
    store.close()


def ask(client, target, content, **headers):
    kind = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
    return client.post("/", content=content, headers={**kind, **headers})


WORDS = {
    "SerializationException",
    "ValidationException",
    "ResourceNotFound",
    "ResourceInUse",
    "ResourceLimitExceeded",
}


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(requests())
def test_every_answer_is_one_that_clients_know(clients, drawn):
    operation, request = drawn
    answer = ask(clients[0], f"SageMaker.{operation}", json.dumps(request))
    assert answer.status_code in (200, 400), (operation, request, answer.text)
    if answer.status_code == 400:
        assert answer.json()["__type"] in WORDS, (operation, request, answer.text)


logs = st.fixed_dictionaries(
    {},
    optional={
        "logGroupName": st.sampled_from(["/aws/sagemaker/ProcessingJobs", "x"]) | ANYTHING,
        "logStreamName": NAMES | ANYTHING,
        **dict.fromkeys(
            ("logStreamNamePrefix", "startTime", "nextToken", "limit", "filterPattern"), ANYTHING
        ),
    },
)
METRIC_MEMBERS = (
    *("Namespace", "MetricName", "MetricData", "Dimensions", "StartTime", "EndTime", "Period", "Statistics"),
    *("MetricDataQueries", "AlarmName", "AlarmNames", "NextToken"),
)
metrics = st.fixed_dictionaries({}, optional=dict.fromkeys(METRIC_MEMBERS, ANYTHING))


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.tuples(
            st.sampled_from(["DescribeLogStreams", "GetLogEvents", "FilterLogEvents", "DescribeLogGroups"]),
            logs,
        ).map(lambda pair: (f"Logs_20140328.{pair[0]}", pair[1])),
        st.tuples(
            st.sampled_from(
                ["PutMetricData", "ListMetrics", "GetMetricStatistics", "GetMetricData", "DescribeAlarms"]
            ),
            metrics,
        ).map(lambda pair: (f"GraniteServiceVersion20100801.{pair[0]}", pair[1])),
    )
)
def test_the_stand_ins_never_break(clients, drawn):
    target, request = drawn
    answer = ask(clients[0], target, json.dumps(request))
    assert answer.status_code in (200, 400), (target, request, answer.text)


headers = st.dictionaries(
    st.sampled_from(
        ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "x-forwarded-user"]
    ),
    st.text("AWS4-HMC SH256,=/Credentialgu0123456789abcdefTZ", max_size=120)
    | st.just(
        f"AWS4-HMAC-SHA256 Credential=K/20260131/r/sagemaker/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
    ),
)


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(operations()), headers, st.binary(max_size=100))
def test_no_stranger_succeeds(clients, operation, given_headers, body):
    answer = ask(clients[1], f"SageMaker.{operation}", body, **given_headers)
    assert answer.status_code == 400
    assert answer.json()["__type"].endswith("Exception")
