"""Loading and understanding handlers; whole runs are in tests/contract/test_scripts.py."""

import decimal
import logging
import textwrap
from collections import OrderedDict

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from open_model_monitor.capture.record import CapturedData, Counts, Format, Item, Origin
from open_model_monitor.errors import ScriptError
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.scripts import Handler, Preprocessor, load

ORIGIN = Origin("captures.jsonl", 3, "event", None, None)
FORMATS = {"capture": Format("capture"), "csv": Format("csv", header=True), "json": Format("jsonlines")}


def record(request="1,2", response="0.5\n"):
    section = {"observedContentType": "text/csv", "encoding": "CSV"}
    return CapturedData(
        {
            "captureData": {
                "endpointInput": section | {"data": request},
                "endpointOutput": section | {"data": response},
            }
        }
    )


@pytest.fixture
def handle(tmp_path):
    """Return rows as dicts, and the counts, of a handler called with one item."""

    def call(function, kind="capture", value=None, *, header=False, skip=False):
        counts = Counts()
        handler = Handler(function, "preprocessor", tmp_path / "p.py")
        converter = Converter(FORMATS[kind])
        work = Preprocessor(handler, converter, logging.getLogger("preprocessor"), skip_failing=skip)
        item = Item(kind, record() if value is None else value, ORIGIN, header)
        rows = work.rows(item, counts)
        return [dict(zip(row.columns.names, row.values, strict=True)) for row in rows], counts

    return call


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ({"a": 1}, [{"a": 1}]),
        ([{"a": 1}, {"b": 2}], [{"a": 1}, {"b": 2}]),
        (({"a": 1},), [{"a": 1}]),
        (OrderedDict(a=1), [{"a": 1}]),
        (iter([{"a": 1}]), [{"a": 1}]),
        ([], []),
        ({}, []),
        (None, []),
        ([{"a": 1}, {}, None], [{"a": 1}]),
        ({0: "x", 1: "y"}, [{"0": "x", "1": "y"}]),
        ({decimal.Decimal("1.5"): 1}, [{"1.5": 1}]),
        (pd.DataFrame({"a": [1, 2]}), [{"a": 1}, {"a": 2}]),
        (pd.Series({"a": 1}), [{"a": 1}]),
        (pl.DataFrame({"a": [1, 2]}), [{"a": 1}, {"a": 2}]),
        (pa.table({"a": [1, 2]}), [{"a": 1}, {"a": 2}]),
        ({"a": 1, "eventVersion": "0", "eventMetadata": {"eventId": "x"}}, [{"a": 1}]),
        ({"a": 1, "eventMetadata": "text"}, [{"a": 1, "eventMetadata": "text"}]),
    ],
)
def test_what_may_be_returned(handle, returned, expected):
    rows, counts = handle(lambda _: returned)
    assert rows == expected
    assert counts.records_dropped_by_script == (not expected)


def test_the_record_or_its_dict_is_converted(handle):
    expected = [{"_c0": "0.5", "_c1": "1", "_c2": "2"}]
    for function in (lambda r: r, lambda r: r.as_dict(), lambda r: r.event_dict, lambda r: [r]):
        assert handle(function)[0] == expected


def test_a_generator_is_a_list_and_its_failure_is_the_handlers(handle):
    def broken(_):
        yield {"a": 1}
        raise ValueError("half way")

    with pytest.raises(ScriptError, match="half way"):
        handle(broken)


@pytest.mark.parametrize("returned", ["text", b"bytes", 1, 1.5, True, [1, 2], [[1]], object(), {"x"}])
def test_what_may_not_be_returned(handle, returned):
    with pytest.raises(ScriptError, match="accepted are a dict") as caught:
        handle(lambda _: returned)
    assert caught.value.failure.phase == "return value"


def test_drops_are_counted_by_how(handle):
    assert handle(lambda _: None)[1].returned_none == 1
    assert handle(lambda _: {})[1].returned_empty == 1
    assert handle(lambda _: [])[1].returned_none == 0


