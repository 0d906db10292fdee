"""A preprocessor to start from, made for the payloads that were found; it runs as it is."""

from __future__ import annotations

from open_model_monitor.jobs.inspection import Autopsy, PayloadKind

_HEAD = '''"""Turns one captured record into rows. Written by `omm inspect` for what it found in

    {source}

{found}
Try it:  omm try THIS_FILE {source}
"""
'''

_CSV = """

def preprocess_handler(inference_record, logger):
    # A section is None where it was not captured; a record without it is dropped here.
    if inference_record.endpoint_input is None or inference_record.endpoint_output is None:
        return []
    outputs = inference_record.endpoint_output.data.rstrip("\\n").split(",")
    inputs = inference_record.endpoint_input.data.rstrip("\\n").split(",")
    # Keys are column names. These keep the order, output first, also where names are sorted as text;
    # give them the names of your baseline instead if it has any.
    return {str(position).zfill(20): value for position, value in enumerate(outputs + inputs)}
"""

_RECORD = '''

def preprocess_handler(inference_record, logger):
    outputs = rows_of(inference_record.endpoint_output or inference_record.batch_transform_output, "output")
    inputs = rows_of(inference_record.endpoint_input, "input")
    # Row by row; a side with a single row goes with each row of the other. [] drops the record.
    rows = []
    for place in range(max(len(outputs), len(inputs))):
        row = {}
        for side in (outputs, inputs):
            if side:
                row.update(side[place] if len(side) > 1 else side[0])
        rows.append(row)
    return rows


def rows_of(section, name):
    """The rows of a section: dicts of column name and value."""
    if section is None or section.data is None:
        return []
    text = section.data
    if section.encoding == "BASE64":
        content = base64.b64decode(text)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            return from_binary(content, name)
    if text.lstrip()[:1] in ("{", "["):
        return from_json(json.loads(text), name)
    return [
        {f"{name}_{position:03d}": field for position, field in enumerate(line.split(","))}
        for line in text.splitlines()
        if line.strip()
    ]


def from_json(value, name):
    # {"instances": [...]}, {"predictions": [...]} and the like hold one row per element.
    if isinstance(value, dict) and len(value) == 1:
        inner = next(iter(value.values()))
        if isinstance(inner, list):
            value = inner
    elements = value if isinstance(value, list) else [value]
    if elements and not isinstance(elements[0], (dict, list)):
        return [{name: element} for element in elements]
    return [flat(element, "" if isinstance(element, dict) else name) for element in elements]


def flat(value, name):
    """Nested objects and lists as one level of names: {"a": {"b": [1, 2]}} becomes a_b_000, a_b_001."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [(f"{position:03d}", item) for position, item in enumerate(value)]
    else:
        return {name: value}
    columns = {}
    for key, item in pairs:
        columns.update(flat(item, f"{name}_{key}" if name else str(key)))
    return columns


def from_binary(content, name):
    # To fill in: decode what your model reads or writes, and return a dict of numbers and texts per row.
    return [{f"{name}_bytes": len(content)}]
'''

_LINE = """

def preprocess_handler(line, logger):
    # Keys are column names; give them the names of your baseline if it has any.
    return {str(position).zfill(20): value for position, value in enumerate(line.split(","))}
"""

_VALUE = '''

def preprocess_handler(value, logger):
    # `value` is one JSON value, or one row of a table as a dict. [] drops it.
    return flat(value, "")


def flat(value, name):
    """Nested objects and lists as one level of names: {"a": {"b": [1, 2]}} becomes a_b_000, a_b_001."""
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [(f"{position:03d}", item) for position, item in enumerate(value)]
    else:
        return {name or "value": value}
    columns = {}
    for key, item in pairs:
        columns.update(flat(item, f"{name}_{key}" if name else str(key)))
    return columns
'''


def starting_script(autopsy: Autopsy) -> str:
    """Return the text of a preprocessor for what was found."""
    found = "".join(f"{_said(kind)}\n" for kind in autopsy.payloads[:8])
    # Backslashes and quotes of an address must not end the docstring.
    source = autopsy.source.replace("\\", "/").replace('"', "'")
    found = found.replace("\\", "/").replace('"""', "'''")
    head = _HEAD.format(source=source, found=found)
    if not any(kind.section for kind in autopsy.payloads):
        return head + (_LINE if "csv" in autopsy.format else _VALUE)
    if _is_plain_csv(autopsy):
        return head + _CSV
    return head + "\nimport base64\nimport json\n" + _RECORD


def _said(kind: PayloadKind) -> str:
    name = kind.section or "each"
    encoding = f" {kind.encoding}" if kind.encoding else ""
    return f"    {name}:{encoding} {kind.shape}, {kind.records} records"[:110]


def _is_plain_csv(autopsy: Autopsy) -> bool:
    sections = {kind.section for kind in autopsy.payloads}
    lines = all(kind.encoding == "CSV" and kind.shape.startswith("1 line") for kind in autopsy.payloads)
    return lines and sections == {"endpointInput", "endpointOutput"}
