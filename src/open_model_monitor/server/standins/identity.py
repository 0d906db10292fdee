"""STS, IAM and SNS as far as SageMaker's clients ask them: who calls, which roles there are, messages to nobody.

Roles and topics are kept in a JSON file; a published message becomes a line of a file beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from open_model_monitor.control.operations.registry import JSON, Caller
from open_model_monitor.errors import InvalidRequest, Refused, UnknownOperation

DEFAULT_ROLE = "omm"  # the role that `omm client-env` tells clients to pass; it is always there
ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
TOPIC_NAME = re.compile(r"[\w-]{1,256}", re.ASCII)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}

Parameters = Mapping[str, Any]


class Identity:
    """Answers operations of the three services; what was created is in `folder`, and survives a restart."""

    def __init__(self, folder: Path, *, clock: Callable[[], datetime]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file, self._messages, self._clock = folder / "identity.json", folder / "messages.jsonl", clock
        self._changing = threading.Lock()
        kept = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._roles: dict[str, JSON] = kept.get("roles", {})
        self._topics: dict[str, JSON] = kept.get("topics", {})
        self._operations: dict[tuple[str, str], Callable[[Parameters, Caller], JSON]] = {
            ("sts", "GetCallerIdentity"): self._caller,
            ("sts", "AssumeRole"): self._assume,
            ("iam", "GetRole"): self._get_role,
            ("iam", "CreateRole"): self._create_role,
            ("iam", "AttachRolePolicy"): self._attach,
            ("iam", "ListAttachedRolePolicies"): self._attached,
            ("sns", "CreateTopic"): self._create_topic,
            ("sns", "ListTopics"): self._list_topics,
            ("sns", "Publish"): self._publish,
        }

    def answer(self, service: str, operation: str, parameters: Parameters, caller: Caller) -> JSON:
        """Return the result of an operation of `sts`, `iam` or `sns`; raises ApiError."""
        if (found := self._operations.get((service, operation))) is None:
            raise UnknownOperation(
                f"Open Model Monitor does not implement the operation {operation} of {service}"
            )
        return found(parameters, caller)

    # STS

    def _caller(self, parameters: Parameters, caller: Caller) -> JSON:
        # Only of an assumed role can SageMaker's SDK tell the role, which is what it asks for.
        session = re.sub(r"[^\w+=,.@-]", "-", caller.principal, flags=re.ASCII)[:64]
        role = f"assumed-role/{DEFAULT_ROLE}/{session}"
        arn = f"arn:{caller.partition}:sts::{caller.account}:{role}"
        return {"Account": caller.account, "UserId": f"{_id('AROA', DEFAULT_ROLE)}:{session}", "Arn": arn}

    def _assume(self, parameters: Parameters, caller: Caller) -> JSON:
        raise Refused(
            "AssumeRole: temporary credentials are not issued here; use the access key itself, which has the "
            "role's rights already",
            "AccessDenied",
            403,
        )

    # IAM

    def _get_role(self, parameters: Parameters, caller: Caller) -> JSON:
        return {"Role": self._described(self._role(parameters), caller)}

    def _create_role(self, parameters: Parameters, caller: Caller) -> JSON:
        name = _name(parameters, "RoleName", ROLE_NAME)
        with self._changing:
            if name == DEFAULT_ROLE or name in self._roles:
                raise Refused(f"Role with name {name} already exists.", "EntityAlreadyExists", 409)
            self._roles[name] = {
                "RoleName": name,
                "Path": str(parameters.get("Path") or "/"),
                "CreateDate": self._clock().timestamp(),
                "AssumeRolePolicyDocument": str(
                    parameters.get("AssumeRolePolicyDocument") or json.dumps(TRUST)
                ),
                "Policies": [],
            }
            self._keep()
        return {"Role": self._described(self._roles[name], caller)}

    def _attach(self, parameters: Parameters, caller: Caller) -> JSON:
        arn = str(parameters.get("PolicyArn") or "")
        if not arn.startswith("arn:"):
            raise Refused(f"PolicyArn {arn!r} is not an ARN", "ValidationError")
        with self._changing:
            role = self._role(parameters)
            self._roles[role["RoleName"]] = role | {"Policies": sorted({*role["Policies"], arn})}
            self._keep()
        return {}

    def _attached(self, parameters: Parameters, caller: Caller) -> JSON:
        names = [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
            for arn in self._role(parameters)["Policies"]
        ]
        return {"AttachedPolicies": names, "IsTruncated": False}

    def _role(self, parameters: Parameters) -> JSON:
        name = _name(parameters, "RoleName", ROLE_NAME)
        if found := self._roles.get(name):
            return found
        if name != DEFAULT_ROLE:
            raise Refused(f"The role with name {name} cannot be found.", "NoSuchEntity", 404)
        document = json.dumps(TRUST)
        return {
            "RoleName": name,
            "Path": "/",
            "CreateDate": 0.0,
            "AssumeRolePolicyDocument": document,
            "Policies": [],
        }

    def _described(self, role: JSON, caller: Caller) -> JSON:
        arn = f"arn:{caller.partition}:iam::{caller.account}:role{role['Path']}{role['RoleName']}"
        return {
            "Path": role["Path"],
            "RoleName": role["RoleName"],
            "RoleId": _id("AROA", role["RoleName"]),
            "Arn": arn,
            "CreateDate": role["CreateDate"],
            "AssumeRolePolicyDocument": quote(role["AssumeRolePolicyDocument"], safe=""),  # as IAM sends it
        }

    # SNS

    def _create_topic(self, parameters: Parameters, caller: Caller) -> JSON:
        name = _name(parameters, "Name", TOPIC_NAME)
        arn = f"arn:{caller.partition}:sns:{caller.region}:{caller.account}:{name}"
        with self._changing:
            if arn not in self._topics:
                self._topics[arn] = {"CreateDate": self._clock().timestamp()}
                self._keep()
        return {"TopicArn": arn}

    def _list_topics(self, parameters: Parameters, caller: Caller) -> JSON:
        return {"Topics": [{"TopicArn": arn} for arn in sorted(self._topics)]}

    def _publish(self, parameters: Parameters, caller: Caller) -> JSON:
        arn, message = (str(parameters.get(name) or "") for name in ("TopicArn", "Message"))
        if not message:
            raise Refused("Invalid parameter: Empty message", "InvalidParameter")
        if arn not in self._topics:
            raise Refused(f"Topic does not exist: {arn or 'the request names no TopicArn'}", "NotFound", 404)
        published = {
            "MessageId": str(uuid.uuid4()),
            "Timestamp": self._clock().isoformat(),
            "TopicArn": arn,
            "Subject": parameters.get("Subject"),
            "Message": message,
        }
        with self._changing, self._messages.open("a", encoding="utf-8") as file:
            file.write(json.dumps(published, ensure_ascii=False) + "\n")
        return {"MessageId": published["MessageId"]}

    def _keep(self) -> None:
        temporary = self._file.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump({"roles": self._roles, "topics": self._topics}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._file)


def _name(parameters: Parameters, parameter: str, form: re.Pattern[str]) -> str:
    name = str(parameters.get(parameter) or "")
    if not form.fullmatch(name):
        raise InvalidRequest(f"{parameter} {name!r} must match {form.pattern}")
    return name


def _id(kind: str, name: str) -> str:
    return kind + hashlib.sha256(name.encode()).hexdigest()[:17].upper()
