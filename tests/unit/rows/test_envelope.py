import base64
import json

import pytest

from open_model_monitor.capture.record import Format
from open_model_monitor.rows.envelope import PlainCaptures, count_lines, plain_text

BOTH = Format("capture")


def line(inputs="1,2", outputs="0.5\n", *, encoding="CSV", kind="text/csv", **event):
    def section(data):
        if encoding == "BASE64":
            data = base64.b64encode(data.encode()).decode()
        return {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}

    named = {"endpointInput": inputs, "endpointOutput": outputs}
    sections = {name: section(data) for name, data in named.items() if data is not None}
    return json.dumps({"captureData": sections, "eventVersion": "0", **event}) + "\n"


def read(*lines, format_=BOTH, belongs=None):
    return PlainCaptures(format_).read("".join(lines).encode(), belongs)


@pytest.mark.parametrize("encoding", ["CSV", "BASE64"])
def test_payloads_of_both_sides(encoding):
    found = read(line(encoding=encoding), line("3,4", "0.7", encoding=encoding))
    assert (found.lines, found.records, found.inputs, found.outputs) == (
        2,
        2,
        ["1,2", "3,4"],
        ["0.5\n", "0.7"],
    )


def test_one_side_only():
    assert read(line(outputs=None)).outputs is None
    assert read(line(inputs=None)).inputs is None
    assert read(line(), format_=Format("capture", sections=("endpointInput",))).outputs is None


@pytest.mark.parametrize(
    "odd",
    [
        line(kind="text/csv; header=present"),
        line(encoding="JSON"),
        line(outputs=None),
        line(eventVersion="1"),
        line(eventMetadata={"invocationSource": "ShadowExperiment"}),
        line(eventMetadata=[]),
        '{"captureData": {}}\n',
        "\n",
        "no JSON\n",
        line()[:-1] + " " + line(),
    ],
)
def test_one_line_of_another_kind_spoils_the_block(odd):
    assert read(line(), odd) is None
    assert read(odd, line()) is None


def test_base64_must_be_csv():
    assert read(line(encoding="BASE64", kind="application/json")) is None
    assert read(line(encoding="BASE64").replace("observedContentType", "other")) is None
    assert read(line(encoding="BASE64", kind="text/CSV;x=y")).inputs == ["1,2"]
    assert read(line().replace('"CSV"', '"BASE64"')) is None


def test_only_what_lies_in_the_window_counts():
    early, late = (line(eventMetadata={"inferenceTime": time}) for time in ("2026-01-01", "2026-01-02"))
    found = read(early, late, line(), belongs=lambda moment: moment == "2026-01-02")
    assert (found.lines, found.records, len(found.inputs)) == (3, 1, 1)


def test_plain_text():
    assert plain_text(["1,2", "3,4"]) == b"1,2\n3,4"
    assert plain_text(["1,2\n", "3,4", "5,6\r\n"]) == b"1,2\n3,4\n5,6"
    assert plain_text(["é"]) == "é".encode()


@pytest.mark.parametrize("odd", ["", "\n", "1\n2", " ", '"1"', "\ufeff1", "1\r2"])
def test_more_or_less_than_a_plain_line(odd):
    assert plain_text(["1", odd]) is None
    assert plain_text([odd, "1"]) is None


@pytest.mark.parametrize("padded", ["\n1", "1\n\n", "\n\n1\n"])
def test_blank_lines_beside_the_line_do_no_harm(padded):
    assert plain_text(["2", padded]) in (None, b"2\n1")
    assert plain_text([padded, "2"]) in (None, b"1\n2")


def test_lines_are_counted_with_or_without_the_last_end():
    assert [count_lines(data) for data in (b"a\nb\n", b"a\nb", b"\n", b"a")] == [2, 2, 1, 1]


def test_a_last_payload_of_nothing_but_a_line_end_is_no_line():
    assert plain_text(["1,2", "\n"]) is None
    assert plain_text(["1,2", "3,4\n"]) == b"1,2\n3,4"
