from pathlib import Path

import pytest

from open_model_monitor.rows.lint import lint

DEMO = Path(__file__).parents[3] / "examples" / "demo" / "preprocessor.py"


def texts(source, **more):
    return [hint.text for hint in lint(source, **more)]


def handler(body, helpers=""):
    return f"import json\n{helpers}\ndef preprocess_handler(record, logger):\n" + "".join(
        f"    {line}\n" for line in body.splitlines()
    )


def test_the_demo_gives_no_hint():
    assert lint(DEMO.read_text(), columns=70) == []


def test_what_does_not_parse_or_has_no_handler_gives_none():
    assert lint("def (") == []
    assert lint("x = 1\0") == []
    assert lint("def other(record): pass") == []


@pytest.mark.parametrize(
    "body",
    [
        "return {i: None if x == -1 else x for i, x in enumerate(record.x.split(','))}",
        "fields = record.x.split(',')\nreturn {'a': 1} if fields[0] == -1 else {'a': 2}",
        "for f in record.a.split(',') + record.b.split(','):\n    if f != 0.5: return []\nreturn []",
        "return {'a': [x for x in record.x.split(',') if x == 3]}",
    ],
)
def test_text_never_equals_a_number(body):
    assert any("never equals a number" in text for text in texts(handler(body)))


@pytest.mark.parametrize(
    "body",
    [
        "fields = [float(x) for x in record.x.split(',')]\nreturn {'a': [x for x in fields if x == -1]}",
        "features = json.loads(record.x)['features']\nreturn [] if features[0] == -1 else {'a': 1}",
        "return {k: v for k, v in enumerate(record.x.split(',')) if k != 0}",
        "fields = record.x.split(',')\nfields = list(map(float, fields))\n"
        "return {'a': [f for f in fields if f == -1]}",
        "fields = record.x.split(',')\nreturn {'n': 1} if len(fields) == 3 else []",
        "return {'a': [x for x in record.x.split(',') if x == '-1']}",
    ],
)
def test_numbers_may_be_compared(body):
    assert texts(handler(body)) == []


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("return {'a': record.event_data}", "event_data"),
        ("section = record.endpoint_input\nreturn {'a': section.content_type}", "content_type"),
        ("return {'a': record.endpoint_input.observed_content_type}", "observed_content_type"),
        ("return {'a': record.event_metadata.inference_id}", "inference_id"),
    ],
)
def test_attributes_that_never_were(body, name):
    assert [text for text in texts(handler(body)) if f"no attribute {name}" in text]


def test_other_objects_may_have_such_attributes():
    helpers = "def helper(response):\n    return response.content_type, response.event_data\n"
    assert texts(handler("mail = helper(1)\nreturn {'a': mail.content_type}", helpers)) == []


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "if record:\n    return {'a': 1}",
        "for x in [1]:\n    return {'a': 1}",
        "try:\n    return {'a': 1}\nexcept ValueError:\n    logger.info('oh')",
        "match record:\n    case 1:\n        return []",
    ],
)
def test_a_path_without_return(body):
    assert any("returns nothing" in text for text in texts(handler(body)))


@pytest.mark.parametrize(
    "body",
    [
        "if record:\n    return {'a': 1}\nelse:\n    raise ValueError",
        "with open('x') as f:\n    return {'a': 1}",
        "try:\n    x = 1\nexcept ValueError:\n    return []\nelse:\n    return {'a': x}",
        "try:\n    x = 1\nfinally:\n    return {'a': 1}",
        "match record:\n    case 1:\n        return []\n    case _:\n        return {'a': 1}",
        "while True:\n    return {'a': 1}",
        "yield {'a': 1}",
        "yield from [{'a': 1}]",
    ],
)
def test_every_path_returns(body):
    assert texts(handler(body)) == []


def test_unpadded_keys_matter_beyond_ten_columns():
    source = handler("return {str(i): x for i, x in enumerate(record.x.split(','))}")
    assert texts(source, columns=10) == texts(source) == []
    assert any("zfill" in text for text in texts(source, columns=11))
    for key in (
        "str(i).zfill(20)",
        "f'{i:03d}'",
        "f'c{i:05}'",
        "str(i).rjust(3, '0')",
        "'%03d' % i",
        "names[i]",
        "x",
    ):
        assert texts(source.replace("str(i)", key), columns=70) == []


def test_the_captured_output_ends_in_a_newline():
    joined = "return {'line': record.endpoint_output.data + ',' + record.endpoint_input.data}"
    assert any("newline" in text for text in texts(handler(joined)))
    assert texts(handler(joined.replace("endpoint_output.data", "endpoint_output.data.strip()"))) == []
    for helpers in (
        "def clean(text):\n    return text.rstrip()\n",
        "def clean(text):\n    return float(text)\n",
    ):
        assert texts(handler("return {'a': clean(record.endpoint_output.data)}", helpers)) == []
    assert texts(handler("return {'a': record.endpoint_input.data}")) == []


def test_output_that_was_not_captured():
    read = handler("return {'a': record.endpoint_output.data.strip()}")
    assert texts(read) == []
    assert any("endpoint_output is None" in text for text in texts(read, outputs_captured=False))
    for body in (
        "if record.endpoint_output is None:\n    return []\nreturn {'a': record.endpoint_output.data.strip()}",
        "return {'a': record.endpoint_output and record.endpoint_output.data.strip()}",
        "try:\n    return {'a': record.endpoint_output.data.strip()}\nexcept AttributeError:\n    return []",
    ):
        assert texts(handler(body), outputs_captured=False) == []
    checked = "def usable(r):\n    assert r.endpoint_output is not None\n    return True\n"
    body = "usable(record)\nreturn {'a': record.endpoint_output.data.strip()}"
    assert texts(handler(body, checked), outputs_captured=False) == []


def test_hints_are_sorted_and_told_once():
    source = handler("if record.event_data == record.event_data:\n    return {'a': 1}")
    hints = lint(source)
    assert [hint.line for hint in hints] == [3, 4]
