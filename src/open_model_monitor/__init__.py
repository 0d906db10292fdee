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

__all__ = [
    "CaptureMiddleware",
    "CaptureSink",
    "Recorder",
    "Report",
    "WsgiCaptureMiddleware",
    "__version__",
    "check",
    "profile",
    "suggest",
]

_HOMES = {
    "CaptureMiddleware": "open_model_monitor.recording.asgi",
    "CaptureSink": "open_model_monitor.recording.sink",
    "Recorder": "open_model_monitor.recording.recorder",
    "WsgiCaptureMiddleware": "open_model_monitor.recording.wsgi",
    "check": "open_model_monitor.api",
    "profile": "open_model_monitor.api",
    "suggest": "open_model_monitor.api",
    "Report": "open_model_monitor.results.report",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: `import open_model_monitor` must stay light.
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
