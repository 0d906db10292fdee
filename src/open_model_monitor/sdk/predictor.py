"""An endpoint as monitors know it: what it captures, and who watches it."""

from __future__ import annotations

from typing import Any

from open_model_monitor.sdk.data_quality import DefaultModelMonitor
from open_model_monitor.sdk.definitions import ANALYZER
from open_model_monitor.sdk.embedded import EMBEDDED, FAMILY
from open_model_monitor.sdk.inputs import DataCaptureConfig
from open_model_monitor.sdk.model_quality import ModelQualityMonitor
from open_model_monitor.sdk.own_image import ModelMonitor
from open_model_monitor.sdk.session import Session, named, session_of

MONITORS = {"DataQuality": DefaultModelMonitor, "ModelQuality": ModelQualityMonitor}


class Predictor:
    """An endpoint that is registered; it predicts nothing, which is its server's work."""

    def __init__(self, endpoint_name: str, sagemaker_session: Session | None = None) -> None:
        self.endpoint_name = endpoint_name
        self.sagemaker_session = session_of(sagemaker_session)

    def list_monitors(self) -> list[Any]:
        """Return the monitors of the endpoint, the newest first; those that do not run here are left out."""
        client = self.sagemaker_session.sagemaker_client
        listed = client.list_monitoring_schedules(
            EndpointName=self.endpoint_name, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
        )
        found: list[Any] = []
        for one in listed["MonitoringScheduleSummaries"]:
            kind = self._kind(one)
            if kind is not None:
                found.append(kind.attach(one["MonitoringScheduleName"], self.sagemaker_session))
        return found

    def _kind(self, summary: dict[str, Any]) -> Any:
        """Return the class of a monitor, None if it does not run here; an image of one's own is told by its address."""
        kind: Any = MONITORS.get(summary.get("MonitoringType", FAMILY))
        if kind is not DefaultModelMonitor or summary.get("MonitoringJobDefinitionName"):
            return kind
        described = self.sagemaker_session.sagemaker_client.describe_monitoring_schedule(
            MonitoringScheduleName=summary["MonitoringScheduleName"]
        )
        embedded = described["MonitoringScheduleConfig"].get(EMBEDDED) or {}
        image = embedded.get("MonitoringAppSpecification", {}).get("ImageUri", "")
        return DefaultModelMonitor if ANALYZER.partition("/")[2] in image else ModelMonitor

    def update_data_capture_config(self, data_capture_config: DataCaptureConfig) -> None:
        """Capture otherwise from now on: the endpoint gets another configuration."""
        client = self.sagemaker_session.sagemaker_client
        name = client.describe_endpoint(EndpointName=self.endpoint_name)["EndpointConfigName"]
        known = client.describe_endpoint_config(EndpointConfigName=name)
        config = named(self.endpoint_name)
        client.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=known["ProductionVariants"],
            DataCaptureConfig=data_capture_config._to_request_dict(),
        )
        client.update_endpoint(EndpointName=self.endpoint_name, EndpointConfigName=config)

    def disable_data_capture(self) -> None:
        """Capture nothing from now on."""
        self.update_data_capture_config(DataCaptureConfig(False, sagemaker_session=self.sagemaker_session))
