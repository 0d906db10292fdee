"""Pages of lists: order and length by operation, and the tokens that lead on (`api.md` §1.5)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from open_model_monitor.errors import InvalidRequest

SIGNATURE = 16  # bytes
_KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")


@dataclass(frozen=True, slots=True)
class ListRules:
    """How an operation lists: the member with the rows, what `SortBy` may be (default first), order, page size."""

    member: str
    sort_by: tuple[str, ...] = ("CreationTime", "Name")
    default_order: str = "Descending"
    default_size: int = 10


_DEFINITIONS = ListRules("JobDefinitionSummaries")

LISTINGS: Mapping[str, ListRules] = {
    "ListMonitoringSchedules": ListRules("MonitoringScheduleSummaries", ("CreationTime", "Name", "Status")),
    "ListMonitoringExecutions": ListRules(
        "MonitoringExecutionSummaries", ("CreationTime", "ScheduledTime", "Status")
    ),
    **{f"List{kind}JobDefinitions": _DEFINITIONS for kind in _KINDS},
    "ListMonitoringAlerts": ListRules("MonitoringAlertSummaries", ("Name",), "Ascending", 100),
    "ListMonitoringAlertHistory": ListRules(
        "MonitoringAlertHistory", ("CreationTime", "Status"), default_size=100
    ),
    "ListProcessingJobs": ListRules(
        "ProcessingJobSummaries", ("CreationTime", "Name", "Status"), default_order="Ascending"
    ),
    "ListEndpoints": ListRules("Endpoints", ("CreationTime", "Name", "Status")),
    "ListEndpointConfigs": ListRules("EndpointConfigs"),
    "ListModels": ListRules("Models"),
    "ListTransformJobs": ListRules("TransformJobSummaries", ("CreationTime", "Name", "Status")),
}


def encode(position: Sequence[Any], filters: Mapping[str, Any], secret: bytes) -> str:
    """Return the token that leads on from a position (sort key and ties) of a list with these filters."""
    content = msgspec.json.encode([list(position), _digest(filters)])
    return base64.urlsafe_b64encode(_sign(content, secret) + content).decode().rstrip("=")


def decode(token: str, filters: Mapping[str, Any], secret: bytes) -> list[Any]:
    """Return the position that a token names.

    Raises InvalidRequest if it is not one of ours, or was made for a list with other filters.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    signature, content = raw[:SIGNATURE], raw[SIGNATURE:]
    if not hmac.compare_digest(signature, _sign(content, secret)):
        raise InvalidRequest("The NextToken is not valid; start the list again without one")
    position, digest = msgspec.json.decode(content)
    if digest != _digest(filters):
        raise InvalidRequest("The NextToken belongs to a list with other filters; start again without one")
    return list(position)


def _sign(content: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, content, hashlib.sha256).digest()[:SIGNATURE]


def _digest(filters: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(filters, order="sorted")).hexdigest()[:16]
