"""Both lanes read the same bytes: same profile to the last bit, same counts, same samples."""

import base64
import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.capture import ranges
from open_model_monitor.capture.record import Block, Counts, Format, Window
from open_model_monitor.errors import DataError
from open_model_monitor.jobs.part_state import PartProfiler, ProfileSettings
from open_model_monitor.profiling import distinct
from open_model_monitor.profiling.columns import ProfileOptions
from open_model_monitor.rows import bulk, skeleton
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.decimals import AVAILABLE
from open_model_monitor.rows.fast import FastLane
from open_model_monitor.rows.lane import Lane

FEW = ProfileSettings(ProfileOptions(max_categories=3, distinct_exact_limit=50))
MORE = ProfileSettings(ProfileOptions(max_categories=8, watched=frozenset({"7", "0", "red"})))
CAPTURES = Format("capture")

numbers = st.one_of(
    st.integers(-20, 2000).map(str),
    st.floats(-1e3, 1e3).map(lambda x: f"{x:.3f}"),
    st.sampled_from(["5.", ".5", "-0", "-0.0", "007", "1e5", "12345678901234567890", "0"]),
)
words = st.sampled_from(
    ["", " ", "red", "nan", "NaN", "inf", "true", "+5", " 7 ", "0x1F", "é", "1,2", '"q"', "1e999"]
)
strange = st.one_of(
    st.just(""),
    st.just("  "),
    st.just("not json"),
    st.just('{"captureData": 5}'),
    st.just('{"captureData":{}}'),
    st.just("[1, 2]"),
    st.just('{"captureData":{"endpointInput":{"data":"1","encoding":"CSV"}},"eventVersion":"9"}'),
    st.just(
        '{"captureData":{"endpointInput":{"data":"1","encoding":"CSV"}},'
        '"eventMetadata":{"invocationSource":"ShadowExperiment"}}'
    ),
)


def capture(inputs, outputs, encoding="CSV", kind="text/csv", ending=""):
    def section(text):
        data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
        return {"observedContentType": kind, "data": data, "encoding": encoding}

    sections = {}
    if inputs is not None:
        sections["endpointInput"] = section(inputs)
    if outputs is not None:
        sections["endpointOutput"] = section(outputs + ending)
    event = {
        "captureData": sections,
        "eventMetadata": {"eventId": "e", "inferenceTime": "2026-01-01T00:00:00Z"},
    }
    return json.dumps(event | {"eventVersion": "0"}, ensure_ascii=False)


def same(blocks, format_=CAPTURES, window=None):
    for settings in (FEW, MORE):
        agree(blocks, format_, settings, window)


def agree(blocks, format_, settings, window):
    try:
        expected = state_of(blocks, format_, settings, window)
    except DataError as error:
        with pytest.raises(DataError, match=re.escape(str(error))):
            state_of(blocks, format_, settings, window, fast=True)
        return
    for loops in {False, AVAILABLE}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bulk, "DECIMALS", loops)
            patch.setattr(skeleton, "AVAILABLE", loops)
            patch.setattr(ranges, "HAS_LOOPS", loops)
            patch.setattr(distinct, "HAS_LOOPS", loops)
            found = state_of(blocks, format_, settings, window, fast=True)
        assert found.counts == expected.counts
        assert found.to_dict()["profile"] == expected.to_dict()["profile"]


def state_of(blocks, format_, settings, window=None, *, fast=False):
    profiler, counts = PartProfiler(settings), Counts()
    slow = Lane(format_, Converter(format_), None, window)
    quick = FastLane(slow, profiler.number_columns)
    for block in blocks:
        profiler.add((quick if fast else slow).batches(block, counts))
    profiler.add(quick.flush(counts))
    return profiler.state(counts, [])


def blocks_of(lines, size, **more):
    """Cut lines into blocks of `size` lines."""
    first, blocks = 1, []
    for start in range(0, len(lines), size):
        data = "".join(line + "\n" for line in lines[start : start + size]).encode()
        blocks.append(Block("a.jsonl", first, data, starts_object=start == 0, **more))
        first += data.count(b"\n")
    return blocks


def row(width, field=numbers):
    return st.lists(field, min_size=width, max_size=width).map(",".join)


