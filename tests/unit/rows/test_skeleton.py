import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.rows.skeleton import AVAILABLE, MAX_TEXTS, SIDES, skeleton_of

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="built without a compiler")


def line(inputs="1,2", outputs="0.5\n", **metadata):
    sections = {"endpointInput": {"data": inputs, "encoding": "CSV"}, "endpointOutput": {"data": outputs}}
    return json.dumps({"captureData": sections, "eventMetadata": {"eventId": "a"} | metadata}) + "\n"


def read(*lines, like=None, sides=SIDES):
    return skeleton_of((like or lines[0]).encode(), sides).read("".join(lines).encode())


def test_texts_are_taken_out_of_lines():
    found = read(
        line(inferenceTime="t1", inferenceId="x"), line("3,4", "7", inferenceTime="t2", inferenceId="yy")
    )
    assert found.records == 2
    assert found.payloads == {"endpointInput": b"1,2\n3,4", "endpointOutput": b"0.5\n7"}
    assert found.times == b"t1\nt2"


def test_only_the_sides_that_are_asked_for():
    found = read(line(), line("3,4", "7"), sides=("endpointOutput",))
    assert (found.payloads, found.times) == ({"endpointOutput": b"0.5\n7"}, None)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_one_line_end_is_left_out(ending):
    assert read(line("1,2" + ending)).payloads["endpointInput"] == b"1,2"


def test_the_last_line_may_lack_its_end():
    assert read(line(), line("3,4").rstrip()).records == 2


@pytest.mark.parametrize(
    "other",
    [
        *[line(payload) for payload in ("", " 1", "1\n2", "1\n\n", "1\r", 'a"b', "a\\b", "é", "a\tb", "\n")],
        *[
            "\n",
            "{}\n",
            line()[:-2],
            line(inferenceId="x"),
            line().replace(": ", ":"),
            line() + " \n",
            line(eventId=5),
        ],
        *[line(eventId=text) for text in ('"', "\\", "é")],
        line().replace("CSV", "JSON"),
    ],
)
def test_what_is_otherwise_is_left_alone(other):
    assert read(line(), other) is None
    assert read(other, line(), like=line()) is None


def test_a_capture_of_too_many_texts_has_no_skeleton():
    names = {f"name{i}": "x" for i in range(MAX_TEXTS)}
    assert skeleton_of(line(**names).encode(), SIDES) is None


def test_the_last_of_repeated_keys_is_the_one():
    repeated = '{"captureData":{"endpointInput":{"data":"9","data":%s}}}\n'
    found = read(repeated % '"1"', repeated % '"2"', sides=("endpointInput",))
    assert found.payloads == {"endpointInput": b"1\n2"}


@given(
    st.binary(max_size=80)
    | st.lists(st.sampled_from([b"<", b">\n", b">", b"a", b"\\n", b'"'])).map(b"".join),
    st.lists(st.sampled_from([b"", b"<", b'"', b'">', b"\n"]), min_size=1, max_size=5),
    st.lists(st.sampled_from("pts"), max_size=5).map("".join),
)
def test_the_loop_keeps_within_any_bytes(data, pieces, kinds):
    from open_model_monitor import _loops

    if len(pieces) != len(kinds) + 1:
        with pytest.raises(ValueError, match="one piece more"):
            _loops.scan(data, tuple(pieces), kinds.encode())
        return
    found = _loops.scan(data, tuple(pieces), kinds.encode())
    if found is not None:
        lines, texts = found
        assert len(texts) == len(kinds.replace("s", ""))
        assert all(text.count(b"\n") == lines - 1 for text in texts)
