import pyarrow as pa
import pytest

from open_model_monitor.capture.record import Counts
from open_model_monitor.errors import DataError, ScriptFailure
from open_model_monitor.jobs.part_state import PartProfiler, PartState, ProfileSettings
from open_model_monitor.jobs.profile_parts import merge_parts
from open_model_monitor.profiling.columns import DatasetProfile
from open_model_monitor.profiling.state import dumps, loads


def state(values):
    profile = DatasetProfile().update(pa.RecordBatch.from_pydict({"a": values}))
    failure = ScriptFailure("preprocessor", "call", "p.py", "ValueError", "no")
    return PartState(profile, Counts(records_in=len(values), warnings={"w": 1}), [failure])


def test_bytes_and_back():
    assert dumps(loads(dumps(state([1, 2])), PartState)) == dumps(state([1, 2]))


def test_what_was_selected_travels_too():
    one, two = state([1]), state([2])
    one.selected.met.add("a")
    two.selected.features.add("f")
    merged = loads(merge_parts([dumps(one), dumps(two)]), PartState).selected
    assert (merged.met, merged.features) == ({"a"}, {"f"})


def test_merged_bytes_are_the_sum():
    merged = loads(merge_parts([dumps(state([1, 2])), dumps(state([3]))]), PartState)
    assert merged.profile.rows == merged.counts.records_in == 3
    assert merged.counts.warnings == {"w": 2}
    assert len(merged.failures) == 2


def test_the_state_of_a_single_part_is_left_as_it_is():
    one = dumps(state([1, 2]))
    assert merge_parts([one]) == one
    with pytest.raises(ValueError, match="no parts"):
        merge_parts([])


def test_seconds_add_up():
    one, two = state([1]), state([2])
    one.seconds, one.script_seconds, two.seconds = 3.0, 2.0, 1.0
    merged = loads(merge_parts([dumps(one), dumps(two)]), PartState)
    assert (merged.seconds, merged.script_seconds) == (4.0, 2.0)


def test_batches_become_a_state_with_the_counts_of_the_part():
    profiler = PartProfiler(ProfileSettings(excluded=("b",)))
    profiler.add([pa.RecordBatch.from_pydict({"a": [1], "b": [2]})] * 3)
    found = profiler.state(Counts(records_in=3), [])
    assert (found.profile.rows, list(found.profile.columns), found.counts.records_in) == (3, ["a"], 3)


def test_too_many_columns_are_refused(monkeypatch):
    monkeypatch.setattr("open_model_monitor.jobs.part_state.MAX_COLUMNS", 1)
    with pytest.raises(DataError, match="more than 1 columns"):
        PartProfiler(ProfileSettings()).add([pa.RecordBatch.from_pydict({"a": [1], "b": [2]})] * 9000)


def test_a_batch_that_is_too_wide_is_refused_before_it_is_worked_on(monkeypatch):
    monkeypatch.setattr("open_model_monitor.jobs.part_state.MAX_COLUMNS", 1)
    profiler = PartProfiler(ProfileSettings())
    with pytest.raises(DataError, match="the latest 'a', 'b'"):
        profiler.add([pa.RecordBatch.from_pydict({"a": [1.5] * 9000, "b": [2] * 9000})])
    assert profiler._profile.width == 0
