"""A registry of models, endpoint configurations, endpoints and transform jobs (`api.md` §9).

Nothing is hosted: the registry says where captured data lies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from open_model_monitor.control.operations.listing import Noun, listed
from open_model_monitor.control.operations.registry import JSON, Context, operation
from open_model_monitor.control.operations.tags import add_tags, drop_tags
from open_model_monitor.control.store import Row
from open_model_monitor.control.tables import resources
from open_model_monitor.errors import AlreadyExists, InvalidRequest

Registered = Literal["model", "endpoint-config", "endpoint", "transform-job"]
_NOUN = Noun(
    resources,
    sort={"CreationTime": "created", "Name": "name", "Status": "status"},
    equal={"StatusEquals": "status"},
    times={"CreationTime": "created", "LastModifiedTime": "modified"},
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind is called: in our table, in operations and members, in ARNs, and in messages."""

    noun: str
    arn: Registered
    words: str
    status: str | None = None

    @property
    def name(self) -> str:
        return f"{self.noun}Name"


MODEL = _Kind("Model", "model", "model")
CONFIG = _Kind("EndpointConfig", "endpoint-config", "endpoint configuration")
ENDPOINT = _Kind("Endpoint", "endpoint", "endpoint", "InService")
TRANSFORM = _Kind("TransformJob", "transform-job", "transform job", "Completed")


def _create(kind: _Kind) -> Callable[[Context, JSON], JSON]:
    def create(context: Context, request: JSON) -> JSON:
        tags, name = request.pop("Tags", None), request[kind.name]
        if kind is ENDPOINT:
            _find(context, CONFIG, request["EndpointConfigName"])
        made = context.transaction.insert(
            resources,
            **context.realm,
            kind=kind.noun,
            name=name,
            created=context.now,
            modified=context.now,
            status=kind.status,
            document=request,
        )
        arn = context.arn(kind.arn, name)
        if not made:
            if kind is TRANSFORM:
                raise AlreadyExists(f"Transform job {name} already exists; choose another name")
            raise InvalidRequest(f'Cannot create already existing {kind.words} "{arn}".')
        add_tags(context, arn, tags)
        return {f"{kind.noun}Arn": arn}

    return create


def _describe(kind: _Kind) -> Callable[[Context, JSON], JSON]:
    def describe(context: Context, request: JSON) -> JSON:
        row = _find(context, kind, request[kind.name])
        described = {
            **row["document"],
            f"{kind.noun}Arn": context.arn(kind.arn, row["name"]),
            "CreationTime": row["created"],
        }
        if kind is ENDPOINT:
            described |= {"EndpointStatus": row["status"], "LastModifiedTime": row["modified"]}
            described |= _in_service(context, row)
        if kind is TRANSFORM:
            # Registered only: the transformation happened elsewhere, and was over when it was told of.
            times = {"TransformStartTime": row["created"], "TransformEndTime": row["created"]}
            described |= {"TransformJobStatus": row["status"], **times}
        return described

    return describe


def _in_service(context: Context, endpoint: Row) -> JSON:
    """Return what an endpoint shows of its configuration; its DataCaptureConfig has another shape."""
    config = _find(context, CONFIG, endpoint["document"]["EndpointConfigName"])["document"]
    variants = [
        {"VariantName": one["VariantName"], "CurrentWeight": one.get("InitialVariantWeight", 1.0)}
        for one in config.get("ProductionVariants", ())
    ]
    shown: JSON = {"ProductionVariants": variants}
    if capture := config.get("DataCaptureConfig"):
        enabled = capture.get("EnableCapture", True)
        shown["DataCaptureConfig"] = {
            "EnableCapture": enabled,
            "CaptureStatus": "Started" if enabled else "Stopped",
            "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
            "DestinationS3Uri": capture["DestinationS3Uri"],
            "KmsKeyId": capture.get("KmsKeyId", ""),
        }
    return shown


def _delete(kind: _Kind) -> Callable[[Context, JSON], None]:
    def delete(context: Context, request: JSON) -> None:
        row = _find(context, kind, request[kind.name])
        if kind is CONFIG:
            _refuse_if_used(context, row)
        drop_tags(context, context.arn(kind.arn, row["name"]))
        context.transaction.delete(resources, {**context.realm, "kind": kind.noun, "name": row["name"]})

    return delete


def _refuse_if_used(context: Context, config: Row) -> None:
    endpoints = context.transaction.all(
        resources.select().where(
            resources.c.account == config["account"],
            resources.c.region == config["region"],
            resources.c.kind == ENDPOINT.noun,
        )
    )
    for endpoint in endpoints:
        if endpoint["document"]["EndpointConfigName"] == config["name"]:
            raise InvalidRequest(
                f"Endpoint configuration {config['name']} is used by endpoint {endpoint['name']}; delete that first"
            )


def _list(kind: _Kind, plural: str) -> Callable[[Context, JSON], JSON]:
    def summary(context: Context, row: Row) -> JSON:
        shown = {
            kind.name: row["name"],
            f"{kind.noun}Arn": context.arn(kind.arn, row["name"]),
            "CreationTime": row["created"],
        }
        if kind.status:
            shown |= {f"{kind.noun}Status": row["status"], "LastModifiedTime": row["modified"]}
        return shown

    def list_(context: Context, request: JSON) -> JSON:
        of_kind = [resources.c.kind == kind.noun]
        return listed(context, f"List{plural}", request, _NOUN, lambda row: summary(context, row), of_kind)

    return list_


for _kind in (MODEL, CONFIG, ENDPOINT, TRANSFORM):
    operation(f"Create{_kind.noun}")(_create(_kind))
    operation(f"Describe{_kind.noun}")(_describe(_kind))
    operation(f"List{_kind.noun}s")(_list(_kind, f"{_kind.noun}s"))
    if _kind is not TRANSFORM:
        operation(f"Delete{_kind.noun}")(_delete(_kind))


@operation("UpdateEndpoint")
def update_endpoint(context: Context, request: JSON) -> JSON:
    """Give an endpoint another configuration; it is in service at once."""
    row = _find(context, ENDPOINT, request["EndpointName"])
    _find(context, CONFIG, request["EndpointConfigName"])
    context.transaction.update(
        resources,
        {**context.realm, "kind": ENDPOINT.noun, "name": row["name"]},
        document={**row["document"], "EndpointConfigName": request["EndpointConfigName"]},
        modified=context.now,
    )
    return {"EndpointArn": context.arn("endpoint", row["name"])}


def _find(context: Context, kind: _Kind, name: str) -> Row:
    row = context.transaction.get(resources, **context.realm, kind=kind.noun, name=name)
    if row is None and kind is TRANSFORM:
        raise InvalidRequest(f"Could not find requested job with name: {name}")
    if row is None:
        raise InvalidRequest(f'Could not find {kind.words} "{context.arn(kind.arn, name)}".')
    return row
