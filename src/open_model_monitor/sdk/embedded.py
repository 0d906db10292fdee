"""Definitions inside of their schedules, as old templates have them, in the shape of those with a name."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]
FAMILY = "DataQuality"  # the only one that was ever embedded
EMBEDDED = "MonitoringJobDefinition"
SAME = ("RoleArn", "NetworkConfig", "StoppingCondition")


def as_definition(embedded: JSON) -> JSON:
    """Return an embedded definition as one with a name is described."""
    application = dict(embedded["MonitoringAppSpecification"])
    application["Environment"] = dict(embedded.get("Environment") or {})
    definition = {
        f"{FAMILY}AppSpecification": application,
        f"{FAMILY}JobInput": embedded["MonitoringInputs"][0],
        f"{FAMILY}JobOutputConfig": embedded["MonitoringOutputConfig"],
        "JobResources": embedded["MonitoringResources"],
        **{name: embedded[name] for name in SAME if name in embedded},
    }
    if embedded.get("BaselineConfig"):
        definition[f"{FAMILY}BaselineConfig"] = embedded["BaselineConfig"]
    return definition


def as_embedded(definition: JSON) -> JSON:
    """Return what `as_definition` was made of."""
    application = dict(definition[f"{FAMILY}AppSpecification"])
    embedded = {
        "Environment": application.pop("Environment", None) or {},
        "MonitoringAppSpecification": application,
        "MonitoringInputs": [definition[f"{FAMILY}JobInput"]],
        "MonitoringOutputConfig": definition[f"{FAMILY}JobOutputConfig"],
        "MonitoringResources": definition["JobResources"],
        **{name: definition[name] for name in SAME if name in definition},
    }
    if definition.get(f"{FAMILY}BaselineConfig"):
        embedded["BaselineConfig"] = definition[f"{FAMILY}BaselineConfig"]
    return embedded
