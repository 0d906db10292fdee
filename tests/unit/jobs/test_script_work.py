import logging
from pathlib import Path

import pytest

from open_model_monitor.capture.ipc import batch_from_ipc
from open_model_monitor.capture.record import Block, Counts, Format
from open_model_monitor.errors import DataError
from open_model_monitor.jobs.part_state import PartState, ProfileSettings
from open_model_monitor.jobs.script_work import InspectWork, PartWork
from open_model_monitor.profiling.state import loads
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.lane import Lane
from open_model_monitor.rows.scripts import Handler, Preprocessor

FORMAT = Format("jsonlines")
BLOCK = Block("file", 1, b'{"a": "1"}\n{"a": "2"}\n')


def parts_of(function, *, lines, skip=False):
    handler = Handler(function, "preprocessor", Path("p.py"))
    preprocessor = Preprocessor(
        handler, Converter(FORMAT), logging.getLogger("test"), skip_failing=skip, lines=lines
    )
    return Lane(FORMAT, Converter(FORMAT), preprocessor.rows), preprocessor


def part_work(function, **more):
    return PartWork(*parts_of(function, lines=True, **more), ProfileSettings(), [0])


def finished(work, **read):
    return loads(work.finish(Counts(**read))["part"], PartState)


def test_each_part_has_its_own_state():
    work = part_work(lambda value: value)
    work.take(BLOCK)
    work.take(BLOCK)
    first = finished(work, bytes_read=22)
    work.take(BLOCK)
    second = finished(work)
    assert (first.profile.rows, first.counts.records_in, first.counts.bytes_read) == (4, 4, 22)
    assert (second.profile.rows, second.counts.records_in, second.counts.bytes_read) == (2, 2, 0)


def test_failures_belong_to_their_part():
    work = part_work(lambda value: 1 / 0, skip=True)
    work.take(BLOCK)
    first = finished(work)
    assert ([f.exception_type for f in first.failures], first.counts.records_failed_in_script) == (
        ["ZeroDivisionError"],
        2,
    )
    assert finished(work).failures == []


def test_the_time_and_the_scripts_share_of_it_are_told():
    work = part_work(lambda value: [value for _ in range(20_000)][:1])
    for _ in range(20):
        work.take(BLOCK)
    state = finished(work)
    assert 0 < state.script_seconds < state.seconds


def test_a_generator_is_timed_too_and_its_elements_are_kept_apart():
    def rows(_):
        row = {}
        for n in range(2):
            row["n"] = n
            yield row

    work = part_work(rows)
    work.take(BLOCK)
    assert finished(work).profile.columns["n"].categories.counts == {"0": 2, "1": 2}


def test_the_line_in_hand_is_told():
    hand, seen = [0], []
    work = PartWork(*parts_of(lambda value: seen.append(hand[0]), lines=True), ProfileSettings(), hand)
    work.take(BLOCK)
    assert seen == [1, 2]


def test_too_many_columns_are_refused(monkeypatch):
    monkeypatch.setattr("open_model_monitor.jobs.part_state.MAX_COLUMNS", 1)
    work = part_work(lambda value: {"a": "1", "b": "2"})
    work.take(BLOCK)
    with pytest.raises(DataError, match="more than 1 columns"):
        work.finish(Counts())


def test_blocks_may_be_inspected_instead():
    work = InspectWork(*parts_of(lambda value: {**value, "n": None}, lines=False), [0])
    answer = work.take(BLOCK)
    (batch,) = map(batch_from_ipc, answer["batches"])
    assert batch.to_pydict() == {"a": ["1", "2"], "n": [None, None]}
    assert answer["counts"]["rows_out"] == 2
