"""Names of resources as ARNs (`api.md` §1.3): built for a caller, taken apart strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Protocol, cast, get_args

from open_model_monitor.errors import InvalidRequest

ResourceKind = Literal[
    "monitoring-schedule",
    "data-quality-job-definition",
    "model-quality-job-definition",
    "model-bias-job-definition",
    "model-explainability-job-definition",
    "processing-job",
    "endpoint",
    "endpoint-config",
    "model",
    "transform-job",
]

_ARN = re.compile(
    r"arn:(aws[a-z-]{0,20}):sagemaker:([a-z0-9-]{1,64}):([0-9]{12}):([a-z-]{1,40})/([A-Za-z0-9][A-Za-z0-9-]{0,62})"
)


class Realm(Protocol):
    """Where a resource lives."""

    @property
    def account(self) -> str:
        """Twelve digits."""
        ...

    @property
    def region(self) -> str:
        """Such as eu-west-1."""
        ...

    @property
    def partition(self) -> str:
        """Such as aws."""
        ...


@dataclass(frozen=True, slots=True)
class ResourceName:
    """What an ARN names."""

    kind: ResourceKind
    name: str
    account: str
    region: str


def arn(kind: ResourceKind, name: str, realm: Realm) -> str:
    """Return the ARN of a resource."""
    return f"arn:{realm.partition}:sagemaker:{realm.region}:{realm.account}:{kind}/{name}"


def parse(text: str) -> ResourceName:
    """Take an ARN apart.

    Raises InvalidRequest if it is not one of ours.
    """
    found = _ARN.fullmatch(text)
    if found is None or found[4] not in get_args(ResourceKind):
        raise InvalidRequest(
            f"Could not find resource {text[:256]}: it is no ARN of a kind that is kept here"
        )
    return ResourceName(cast(ResourceKind, found[4]), found[5], account=found[3], region=found[2])


def partition_of(region: str) -> str:
    """Return the partition of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
