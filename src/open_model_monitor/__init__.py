"""Open Model Monitor: SageMaker Model Monitor's runs, anywhere.

import open_model_monitor as omm

baseline = omm.suggest("train.csv")
report = omm.check("captures/", baseline, preprocess="preprocessor.py")
"""

from typing import TYPE_CHECKING, Any

from open_model_monitor.version import __version__

if TYPE_CHECKING:
    from open_model_monitor.api import check, profile, suggest
    from open_model_monitor.recording.asgi import CaptureMiddleware
    from open_model_monitor.recording.recorder import Recorder
    from open_model_monitor.recording.sink import CaptureSink
    from open_model_monitor.recording.wsgi import WsgiCaptureMiddleware
    from open_model_monitor.results.report import Report
    from open_model_monitor.sdk.clarify import ModelBiasMonitor, ModelExplainabilityMonitor
    from open_model_monitor.sdk.client import Client, connect
    from open_model_monitor.sdk.data_quality import DefaultModelMonitor
    from open_model_monitor.sdk.exceptions import UnexpectedStatusException
    from open_model_monitor.sdk.files import Constraints, ConstraintViolations, Statistics
    from open_model_monitor.sdk.inputs import (
        BatchTransformInput,
        CronExpressionGenerator,
        DataCaptureConfig,
        DataQualityDistributionConstraints,
        DataQualityMonitoringConfig,
        DatasetFormat,
        EndpointInput,
        MonitoringDatasetFormat,
        MonitoringOutput,
        NetworkConfig,
        ProcessingInput,
        ProcessingOutput,
    )
    from open_model_monitor.sdk.jobs import BaseliningJob, MonitoringExecution
    from open_model_monitor.sdk.model_quality import ModelQualityMonitor
    from open_model_monitor.sdk.own_image import ModelMonitor
    from open_model_monitor.sdk.predictor import Predictor
    from open_model_monitor.sdk.session import Session
    from open_model_monitor.sdk.transfers import S3Downloader, S3Uploader

__all__ = [
    "BaseliningJob",
    "BatchTransformInput",
    "CaptureMiddleware",
    "CaptureSink",
    "Client",
    "ConstraintViolations",
    "Constraints",
    "CronExpressionGenerator",
    "DataCaptureConfig",
    "DataQualityDistributionConstraints",
    "DataQualityMonitoringConfig",
    "DatasetFormat",
    "DefaultModelMonitor",
    "EndpointInput",
    "ModelBiasMonitor",
    "ModelExplainabilityMonitor",
    "ModelMonitor",
    "ModelQualityMonitor",
    "MonitoringDatasetFormat",
    "MonitoringExecution",
    "MonitoringOutput",
    "NetworkConfig",
    "Predictor",
    "ProcessingInput",
    "ProcessingOutput",
    "Recorder",
    "Report",
    "S3Downloader",
    "S3Uploader",
    "Session",
    "Statistics",
    "UnexpectedStatusException",
    "WsgiCaptureMiddleware",
    "__version__",
    "check",
    "connect",
    "profile",
    "suggest",
]

_HOMES = {
    "BaseliningJob": "sdk.jobs",
    "BatchTransformInput": "sdk.inputs",
    "CaptureMiddleware": "recording.asgi",
    "CaptureSink": "recording.sink",
    "ConstraintViolations": "sdk.files",
    "Client": "sdk.client",
    "Constraints": "sdk.files",
    "CronExpressionGenerator": "sdk.inputs",
    "DataCaptureConfig": "sdk.inputs",
    "DataQualityDistributionConstraints": "sdk.inputs",
    "DataQualityMonitoringConfig": "sdk.inputs",
    "DatasetFormat": "sdk.inputs",
    "DefaultModelMonitor": "sdk.data_quality",
    "EndpointInput": "sdk.inputs",
    "ModelBiasMonitor": "sdk.clarify",
    "ModelExplainabilityMonitor": "sdk.clarify",
    "ModelMonitor": "sdk.own_image",
    "ModelQualityMonitor": "sdk.model_quality",
    "MonitoringDatasetFormat": "sdk.inputs",
    "MonitoringExecution": "sdk.jobs",
    "MonitoringOutput": "sdk.inputs",
    "NetworkConfig": "sdk.inputs",
    "Predictor": "sdk.predictor",
    "ProcessingInput": "sdk.inputs",
    "ProcessingOutput": "sdk.inputs",
    "Recorder": "recording.recorder",
    "Report": "results.report",
    "S3Downloader": "sdk.transfers",
    "S3Uploader": "sdk.transfers",
    "Session": "sdk.session",
    "Statistics": "sdk.files",
    "UnexpectedStatusException": "sdk.exceptions",
    "WsgiCaptureMiddleware": "recording.wsgi",
    "check": "api",
    "connect": "sdk.client",
    "profile": "api",
    "suggest": "api",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: `import open_model_monitor` must stay light.
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"open_model_monitor.{_HOMES[name]}"), name)
