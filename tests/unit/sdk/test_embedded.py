"""Definitions inside of their schedules."""

from open_model_monitor.sdk.embedded import as_definition, as_embedded
from support.clients import embedded


def test_there_and_back():
    given = embedded(
        Environment={"A": "b"},
        BaselineConfig={"BaseliningJobName": "j"},
        StoppingCondition={"MaxRuntimeInSeconds": 900},
    )
    definition = as_definition(given)
    assert definition["DataQualityAppSpecification"]["Environment"] == {"A": "b"}
    assert as_embedded(definition) == given


def test_what_is_not_there_stays_so():
    given = embedded()
    assert as_embedded(as_definition(given)) == {**given, "Environment": {}}
