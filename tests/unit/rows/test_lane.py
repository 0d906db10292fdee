from functools import partial

from open_model_monitor.capture.record import Block, Columns, Counts, Format, Row
from open_model_monitor.rows.batches import Batcher
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.lane import Lane

CSV = Format("csv", header=True)


def block(text, *, starts_object=True):
    return Block("file.csv", 2, text.encode(), "a,b", starts_object)


def test_without_a_handler_rows_are_converted():
    counts = Counts()
    (batch,) = Lane(CSV, Converter(CSV)).batches(block("1,x\n2,y\n"), counts)
    assert batch.to_pydict() == {"a": ["1", "2"], "b": ["x", "y"]}
    assert (counts.records_in, counts.rows_out) == (2, 2)


def test_a_handler_sees_the_header_once_per_object():
    seen = []

    def preprocess(item, counts):
        seen.append((item.value, item.header))
        return [Row(Columns(("n",), ("",), (True,)), [len(seen)], item.origin)]

    lane = Lane(CSV, Converter(CSV), preprocess)
    list(lane.batches(block("1,x\n"), Counts()))
    list(lane.batches(block("2,y\n", starts_object=False), Counts()))
    assert seen == [("a,b", True), ("1,x", False), ("2,y", False)]


def test_batches_are_cut_when_full(monkeypatch):
    monkeypatch.setattr("open_model_monitor.rows.lane.Batcher", partial(Batcher, max_rows=2))
    batches = list(Lane(CSV, Converter(CSV)).batches(block("1,x\n2,y\n3,z\n"), Counts()))
    assert [batch.num_rows for batch in batches] == [2, 1]


def test_a_batcher_may_wait_for_more_blocks():
    lane, counts = Lane(CSV, Converter(CSV)), Counts()
    batcher = Batcher(counts)
    assert list(lane.feed(block("1,x\n"), counts, batcher)) == []
    assert list(lane.feed(block("2,y\n", starts_object=False), counts, batcher)) == []
    assert batcher.flush().num_rows == counts.rows_out == 2


def test_the_line_in_hand_is_told_before_it_is_worked_on():
    hand, lines = [0], []

    def preprocess(item, counts):
        lines.append(hand[0])
        return []

    lane, counts = Lane(CSV, Converter(CSV), preprocess), Counts()
    list(lane.feed(block("1,x\n2,y\n"), counts, Batcher(counts), hand))
    assert lines[1:] == [2, 3]
