"""Job logs in CloudWatch Logs' words, as the SDK reads them."""

from datetime import timedelta

import pytest

from open_model_monitor.control.tables import EPOCH, jobs, log_events
from open_model_monitor.errors import InvalidRequest
from open_model_monitor.server.standins.logs import Logs, NoSuchLog

GROUP = {"logGroupName": "/aws/sagemaker/ProcessingJobs"}
STREAM = "job/algo-1-1"


@pytest.fixture
def logs(store, clock):
    """Lay a log of 25 lines, several at the same instant."""
    with store.begin() as transaction:
        times = {"created": clock(), "modified": clock()}
        for number, name in enumerate(("job", "job2")):
            realm = {"id": str(number), "account": "000000000000", "region": "us-east-1", "name": name}
            row = {
                **realm,
                **times,
                "status": "InProgress",
                "request": {},
                "stop_requested": False,
                "attempt": 1,
            }
            transaction.insert(jobs, **row)
        for place in range(25):
            time = clock() + timedelta(seconds=place // 10)
            transaction.insert(
                log_events, job="0", stream=STREAM, place=place, time=time, message=f"line {place}"
            )
        transaction.insert(
            log_events, job="1", stream="job2/algo-1-1", place=0, time=clock(), message="other"
        )
    return Logs(store)


def events(logs, caller, **request):
    return logs.answer(
        "GetLogEvents", {**GROUP, "logStreamName": STREAM, "startFromHead": True, **request}, caller
    )


def test_streams_of_one_job_whatever_the_limit(logs, caller):
    found = logs.answer("DescribeLogStreams", {**GROUP, "logStreamNamePrefix": "job/", "limit": 1}, caller)
    [stream] = found["logStreams"]
    assert stream["logStreamName"] == STREAM
    assert stream["lastEventTimestamp"] - stream["firstEventTimestamp"] == 2000
    assert logs.answer("DescribeLogStreams", {**GROUP, "logStreamNamePrefix": "nobody/"}, caller) == {
        "logStreams": []
    }


def test_pages_go_on_where_they_ended(logs, caller):
    token, seen = {}, []
    while True:
        page = events(logs, caller, limit=4, **token)
        if not page["events"]:
            assert page["nextForwardToken"] == token["nextToken"]
            break
        seen += [one["message"] for one in page["events"]]
        token = {"nextToken": page["nextForwardToken"]}
    assert seen == [f"line {n}" for n in range(25)]
    back = events(logs, caller, limit=4, nextToken="f/8")["nextBackwardToken"]
    assert [one["message"] for one in events(logs, caller, limit=4, nextToken=back)["events"]] == [
        f"line {n}" for n in range(4, 8)
    ]


def test_what_the_sdk_reads_again_comes_in_the_same_order(logs, caller, clock):
    start = (clock() - EPOCH) // timedelta(milliseconds=1) + 1000
    page = events(logs, caller, startTime=start)
    assert [one["message"] for one in page["events"]] == [f"line {n}" for n in range(10, 25)]
    end = events(logs, caller, startTime=start, endTime=start + 1000)
    assert [one["message"] for one in end["events"]] == [f"line {n}" for n in range(10, 20)]


def test_the_newest_come_without_start_from_head(logs, caller):
    page = events(logs, caller, startFromHead=False, limit=2)
    assert [one["message"] for one in page["events"]] == ["line 23", "line 24"]


def test_filtering(logs, caller):
    found = logs.answer(
        "FilterLogEvents", {**GROUP, "filterPattern": '"line 2"', "logStreamNamePrefix": "job/"}, caller
    )
    assert [one["message"] for one in found["events"]] == ["line 2", *(f"line {n}" for n in range(20, 25))]
    page = logs.answer("FilterLogEvents", {**GROUP, "limit": 20}, caller)
    rest = logs.answer("FilterLogEvents", {**GROUP, "limit": 20, "nextToken": page["nextToken"]}, caller)
    assert (len(page["events"]), len(rest["events"]), "nextToken" in rest) == (20, 6, False)
    with pytest.raises(InvalidRequest):
        logs.answer("FilterLogEvents", {**GROUP, "filterPattern": "{ $.a = 1 }"}, caller)


def test_what_is_not_there(logs, caller):
    with pytest.raises(NoSuchLog):
        logs.answer("DescribeLogStreams", {"logGroupName": "/other"}, caller)
    with pytest.raises(NoSuchLog):
        events(logs, caller, logStreamName="nobody/algo-1")
    for token in ("x", "f/x", "f/-1", "g/1", "f/" + "9" * 20):
        with pytest.raises(InvalidRequest):
            events(logs, caller, nextToken=token)


def test_other_accounts_see_nothing(logs, caller):
    import dataclasses

    stranger = dataclasses.replace(caller, account="111111111111")
    with pytest.raises(NoSuchLog):
        events(logs, stranger)
    assert logs.answer("FilterLogEvents", GROUP, stranger)["events"] == []


def test_groups(logs, caller):
    [group] = logs.answer("DescribeLogGroups", {}, caller)["logGroups"]
    assert group["logGroupName"] == GROUP["logGroupName"]
    assert logs.answer("DescribeLogGroups", {"logGroupNamePrefix": "/other"}, caller) == {"logGroups": []}