uniform = st.tuples(
    st.integers(1, 4), st.sampled_from(["CSV", "BASE64"]), st.sampled_from(["", "\n"])
).flatmap(
    lambda drawn: st.lists(
        st.builds(
            lambda i, o: capture(i, o, drawn[1], ending=drawn[2]),
            row(drawn[0], numbers | words),
            row(1),
        ),
        max_size=40,
    )
)
kinds = {
    "few": st.integers(-2, 4).map(str),
    "long": st.floats(-2, 2).map(repr),
    "whole": st.integers(-20, 2000).map(str),
    "point": st.floats(-1e3, 1e3).map(lambda x: f"{x:.2f}"),
    "both": numbers,
}
columnar = st.lists(st.sampled_from([*kinds.values()]), min_size=1, max_size=4).flatmap(
    lambda columns: st.lists(
        st.tuples(*columns, st.sampled_from([*[kinds["point"]] * 9, words | numbers]).flatmap(lambda s: s)),
        min_size=30,
        max_size=90,
    )
)
any_capture = st.builds(
    capture,
    st.none() | row(2, numbers | words) | row(3) | st.just("1,2\n3,4"),
    st.none() | row(1, numbers | words) | row(2),
    st.sampled_from(["CSV", "CSV", "BASE64", "JSON"]),
    st.sampled_from(["text/csv", "text/csv; header=present", "application/json"]),
    st.sampled_from(["", "\n", "\r\n"]),
)


@given(uniform, st.integers(1, 20))
def test_uniform_captures(lines, size):
    same(blocks_of(lines, size))


@given(columnar, st.integers(5, 30))
def test_columns_of_numbers(rows, size):
    lines = [capture(",".join(fields), "0.5") for fields in rows]
    same(blocks_of(lines, size))
    same(blocks_of([",".join(fields) for fields in rows], size), Format("csv"))


@pytest.mark.skipif(not AVAILABLE, reason="built without a compiler")
def test_the_fast_lane_is_taken():
    lines = [capture(f"{i},{i / 4:.2f},{i % 2}", f"{i}.5") for i in range(18_000)]
    blocks, counts = blocks_of(lines, 9000), Counts()
    profiler, lane = PartProfiler(FEW), Lane(CAPTURES, Converter(CAPTURES))
    fast = FastLane(lane, profiler.number_columns)
    types = set()
    for block in blocks:
        batches = [*fast.batches(block, counts), *fast.flush(counts)]
        types |= {tuple(map(str, batch.schema.types)) for batch in batches}
        profiler.add(batches)
    assert types == {("string",) * 4, ("double", "double", "double", "int64")}
    assert counts.rows_out == 18_000


# Captures of one endpoint, as others write them: what differs from line to line is text; some lines are otherwise.
DATA = st.one_of(
    row(3).map(lambda text: text + "\n"), row(3), row(3, numbers | words),
    st.sampled_from(["", " ", "1,2", "1,2,3\n\n", "1,2,3\r\n", "1,2,3\r", "\n",
                     "1\\2,3,4", "a,é,c", "1,2,\u2028", "1,2,\x7f"]),
)  # fmt: skip
IDS = st.sampled_from(["a", "", "é", 'with "quotes"', "back\\slash", "line\nend", "0123456789"])
TIMES = st.sampled_from(
    [
        "2026-01-01T00:59:59Z",
        "2026-01-01T01:00:00Z",
        "2026-01-01T01:30:00Z",
        "2026-01-01T02:00:00Z",
        "never",
        "",
    ]
)
LAYOUTS = [
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","data":%(i)s,"encoding":"CSV"},'
    '"endpointOutput":{"data":%(o)s,"encoding":"CSV"}},"eventMetadata":{"eventId":%(e)s,"inferenceTime":%(t)s},'
    '"eventVersion":"0"}',
    '{ "eventMetadata" : {"inferenceTime" : %(t)s, "inferenceId": %(e)s, "n": 1}, "captureData" : '
    '{"endpointOutput":{"encoding":"CSV", "data" : %(o)s}, "endpointInput":{"encoding":"CSV","data":%(i)s}}} ',
    '{"captureData":{"endpointInput":{"data":"a\\":\\"b","data":%(i)s,"encoding":"CSV"}},'
    '"eventMetadata":{"eventId":%(e)s,"eventId":"data","inferenceTime":%(t)s}}',
    '{"eventMetadata":{"eventId":%(e)s},"captureData":{"endpointInput":{"encoding":"CSV","data":%(i)s},'
    '"endpointOutput":{"encoding":"JSON","data":%(o)s}}}',
    '{"captureData":{"endpointInput":{"data":%(i)s,"encoding":"CSV"}}}',
]
layout_lines = st.sampled_from(LAYOUTS).flatmap(
    lambda layout: st.lists(
        st.builds(
            lambda i, o, e, t, ascii: layout
            % {name: json.dumps(text, ensure_ascii=ascii) for name, text in zip("ioet", (i, o, e, t), strict=True)},
            st.sampled_from(["1,2.5,x", "3,-0.5,y\n"]) | DATA, row(1) | st.just("0.5\n"), IDS, TIMES, st.booleans(),
        ),
        max_size=25,
    )
)  # fmt: skip
WINDOW = Window(datetime(2026, 1, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 2, tzinfo=UTC))


