import pytest

from open_model_monitor.capture.record import Counts
from open_model_monitor.errors import Malformed, NoData, ScriptError
from open_model_monitor.jobs.contract import Job, Options
from open_model_monitor.jobs.judging import judge_reading, judge_rows
from open_model_monitor.jobs.part_state import PartState
from open_model_monitor.profiling.columns import DatasetProfile


def seen(**counts):
    return PartState(DatasetProfile(), Counts(**counts))


def job(**more):
    return Job("captures/", more.pop("is_baseline", False), **more)


def judge(seen, job):
    judge_reading(seen, job)
    judge_rows(seen, job)


@pytest.mark.parametrize(
    ("counts", "more", "error", "says"),
    [
        ({}, {}, NoData, "Job inputs had no data"),
        ({"records_out_of_window": 3}, {}, NoData, "3 records lie outside the window"),
        ({"records_in": 5}, {}, NoData, "No row is left of 5 records"),
        ({"records_in": 2, "not_tabular": {"image/png": 2}}, {}, Malformed, "image/png"),
        ({"lines_read": 10, "lines_malformed": 2}, {}, Malformed, "2 of 10"),
        (
            {"objects_selected": 1, "objects_unreadable": 1, "warnings": {"x is cut off": 1}},
            {},
            Malformed,
            "cut off",
        ),
        (
            {"records_in": 4, "records_dropped_by_script": 4, "returned_none": 2},
            {"preprocessor": "p.py"},
            ScriptError,
            "missing return",
        ),
        (
            {"records_in": 4, "records_dropped_by_script": 4},
            {"preprocessor": "p.py", "is_baseline": True},
            NoData,
            "No row",
        ),
    ],
)
def test_what_cannot_be_analysed_is_refused(counts, more, error, says):
    with pytest.raises(error, match=says):
        judge(seen(**counts), job(**more))


def test_what_may_pass():
    judge(seen(records_in=4, records_dropped_by_script=4, returned_none=1), job(preprocessor="p.py"))
    judge(
        seen(records_in=9, lines_read=10, lines_malformed=5, records_dropped_by_script=9),
        job(preprocessor="p.py", options=Options(max_malformed_fraction=0.5)),
    )
