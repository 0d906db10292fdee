"""STS, IAM and SNS as far as SageMaker's SDK asks them."""

import pytest

from open_model_monitor.errors import ApiError
from open_model_monitor.server.standins.identity import Identity


def test_the_caller_is_an_assumed_role_so_that_the_sdk_finds_its_role(tmp_path, clock, caller):
    found = Identity(tmp_path, clock=clock).answer("sts", "GetCallerIdentity", {}, caller)
    assert found["Account"] == "000000000000"
    assert found["Arn"].startswith("arn:aws:sts::000000000000:assumed-role/")


def test_roles_survive_a_restart(tmp_path, clock, caller):
    policy = {"RoleName": "mine", "AssumeRolePolicyDocument": "{}"}
    made = Identity(tmp_path, clock=clock).answer("iam", "CreateRole", policy, caller)["Role"]
    again = Identity(tmp_path, clock=clock).answer("iam", "GetRole", {"RoleName": "mine"}, caller)["Role"]
    assert again["Arn"] == made["Arn"]
    with pytest.raises(ApiError) as caught:
        Identity(tmp_path, clock=clock).answer("iam", "GetRole", {"RoleName": "nobody"}, caller)
    assert caught.value.code == "NoSuchEntity"


def test_topics_keep_what_is_published(tmp_path, clock, caller):
    identity = Identity(tmp_path, clock=clock)
    arn = identity.answer("sns", "CreateTopic", {"Name": "alerts"}, caller)["TopicArn"]
    identity.answer("sns", "Publish", {"TopicArn": arn, "Message": "it drifts"}, caller)
    assert "it drifts" in (tmp_path / "messages.jsonl").read_text()
