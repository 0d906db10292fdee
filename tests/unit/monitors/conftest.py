import csv
import io
import json

import pyarrow as pa
import pytest
from jsonschema import Draft202012Validator

from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.data_quality import DataQuality
from open_model_monitor.profiling.columns import DatasetProfile


def _batch(columns, *, sections=None, named=True):
    fields, arrays = [], []
    for name, values in columns.items():
        array = values if isinstance(values, pa.Array) else pa.array(values)
        section = (sections or {}).get(name, "")
        metadata = {b"section": section.encode(), b"named": b"1" if named else b"0"}
        fields.append(pa.field(name, array.type, metadata=metadata))
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


@pytest.fixture
def batch():
    return _batch


@pytest.fixture
def table():
    """Read the text of a CSV file with a header as columns of text."""

    def read(text):
        header, *rows = csv.reader(io.StringIO(text))
        columns = zip(*rows, strict=True)
        return {name: pa.array(values, pa.string()) for name, values in zip(header, columns, strict=True)}

    return read


@pytest.fixture
def profile_of():
    """Return a profile of columns, seen through the options of a monitor."""

    def profile(columns, monitor=None, constraints=None, **kinds):
        options = monitor.profile_options(constraints) if monitor else None
        return DatasetProfile(options).update(_batch(columns, **kinds))

    return profile


@pytest.fixture
def analyse(profile_of):
    """Make a baseline of some columns and check others against it; returns both analyses."""

    def run(before, now, behaviour=None, *, edit=None, from_script=False, **how):
        behaviour = behaviour or Behaviour.sagemaker()
        monitor = DataQuality(behaviour)
        base = monitor.analyse(profile_of(before, monitor))
        constraints = base.constraints
        if edit is not None:
            document = constraints.to_dict()
            edit(document)
            constraints = type(constraints).from_dict(document)
        sections = dict.fromkeys(now, "script") if from_script else None
        profile = profile_of(now, monitor, constraints, sections=sections)
        return base, monitor.analyse(profile, constraints=constraints, baseline=base.statistics, **how)

    return run


# The schema of constraints does not know our block yet; it is added here, with every key required.
_BLOCK = {
    "type": "object",
    "additionalProperties": False,
    "required": list(Behaviour().to_dict()),
    "properties": {**{key: {} for key in Behaviour().to_dict()}, "output_columns_position": {}},
}


@pytest.fixture
def valid(data):
    """Validate a document that we wrote."""

    def validate(document, kind):
        path = data / "schemas" / f"data_quality_{kind}.schema.json"
        schema = json.loads(path.read_text())
        written = schema["$defs"]["written"]["properties"]
        if kind == "constraints":
            config = written["monitoring_config"]["properties"]
            config.setdefault("open_model_monitor", _BLOCK)
        Draft202012Validator(schema).validate(document)
        Draft202012Validator(schema | {"$ref": "#/$defs/written"}).validate(document)
        json.dumps(document, allow_nan=False)

    return validate
