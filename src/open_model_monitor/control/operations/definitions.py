"""Job definitions: four kinds that differ by name only, in one table (`api.md` §5)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from open_model_monitor.control.arns import ResourceKind
from open_model_monitor.control.operations.listing import Noun, listed
from open_model_monitor.control.operations.registry import JSON, Context, operation
from open_model_monitor.control.operations.tags import add_tags, drop_tags
from open_model_monitor.control.store import Row
from open_model_monitor.control.tables import resources, schedules
from open_model_monitor.control.template import KINDS, NEEDS_LABELS, Template, of_definition
from open_model_monitor.control.windows import validate_pair
from open_model_monitor.errors import AlreadyExists, InvalidRequest, NotFound

_ARN_KINDS: dict[str, ResourceKind] = {
    "DataQuality": "data-quality-job-definition",
    "ModelQuality": "model-quality-job-definition",
    "ModelBias": "model-bias-job-definition",
    "ModelExplainability": "model-explainability-job-definition",
}
_NOUN = Noun(
    resources,
    sort={"CreationTime": "created", "Name": "name"},
    equal={"EndpointName": "endpoint"},
    times={"CreationTime": "created"},
)


def find_definition(context: Context, kind: str, name: str) -> Row | None:
    """Return the row of a job definition, None if there is none."""
    return context.transaction.get(resources, **context.realm, kind=_table_kind(kind), name=name)


def _table_kind(kind: str) -> str:
    return f"{kind}JobDefinition"


def _register(kind: str) -> None:
    noun = f"{kind}JobDefinition"
    operation(f"Create{noun}")(lambda context, request: _create(context, request, kind))
    operation(f"Describe{noun}")(lambda context, request: _describe(context, request, kind))
    operation(f"Delete{noun}")(lambda context, request: _delete(context, request, kind))
    operation(f"List{noun}s")(lambda context, request: _list(context, request, kind))


for _kind in KINDS:
    _register(_kind)


def _create(context: Context, request: JSON, kind: str) -> JSON:
    tags = request.pop("Tags", None)
    name = request["JobDefinitionName"]
    template = of_definition(request, kind)
    check_template(template, application_path=_lower(f"{kind}AppSpecification"))
    created = context.transaction.insert(
        resources,
        **context.realm,
        kind=_table_kind(kind),
        name=name,
        created=context.now,
        modified=context.now,
        endpoint=template.endpoint,
        document=request,
    )
    if not created:
        raise AlreadyExists(f"Job definition {name} of type {kind} already exists; choose another name")
    arn = context.arn(_ARN_KINDS[kind], name)
    add_tags(context, arn, tags)
    return {"JobDefinitionArn": arn}


def check_template(template: Template, *, application_path: str) -> None:
    """Check what the shapes cannot say of a definition.

    Raises InvalidRequest.
    """
    if not template.input:
        raise InvalidRequest("Exactly one of EndpointInput and BatchTransformInput is required")
    validate_pair(*template.offsets, path="startTimeOffset")
    if template.kind in NEEDS_LABELS and not template.ground_truth:
        raise InvalidRequest(f"{template.kind} needs GroundTruthS3Input.S3Uri")
    if template.kind != "ModelQuality":
        return
    if not template.problem_type:
        raise InvalidRequest(
            f"1 validation error detected: Value at '{application_path}.problemType' failed to satisfy "
            "constraint: Member must not be null; set ProblemType, or problem_type in Environment"
        )
    attributes = [name for name in ("InferenceAttribute", "ProbabilityAttribute") if template.input.get(name)]
    if not attributes or (template.problem_type == "Regression" and "InferenceAttribute" not in attributes):
        wanted = (
            "InferenceAttribute"
            if template.problem_type == "Regression"
            else "InferenceAttribute or ProbabilityAttribute"
        )
        raise InvalidRequest(
            f"A required field is missing for problem type {template.problem_type}: {wanted}"
        )


def _describe(context: Context, request: JSON, kind: str) -> JSON:
    row = _existing(context, kind, request["JobDefinitionName"])
    return {
        **with_network_defaults(row["document"]),
        "JobDefinitionArn": context.arn(_ARN_KINDS[kind], row["name"]),
        "CreationTime": row["created"],
    }


def with_network_defaults(document: JSON) -> JSON:
    """Fill both booleans of a NetworkConfig: the SDK's attach() looks up both (`api.md` §3)."""
    network = document.get("NetworkConfig")
    if network is None:
        return document
    off = {"EnableInterContainerTrafficEncryption": False, "EnableNetworkIsolation": False}
    return {**document, "NetworkConfig": {**off, **network}}


def _delete(context: Context, request: JSON, kind: str) -> None:
    row = _existing(context, kind, request["JobDefinitionName"])
    using = context.transaction.scalar(
        select(schedules.c.name).where(
            schedules.c.account == row["account"],
            schedules.c.region == row["region"],
            schedules.c.kind == kind,
            schedules.c.definition == row["name"],
        )
    )
    if using is not None:
        raise InvalidRequest(
            f"Job definition {row['name']} is used by monitoring schedule {using}; delete or update that first"
        )
    drop_tags(context, context.arn(_ARN_KINDS[kind], row["name"]))
    context.transaction.delete(resources, {**context.realm, "kind": row["kind"], "name": row["name"]})


def _list(context: Context, request: JSON, kind: str) -> JSON:
    def summary(row: Row) -> dict[str, Any]:
        return {
            "MonitoringJobDefinitionName": row["name"],
            "MonitoringJobDefinitionArn": context.arn(_ARN_KINDS[kind], row["name"]),
            "CreationTime": row["created"],
            "EndpointName": row["endpoint"] or "",  # a required member, also where there is no endpoint
        }

    of_kind = [resources.c.kind == _table_kind(kind)]
    return listed(context, f"List{kind}JobDefinitions", request, _NOUN, summary, of_kind)


def _existing(context: Context, kind: str, name: str) -> Row:
    row = find_definition(context, kind, name)
    if row is None:
        raise NotFound(f"Could not find job definition {name} of type {kind}")
    return row


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
