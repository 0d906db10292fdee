"""Rows of texts give the same profile in bulk as one by one, whatever stands between them."""

import itertools
import logging
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.capture.record import Block, Counts, Format
from open_model_monitor.jobs.part_state import PartProfiler, ProfileSettings
from open_model_monitor.profiling.columns import ProfileOptions
from open_model_monitor.rows.batches import Batcher
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.lane import Lane
from open_model_monitor.rows.scripts import Handler, Preprocessor
from open_model_monitor.rows.texts import LineReader

FORMAT = Format("jsonlines")
NAMES = ("a", "b", "c")

numbers = st.sampled_from(
    ["1", "2.5", "-3", "0.125", "-0", "1e5", "007", "12345678901234567890", "nan", "inf"]
)
strange = st.sampled_from(
    ["", " ", "\n", "a\nb", "x\r", "\r\n", "\x1f", "a\x1fb", "\ufeff1", "\0", '"', ",", "é", "😀"]
)
values = (
    st.none() | numbers | strange | st.text(max_size=3) | st.integers(-5, 5) | st.floats() | st.booleans()
)
texts = st.one_of(numbers, numbers, numbers, st.text(alphabet="ab1.", max_size=3))
whole = st.lists(texts, min_size=3, max_size=3)
rows = st.lists(whole | st.lists(texts | st.none(), min_size=3, max_size=3) | st.lists(values, max_size=3))


def profiled(rows, *, lines, cuts, few):
    """Return the packed state that a handler's rows lead to, in blocks that end at `cuts`."""
    waiting = iter([dict(zip(NAMES, row, strict=False)) for row in rows])
    handler = Handler(lambda _: next(waiting), "preprocessor", Path("p.py"))
    preprocessor = Preprocessor(handler, Converter(FORMAT), logging.getLogger("law"), lines=lines)
    lane, counts = Lane(FORMAT, Converter(FORMAT), preprocessor.rows), Counts()
    profiler = PartProfiler(ProfileSettings(ProfileOptions(max_categories=few, distinct_exact_limit=20)))
    batcher = Batcher(counts, max_rows=7, reader=LineReader(profiler.number_columns) if lines else None)
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for start, end in itertools.pairwise(bounds):
        profiler.add(lane.feed(Block("file", 1, b"1\n" * (end - start)), counts, batcher))
        profiler.add(batch for batch in [batcher.settle()] if batch is not None)
    profiler.add(batch for batch in [batcher.flush()] if batch is not None)
    return profiler.state(counts, []).to_dict()


@given(rows, st.lists(st.integers(0, 60), max_size=4), st.sampled_from([2, 120]))
def test_rows_in_bulk_and_one_by_one(rows, cuts, few):
    logging.disable(logging.CRITICAL)
    try:
        bulk, slow = (profiled(rows, lines=lines, cuts=cuts, few=few) for lines in (True, False))
    finally:
        logging.disable(logging.NOTSET)
    assert bulk == slow


@given(
    st.lists(
        st.sampled_from([("a", 5), ("a\x1fb", 5), ("a\x1fb", None), ("1", "2"), ("x", "\ud800")]), max_size=30
    )
)
def test_a_separator_does_not_stand_in_for_a_value(rows):
    test = [[first, second, "z"] for first, second in rows] + [["a\x1fb", "c", 7]] * 2
    logging.disable(logging.CRITICAL)
    try:
        bulk, slow = (profiled(test, lines=lines, cuts=[5], few=3) for lines in (True, False))
    finally:
        logging.disable(logging.NOTSET)
    assert bulk == slow
