"""An endpoint as monitors know it: what it captures, and who watches it."""

from __future__ import annotations

from typing import Any

from open_model_monitor.sdk.data_quality import DefaultModelMonitor
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
            is_defined = bool(one.get("MonitoringJobDefinitionName"))
            kind: Any = MONITORS.get(one.get("MonitoringType", "DataQuality")) if is_defined else ModelMonitor
            if kind is not None:
                found.append(kind.attach(one["MonitoringScheduleName"], self.sagemaker_session))
        return found

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
