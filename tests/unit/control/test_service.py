"""The one door: scopes, repeats, the audit log."""

import dataclasses

import pytest
from sqlalchemy import select

from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.control.service import Service
from open_model_monitor.control.tables import audit
from open_model_monitor.errors import Denied, InvalidRequest, Misshapen, UnknownOperation
from support.clients import ROLE

MODEL = {"ModelName": "churn", "ExecutionRoleArn": ROLE}


def audited(store):
    with store.read() as transaction:
        rows = transaction.all(select(audit).order_by(audit.c.time, audit.c.id))
    return sorted((row["operation"], row["resource"], row["outcome"], row["principal"]) for row in rows)


def test_scopes(service, caller):
    reader = dataclasses.replace(caller, scopes=frozenset({"read"}))
    assert service.call("ListModels", {}, reader) == {"Models": []}
    with pytest.raises(Denied, match="'write'"):
        service.call("CreateModel", MODEL, reader)
    with pytest.raises(Denied, match="'run'"):
        service.call("StopProcessingJob", {"ProcessingJobName": "x"}, reader)
    writer = dataclasses.replace(caller, scopes=frozenset({"write"}))
    with pytest.raises(Denied, match="'read'"):
        service.call("ListModels", {}, writer)


def test_changes_are_audited_whatever_came_of_them(service, store, caller):
    caller = dataclasses.replace(caller, principal="OMMKEY", peer="127.0.0.1")
    service.call("CreateModel", MODEL, caller)
    with pytest.raises(InvalidRequest):
        service.call("CreateModel", MODEL, caller)
    service.call("ListModels", {}, caller)
    with pytest.raises(Denied):
        service.call("DeleteModel", {"ModelName": "churn"}, dataclasses.replace(caller, scopes=frozenset()))
    assert audited(store) == [
        ("CreateModel", "churn", "OK", "OMMKEY"),
        ("CreateModel", "churn", "ValidationException", "OMMKEY"),
        ("DeleteModel", "churn", "AccessDeniedException", "OMMKEY"),
    ]


def test_a_create_that_is_repeated_gets_the_first_answer(service, caller, clock):
    repeated = dataclasses.replace(caller, invocation_id="one")
    first = service.call("CreateModel", MODEL, repeated)
    assert service.call("CreateModel", MODEL, repeated) == first
    with pytest.raises(InvalidRequest):  # another call
        service.call("CreateModel", MODEL, dataclasses.replace(caller, invocation_id="two"))
    with pytest.raises(InvalidRequest):  # another body
        service.call("CreateModel", {**MODEL, "EnableNetworkIsolation": True}, repeated)
    clock.forward(seconds=61)
    with pytest.raises(InvalidRequest):
        service.call("CreateModel", MODEL, repeated)


def test_a_repeat_belongs_to_its_caller(service, caller):
    repeated = dataclasses.replace(caller, invocation_id="one")
    service.call("CreateModel", MODEL, repeated)
    elsewhere = dataclasses.replace(repeated, account="111111111111")
    answer = service.call("CreateModel", MODEL, elsewhere)
    assert ":111111111111:" in answer["ModelArn"]


def test_unknown_operations_and_bodies(service, caller):
    with pytest.raises(UnknownOperation, match="does not implement the operation Explode"):
        service.call("Explode", {}, caller)
    with pytest.raises(Misshapen):
        service.call("ListModels", ["not", "an", "object"], caller)


def test_tokens_outlive_the_server(store, settings, clock, caller):
    first = Service(store, settings, clock)
    for name in "ab":
        first.call("CreateModel", {**MODEL, "ModelName": name}, caller)
    token = first.call("ListModels", {"MaxResults": 1}, caller)["NextToken"]
    second = Service(store, settings, clock)
    assert (
        second.call("ListModels", {"NextToken": token, "MaxResults": 1}, caller)["Models"][0]["ModelName"]
        == "a"
    )


def test_partitions_show_in_arns(service):
    caller = Caller("000000000000", "cn-north-1", partition="aws-cn")
    assert service.call("CreateModel", MODEL, caller)["ModelArn"].startswith(
        "arn:aws-cn:sagemaker:cn-north-1:"
    )
