"""Our SDK takes what SageMaker's takes (tests/data/sdk/signatures.json, written by tools/sdk_signatures.py)."""

import inspect
import json
from pathlib import Path

import pytest

import open_model_monitor as omm

DATA = Path(__file__).parents[1] / "data" / "sdk" / "signatures.json"
CLASSES = json.loads(DATA.read_text())["classes"]
LEFT_OUT = {  # and why
    "from_processing_name": "an object nobody makes by hand",
    "from_processing_job": "an object nobody makes by hand",
    "from_processing_arn": "an object nobody makes by hand",
    **dict.fromkeys(
        (f"prepare_{name}" for name in ("app_specification", "output_config", "processing_resources")),
        "pieces of requests",
    ),
    "prepare_stopping_condition": "pieces of requests",
    "start_new": "jobs are started by monitors",
    "delete": "jobs go when their time is over",
    "valid_monitoring_config": "the service says what is wrong",
    "valid_distribution_constraints": "the service says what is wrong",
    "valid_categorical_drift_method": "the service says what is wrong",
    "upload(callback)": "nothing here takes long enough",
}


@pytest.mark.parametrize("name", CLASSES)
def test_methods_take_the_same_arguments(name):
    ours, missing = getattr(omm, name), []
    for method, wanted in CLASSES[name].items():
        made = getattr(ours, method, None)
        if made is None:
            missing.append(method)
            continue
        have = {one.name: one.default for one in inspect.signature(made).parameters.values()}
        for parameter, *default in wanted:
            if parameter not in have:
                missing.append(f"{method}({parameter})")
            elif default and have[parameter] != default[0]:
                missing.append(f"{method}({parameter}={have[parameter]!r}, not {default[0]!r})")
    assert [one for one in missing if one not in LEFT_OUT] == []
