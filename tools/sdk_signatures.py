"""Write tests/data/sdk/signatures.json: what SageMaker's SDK takes, name by name. Run with .venv-sdk2's Python.

    .venv-sdk2/bin/python tools/sdk_signatures.py

Only names of parameters and plain defaults are kept, against which tests hold our own classes.
"""

import inspect
import json
from pathlib import Path

import sagemaker
from sagemaker import model_monitor, network, s3
from sagemaker.model_monitor import data_quality_monitoring_config as config
from sagemaker.model_monitor import monitoring_files

CLASSES = {
    model_monitor: [
        *(
            "BaseliningJob",
            "BatchTransformInput",
            "CronExpressionGenerator",
            "DataCaptureConfig",
            "DatasetFormat",
        ),
        *(
            "DefaultModelMonitor",
            "EndpointInput",
            "ModelMonitor",
            "ModelQualityMonitor",
            "MonitoringDatasetFormat",
        ),
        *("MonitoringExecution", "MonitoringOutput"),
    ],
    monitoring_files: ["ConstraintViolations", "Constraints", "Statistics"],
    config: ["DataQualityDistributionConstraints", "DataQualityMonitoringConfig"],
    network: ["NetworkConfig"],
    s3: ["S3Downloader", "S3Uploader"],
}
OUT = Path(__file__).parents[1] / "tests" / "data" / "sdk" / "signatures.json"


def methods(kind: type) -> dict[str, list[list[object]]]:
    """Return the parameters of public methods and of the constructor: a name, and a default where there is one."""
    found = {}
    for name in sorted(dir(kind)):
        made = getattr(kind, name)
        if not (name == "__init__" or not name.startswith("_")) or not callable(made):
            continue
        parameters = inspect.signature(made).parameters.values()
        found[name] = [
            [one.name] if one.default is inspect.Parameter.empty else [one.name, one.default]
            for one in parameters
            if one.name not in ("self", "cls")
        ]
    return found


def main() -> None:
    """Write the file."""
    classes = {name: methods(getattr(module, name)) for module, names in CLASSES.items() for name in names}
    text = json.dumps({"sagemaker": sagemaker.__version__, "classes": classes}, indent=1, sort_keys=True)
    OUT.write_text(text + "\n")


if __name__ == "__main__":
    main()
