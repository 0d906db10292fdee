"""Make `control/service_model.json` from the service model that botocore ships (Apache-2.0): what we answer, no prose.

python tools/service_model.py            writes the file
python tools/service_model.py --check    says what is new in the installed botocore, and fails if anything is
"""

import gzip
import json
import sys
from pathlib import Path

import botocore

TARGET = Path(__file__).parents[1] / "src/open_model_monitor/control/service_model.json"
KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
OPERATIONS = [
    *(f"{verb}MonitoringSchedule" for verb in ("Create", "Describe", "Update", "Start", "Stop", "Delete")),
    *("ListMonitoringSchedules", "ListMonitoringExecutions"),
    *("UpdateMonitoringAlert", "ListMonitoringAlerts", "ListMonitoringAlertHistory"),
    *(f"{verb}{kind}JobDefinition" for kind in KINDS for verb in ("Create", "Describe", "Delete")),
    *(f"List{kind}JobDefinitions" for kind in KINDS),
    *(f"{verb}ProcessingJob" for verb in ("Create", "Describe", "Stop", "Delete")),
    *("ListProcessingJobs", "AddTags", "ListTags", "DeleteTags"),
    *(
        f"{verb}{noun}"
        for noun in ("Model", "EndpointConfig", "Endpoint")
        for verb in ("Create", "Describe", "Delete")
    ),
    *("UpdateEndpoint", "ListModels", "ListEndpointConfigs", "ListEndpoints"),
    *("CreateTransformJob", "DescribeTransformJob", "ListTransformJobs"),
]
KEPT = ("type", "required", "min", "max", "pattern", "enum")


def made() -> dict:
    """Return the part of the model that we keep."""
    folder = Path(botocore.__file__).parent / "data/sagemaker/2017-07-24"
    packed = folder / "service-2.json.gz"
    text = (
        gzip.decompress(packed.read_bytes()) if packed.exists() else (folder / "service-2.json").read_bytes()
    )
    model = json.loads(text)
    operations, shapes, waiting = {}, {}, []
    for name in sorted(OPERATIONS):
        given = model["operations"][name]
        ends = {side: given[side]["shape"] for side in ("input", "output") if side in given}
        operations[name] = ends
        waiting += ends.values()
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = one = _kept(model["shapes"][name])
            waiting += one.get("members", {}).values()
            waiting += [one[side] for side in ("member", "key", "value") if side in one]
    origin = f"from botocore {botocore.__version__} (Apache-2.0), Amazon SageMaker Service 2017-07-24"
    return {"origin": origin, "operations": operations, "shapes": dict(sorted(shapes.items()))}


def _kept(shape: dict) -> dict:
    kept = {name: shape[name] for name in KEPT if name in shape}
    if "members" in shape:
        kept["members"] = {name: member["shape"] for name, member in shape["members"].items()}
    for side in ("member", "key", "value"):
        if side in shape:
            kept[side] = shape[side]["shape"]
    return kept


def main() -> int:
    """Write the file, or compare it."""
    new = made()
    if "--check" not in sys.argv:
        lines = [f'"origin":{json.dumps(new["origin"])}']
        for part in ("operations", "shapes"):  # a line each, so that changes can be read
            rows = ",\n".join(
                f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in new[part].items()
            )
            lines.append(f'"{part}":{{\n{rows}\n}}')
        TARGET.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")
        return 0
    old = json.loads(TARGET.read_text(encoding="utf-8"))
    changed = [
        f"{part} {name}"
        for part in ("operations", "shapes")
        for name in sorted({*old[part], *new[part]})
        if old[part].get(name) != new[part].get(name)
    ]
    print("\n".join(changed) or "nothing has changed")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