@given(
    st.lists(layout_lines, min_size=1, max_size=3),
    st.integers(1, 12),
    st.booleans(),
    st.booleans(),
    st.sampled_from([("endpointInput", "endpointOutput"), ("endpointOutput",), ("endpointInput",)]),
    st.lists(strange, max_size=1),
)
def test_captures_that_differ_in_texts(groups, size, check_time, keep_undated, sections, odd):
    lines = [line for group in groups for line in group] + odd
    blocks = blocks_of(lines, size, check_time=check_time, keep_undated=keep_undated)
    same(blocks, Format("capture", sections=sections), window=WINDOW)


plain = (
    st.none()
    | st.booleans()
    | st.integers(-5, 3000)
    | st.floats(-9, 9, width=16)
    | st.sampled_from(["a", "7", "nan", "é"])
)
nested = plain | st.lists(st.integers(0, 3), max_size=2) | st.just({"x": 1})
keys = st.sampled_from(["a", "b", "c", "SageMakerInferenceId", "SageMakerOutput", "instances"])
flat_object = st.fixed_dictionaries({"a": plain, "b": plain}, optional={"c": plain})
any_json = (
    flat_object | st.dictionaries(keys, nested, max_size=3) | nested | st.lists(flat_object, max_size=2)
)
json_text = (
    flat_object.map(json.dumps)
    | any_json.map(json.dumps)
    | st.sampled_from(["", "{", '{"a":NaN}', " 5 ", "[1]\n"])
)
json_captures = st.builds(
    lambda i, o, kind: json.dumps({"captureData": {
        "endpointInput": {"data": i, "encoding": "JSON"}, "endpointOutput": {"data": o, "encoding": kind}}}),
    json_text, json_text | row(1) | st.just("0.5\n"), st.sampled_from(["JSON", "CSV"]),
)  # fmt: skip


@given(st.lists(json_captures, max_size=30), st.integers(1, 30))
def test_json_captures(lines, size):
    same(blocks_of(lines, size))


@given(
    st.lists(flat_object.map(json.dumps), max_size=30), st.lists(json_text, max_size=3), st.integers(1, 30)
)
def test_json_lines(lines, odd, size):
    lines = [text.replace("\n", " ") for text in [*lines, *odd, *lines]]
    same(blocks_of(lines, size), Format("jsonlines"))


@given(st.lists(any_capture | strange, max_size=40), uniform, st.integers(1, 30), st.randoms())
def test_mixed_captures(odd, lines, size, chance):
    for line in odd:
        lines.insert(chance.randint(0, len(lines)), line)
    same(blocks_of(lines, size))


@given(st.lists(row(3, numbers | words) | row(3) | row(2) | strange, max_size=60), st.integers(1, 30))
@pytest.mark.parametrize("header", [None, "a,b,c", "a,a,b", "x,y"])
@pytest.mark.parametrize("ending", ["", "\r"])
def test_csv(header, ending, lines, size):
    lines = [line + ending for line in lines]
    blocks = [b for b in blocks_of(lines, size, header=header) if b.data.strip() or header]
    same(blocks, Format("csv", header=header is not None))


@given(st.binary(max_size=200), st.integers(1, 9))
def test_any_bytes(data, size):
    lines = data.replace(b"\r", b"").decode("latin-1").split("\n")
    blocks = [Block("a", 1, line.encode("latin-1") + b"\n", starts_object=False) for line in lines]
    same(blocks[:size])
    same([b for b in blocks[:size] if b.data.strip()], Format("csv"))


def test_a_return_in_a_long_first_line_is_no_end_of_line():
    data = b"1,a\rb" + b"x" * 400 + b"\n" + b"1,2\n" * 20
    for header in (None, "a,b"):
        same([Block("a", 1, data, header=header)], Format("csv", header=header is not None))
