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


def test_merged_bytes_are_the_sum():
    merged = loads(merge_parts(dumps(state([1, 2])), dumps(state([3]))), PartState)
    assert merged.profile.rows == merged.counts.records_in == 3
    assert merged.counts.warnings == {"w": 2}
    assert len(merged.failures) == 2


def work(**more):
    return ProfileParts(
        Format("csv", header=True), None, (), (), more.pop("excluded", ()), ProfileOptions(), None, **more
    )


def profiled(tmp_path, **more):
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\n1,2,3\n")
    with work(**more)() as one:
        return loads(one(Part((str(path),), (False,), (False,))), PartState)


def test_columns_may_be_excluded_by_name_or_place(tmp_path):
    assert list(profiled(tmp_path, excluded=("b", "2", "none")).profile.columns) == ["a"]


def test_progress_is_told(tmp_path):
    told = []
    profiled(tmp_path, progress=lambda read, rows: told.append(rows))
    assert told == [1]


def test_the_portable_half_travels():
    assert pickle.loads(pickle.dumps(work(progress=print).portable())) == work()
