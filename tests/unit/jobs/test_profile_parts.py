import pickle

import pyarrow as pa

from open_model_monitor.capture.record import Counts, Format, Part
from open_model_monitor.errors import ScriptFailure
from open_model_monitor.jobs.profile_parts import PartState, ProfileParts, merge_parts
from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions
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
    merged = loads(merge_parts(dumps(one), dumps(two)), PartState).selected
    assert (merged.met, merged.features) == ({"a"}, {"f"})


def test_merged_bytes_are_the_sum():
    merged = loads(merge_parts(dumps(state([1, 2])), dumps(state([3]))), PartState)
    assert merged.profile.rows == merged.counts.records_in == 3
    assert merged.counts.warnings == {"w": 2}
    assert len(merged.failures) == 2


def work(**more):
    fields = {"baseline_columns": (), "excluded": (), "options": ProfileOptions(), "script": None}
    return ProfileParts(Format("csv", header=True), None, (), **fields | more)


def profiled(tmp_path, **more):
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\n1,2,3\n")
    with work(**more)() as one:
        return loads(one(Part((str(path),), (False,), (False,))), PartState)


def test_columns_may_be_excluded_by_name_or_place(tmp_path):
    found = profiled(tmp_path, excluded=("b", "2", "none"))
    assert list(found.profile.columns) == ["a"]
    assert found.selected.met == {"b", "2"}


def test_missing_values_by_the_name_of_the_baseline(tmp_path):
    options = ProfileOptions(missing_values={"B!": ["2"], "": ["3"]})
    found = profiled(tmp_path, options=options, baseline_columns=("a", "B!", "c"))
    present = {name: sum(column.classes.values()) for name, column in found.profile.columns.items()}
    assert present == {"a": 1, "b": 0, "c": 0}


def test_progress_is_told(tmp_path):
    told = []
    profiled(tmp_path, progress=lambda read, rows: told.append(rows))
    assert told == [1]


def test_the_portable_half_travels():
    assert pickle.loads(pickle.dumps(work(progress=print).portable())) == work()
