"""Open Model Monitor: SageMaker Model Monitor's runs, anywhere."""

from open_model_monitor.version import __version__

__all__ = ["__version__"]
