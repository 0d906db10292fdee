import json

import pytest

from open_model_monitor.capture.record import Block, Counts, Format
from open_model_monitor.errors import DataError
from open_model_monitor.rows import fast
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.fast import FastLane
from open_model_monitor.rows.lane import Lane

CSV, CAPTURES = Format("csv"), Format("capture")


class Watched(Lane):
    """A reference lane that remembers what it was given."""

    taken: list = []  # noqa: RUF012

    def batches(self, block, counts, **more):
        self.taken.append(block)
        return super().batches(block, counts, **more)


@pytest.fixture
def lane():
    Watched.taken = []
    return lambda format_: FastLane(Watched(format_, Converter(format_)), dict)


def block(text, **more):
    return Block("a", more.pop("first_line", 1), text.encode(), **more)


def run(lane, *blocks):
    counts = Counts()
    batches = [batch for one in blocks for batch in lane.batches(one, counts)]
    batches += lane.flush(counts)
    return [row for batch in batches for row in zip(*batch.to_pydict().values(), strict=True)], counts


def test_blocks_are_held_until_there_are_rows_enough(lane, monkeypatch):
    monkeypatch.setattr(fast, "FIRST_CELLS", 6)
    quick, counts = lane(CSV), Counts()
    assert list(quick.batches(block("1,2\n3,4\n"), counts)) == []
    (batch,) = quick.batches(block("5,6\n"), counts)
    assert (batch.num_rows, counts.rows_out, counts.row_widths, Watched.taken) == (3, 3, {2: 3}, [])


def test_a_line_that_does_not_fit_leaves_in_order_and_alone(lane):
    lines = [f"{i},x\n" for i in range(400)]
    lines[200] = '"200",y\n'
    rows, counts = run(lane(CSV), block("".join(lines[:190])), block("".join(lines[190:]), first_line=191))
    assert [row[0] for row in rows] == [str(i) for i in range(400)]
    assert counts.records_in == 400
    assert len(Watched.taken) == 1


def test_captures_of_another_kind_are_cut_out(lane):
    def capture(data):
        return json.dumps({"captureData": {"endpointInput": {"data": data, "encoding": "CSV"}}}) + "\n"

    lines = [capture(f"{i},1") for i in range(300)]
    lines[77] = capture("77,1\n77,2")
    lines[150] = "broken\n"
    rows, counts = run(lane(CAPTURES), block("".join(lines)))
    assert [row[0] for row in rows] == [str(i) for i in range(300) for _ in range(1 + (i == 77)) if i != 150]
    assert counts.lines_malformed == 1
    assert "151" in str(counts.malformed[0])
    assert 1 < len(Watched.taken) < 6
    assert sum(one.data.count(b"\n") for one in Watched.taken) < 80


def test_blocks_of_nothing_that_fits_are_not_cut(lane):
    odd = block('"1,5"\n' * 100)
    rows, _ = run(lane(CSV), odd, odd)
    assert len(rows) == 200
    assert [one.data for one in Watched.taken] == [odd.data] * 2


def test_a_header_names_the_columns(lane):
    counts = Counts()
    quick = lane(Format("csv", header=True))
    assert list(quick.batches(block("1,2\n", header="a,b"), counts)) == []
    (one, two) = [*quick.batches(block("3,4\n", header="b,c"), counts), *quick.flush(counts)]
    assert (one.schema.names, two.schema.names) == (["a", "b"], ["b", "c"])


def test_what_is_no_utf8_is_refused_here_too(lane):
    with pytest.raises(DataError, match="UTF-16"):
        run(lane(CSV), Block("a", 1, "1,2\n".encode("utf-16")))
