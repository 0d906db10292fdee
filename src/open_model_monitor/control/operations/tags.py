"""Tags of every resource (`api.md` §8)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from open_model_monitor.control.arns import ResourceName, parse
from open_model_monitor.control.operations.registry import JSON, Context, operation
from open_model_monitor.control.tables import jobs, resources, schedules, tags
from open_model_monitor.errors import InvalidRequest, LimitExceeded

MAX_TAGS = 50

# How the table of resources calls what an ARN names; the rest have tables of their own.
_RESOURCE_KINDS = {
    "data-quality-job-definition": "DataQualityJobDefinition",
    "model-quality-job-definition": "ModelQualityJobDefinition",
    "model-bias-job-definition": "ModelBiasJobDefinition",
    "model-explainability-job-definition": "ModelExplainabilityJobDefinition",
    "endpoint": "Endpoint",
    "endpoint-config": "EndpointConfig",
    "model": "Model",
    "transform-job": "TransformJob",
}


def add_tags(context: Context, arn: str, given: Sequence[JSON] | None) -> None:
    """Add tags to a resource, those of the same key are replaced.

    Raises LimitExceeded beyond 50.
    """
    for tag in given or ():
        values = {"arn": arn, "key": tag["Key"], "value": tag["Value"]}
        if not context.transaction.insert(tags, **values):
            context.transaction.update(tags, {"arn": arn, "key": tag["Key"]}, value=tag["Value"])
    if given and len(tags_of(context, arn)) > MAX_TAGS:
        raise LimitExceeded(f"{arn} would have more than {MAX_TAGS} tags, the quota per resource")


def tags_of(context: Context, arn: str) -> list[JSON]:
    """Return the tags of a resource, by key."""
    rows = context.transaction.all(select(tags).where(tags.c.arn == arn).order_by(tags.c.key))
    return [{"Key": row["key"], "Value": row["value"]} for row in rows]


def drop_tags(context: Context, arn: str) -> None:
    """Remove all tags of a resource that goes."""
    context.transaction.delete(tags, {"arn": arn})


@operation("AddTags")
def add_tags_operation(context: Context, request: JSON) -> JSON:
    """Add tags; answers with all of them."""
    arn = _existing(context, request["ResourceArn"])
    add_tags(context, arn, request["Tags"])
    return {"Tags": tags_of(context, arn)}


@operation("ListTags")
def list_tags(context: Context, request: JSON) -> JSON:
    """List all tags in one page: there are at most 50, and version 2 of the SDK follows no second one."""
    return {"Tags": tags_of(context, _existing(context, request["ResourceArn"]))}


@operation("DeleteTags")
def delete_tags(context: Context, request: JSON) -> JSON:
    """Remove tags by key; keys that are not there are no error."""
    arn = _existing(context, request["ResourceArn"])
    context.transaction.delete(tags, (tags.c.arn == arn) & tags.c.key.in_(request["TagKeys"]))
    return {}


def _existing(context: Context, arn: str) -> str:
    found = parse(arn)
    realm = {"account": found.account, "region": found.region}
    if realm != context.realm or not _is_there(context, found):
        raise InvalidRequest(f"Could not find resource {arn}")
    return arn


def _is_there(context: Context, found: ResourceName) -> bool:
    if found.kind == "monitoring-schedule":
        return context.transaction.get(schedules, **context.realm, name=found.name) is not None
    if found.kind == "processing-job":
        return context.transaction.get(jobs, **context.realm, name=found.name) is not None
    kind = _RESOURCE_KINDS[found.kind]
    return context.transaction.get(resources, **context.realm, kind=kind, name=found.name) is not None
