"""A postprocessor of the published kind: reads the violations where SageMaker puts them, notes the drift."""

import json
import re

FOLDER = "/opt/ml/processing/output"
DISTANCE = re.compile(r"distance: (.+) exceeds threshold: (.+)")


def postprocess_handler():
    with open(f"{FOLDER}/constraint_violations.json") as file:
        violations = json.load(file)["violations"]
    drifted = [
        (entry["feature_name"], *map(float, match.groups()))
        for entry in violations
        if (match := DISTANCE.search(entry["description"]))
    ]
    with open(f"{FOLDER}/drifted.csv", "w") as file:
        file.write("feature,distance,threshold\n")
        file.writelines(f'"{name}",{distance},{limit}\n' for name, distance, limit in drifted)
    print(f"{len(violations)} violations, {len(drifted)} of them drift")