def test_failing_records_may_be_left_out(handle):
    rows, counts = handle(lambda _: 1 / 0, skip=True)
    assert (rows, counts.records_failed_in_script) == ([], 1)


HEADER = {"kind": "csv", "value": "a,b", "header": True}


def test_a_header_is_dropped_when_the_handler_drops_it_fails_or_returns_its_names(handle):
    for function in (
        lambda line: [],
        lambda line: [{"x": float(field)} for field in line.split(",")],
        lambda line: dict(enumerate(line.split(","))),
        lambda line: line,
    ):
        rows, counts = handle(function, **HEADER)
        assert rows == []
        assert counts.records_dropped_by_script == 0
    assert handle(lambda line: {"kept": 1}, **HEADER)[0] == [{"kept": 1}]


@pytest.fixture
def script(tmp_path):
    def write(source):
        path = tmp_path / "preprocessor.py"
        path.write_text(textwrap.dedent(source))
        return path

    return write


@pytest.mark.parametrize(
    ("definition", "logger"),
    [
        ("def preprocess_handler(r): pass", None),
        ("def preprocess_handler(r, l): pass", "positional"),
        ("def preprocess_handler(r, logger=None): pass", "positional"),
        ("def preprocess_handler(r, my_log=None): pass", "positional"),
        ("def preprocess_handler(r, debug=False): pass", None),
        ("def preprocess_handler(r, *, logger): pass", "keyword"),
        ("def preprocess_handler(r, *, logger=None): pass", "keyword"),
        ("def preprocess_handler(*a): pass", "positional"),
        ("def preprocess_handler(r, *a): pass", "positional"),
        ("def preprocess_handler(r=None): pass", None),
        ("import functools\npreprocess_handler = functools.partial(lambda x, r: r, 1)", None),
        ("preprocess_handler = dict", None),
    ],
)
def test_signatures(script, definition, logger):
    assert load(script(definition), "preprocessor").logger_as == logger


@pytest.mark.parametrize(
    "definition",
    [
        "def preprocess_handler(): pass",
        "def preprocess_handler(a, b, c): pass",
        "def preprocess_handler(a, *, other): pass",
        "preprocess_handler = 7",
        "raise SystemExit(0)",
        "import open_model_monitor.nothing",
        "",
    ],
)
def test_what_cannot_be_loaded(script, definition):
    with pytest.raises(ScriptError) as caught:
        load(script(definition), "preprocessor")
    assert caught.value.failure.phase == "load"


def test_main_blocks_do_not_run_and_the_file_knows_its_name(script):
    handler = load(
        script(
            """
            import os
            if __name__ == "__main__":
                raise RuntimeError("ran")
            NAME = os.path.basename(__file__)
            def preprocess_handler(r):
                return {"name": NAME}
            """
        ),
        "preprocessor",
    )
    assert handler.function(None) == {"name": "preprocessor.py"}


def test_one_file_may_hold_both(script):
    path = script("def preprocess_handler(r): pass\ndef postprocess_handler(): pass")
    assert load(path, "preprocessor").role == "preprocessor"
    assert load(path, "postprocessor").role == "postprocessor"


def test_chained_causes_stay_in_the_traceback(script, handle):
    path = script(
        """
        def inner():
            raise KeyError("deep")
        def preprocess_handler(r):
            try:
                inner()
            except KeyError as error:
                raise ValueError("outer") from error
        """
    )
    handler = load(path, "preprocessor")
    work = Preprocessor(handler, Converter(Format("capture")), logging.getLogger("x"))
    with pytest.raises(ScriptError) as caught:
        work.rows(Item("capture", record(), ORIGIN), Counts())
    text = caught.value.failure.traceback
    assert "KeyError: 'deep'" in text
    assert "direct cause" in text
    assert caught.value.failure.line == 8
