import pickle

from open_model_monitor.capture.record import Format, Part
from open_model_monitor.jobs.part_state import PartState, ProfileSettings
from open_model_monitor.jobs.profile_parts import ProfileParts
from open_model_monitor.profiling.columns import ProfileOptions
from open_model_monitor.profiling.state import loads


def work(**more):
    travelling = {name: more.pop(name) for name in ("script", "progress") if name in more}
    return ProfileParts(
        Format("csv", header=True), None, (), ProfileSettings(**more), **{"script": None} | travelling
    )


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
    assert told[-1] == 1


def test_the_portable_half_travels():
    assert pickle.loads(pickle.dumps(work(progress=print).portable())) == work()
