"""Pages are stable and complete, whatever the order; ties included."""

import pytest

from open_model_monitor.errors import InvalidRequest
from support.clients import ROLE


@pytest.fixture
def models(call, clock):
    for number in range(7):  # some at the same instant
        call("CreateModel", ModelName=f"m{number}", ExecutionRoleArn=ROLE)
        clock.forward(seconds=number % 2)
    return [f"m{number}" for number in range(7)]


def pages(call, **request):
    token, found = {}, []
    while True:
        page = call("ListModels", **request, **token)
        found.append([one["ModelName"] for one in page["Models"]])
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("order", ["Ascending", "Descending"])
@pytest.mark.parametrize("sort", ["Name", "CreationTime"])
def test_every_page_once(call, models, size, order, sort):
    found = pages(call, MaxResults=size, SortBy=sort, SortOrder=order)
    expected = models if order == "Ascending" else models[::-1]
    assert [name for page in found for name in page] == expected
    assert all(len(page) == size for page in found[:-1])


def test_other_accounts_and_regions_see_nothing(call, models, caller):
    import dataclasses

    for change in ({"account": "111111111111"}, {"region": "eu-west-1"}):
        assert call("ListModels", caller=dataclasses.replace(caller, **change)) == {"Models": []}


@pytest.mark.usefixtures("models")
def test_a_token_belongs_to_its_filters(call):
    token = call("ListModels", MaxResults=1)["NextToken"]
    with pytest.raises(InvalidRequest, match="other filters"):
        call("ListModels", NameContains="m", NextToken=token)
    with pytest.raises(InvalidRequest, match="not valid"):
        call("ListModels", NextToken="invented")
