import pytest

from open_model_monitor.monitors import checks
from open_model_monitor.monitors.behaviour import Behaviour

RECOMMENDED = Behaviour.recommended()


def entries(analysis):
    return [(e["feature_name"], e["constraint_check_type"]) for e in analysis.violations]


def notices(analysis, kind):
    return [notice.text for notice in analysis.notices if notice.kind == kind]


def first(**values):
    def edit(document):
        document["features"][0] |= values

    return edit


FRACTIONS = {"a": ["1.5", "2.0", "7.25"] * 20}
MIXED = {"a": ["1.5", "2", "7.25"] * 20}


def test_classes_are_exact_unless_integers_count(analyse):
    _, now = analyse(FRACTIONS, MIXED)
    (entry,) = now.violations
    assert entry["description"] == (
        "Data type match requirement is not met. Expected data type: Fractional, Expected match: 100.0%. "
        "Observed: Only 66.66666666666666% of data is Fractional."
    )
    assert "integral_counts_as_fractional would accept" in notices(now, "exact_classes")[0]
    _, now = analyse(FRACTIONS, MIXED, RECOMMENDED)
    assert now.violations == []
    assert "the original would report" in notices(now, "exact_classes")[0]
    _, now = analyse({"a": ["1", "2"] * 20}, MIXED, RECOMMENDED)
    assert entries(now) == [("a", "data_type_check")]


def test_truths_count_as_text_and_numbers_do_not(analyse):
    _, now = analyse({"a": ["x", "y"] * 20}, {"a": ["true", "x"] * 20}, edit=first(string_constraints={}))
    assert entries(now) == []
    _, now = analyse({"a": ["x", "y"] * 20}, {"a": ["7", "8"] * 20}, edit=first(string_constraints={}))
    assert "Only 0.0% of data is String." in now.violations[0]["description"]


def test_missing_values_lower_completeness_only(analyse):
    _, now = analyse({"a": ["x", "y"] * 20}, {"a": ["x", ""] * 20})
    assert entries(now) == [("a", "completeness_check")]
    assert now.violations[0]["description"] == (
        "Data completeness requirement is not met. Expected: 100.0%. Observed: Only 50.0%."
    )


def test_known_values(analyse):
    _, now = analyse({"a": ["x", "y"] * 20}, {"a": ["x", "z", "", "Y"] * 10}, edit=first(completeness=0.5))
    assert entries(now)[0] == ("a", "categorical_values_check")
    assert now.violations[0]["description"] == (
        "Categorical value match requirement is not met. Expected match: 100.0%. "
        "Observed: 50.0% of the values match the known values."
    )


def test_known_values_among_too_many(analyse, profile_of):
    many = {"a": ["x"] * 300 + [f"v{i}" for i in range(200)]}
    base, now = analyse({"a": ["x", "y"] * 20}, many)
    found = [f for f in now.findings if f.constraint_check_type == "categorical_values_check"]
    assert [(f.holds, f.measured) for f in found] == [(False, 0.6)]
    from open_model_monitor.monitors.data_quality import DataQuality

    unwatched = DataQuality(Behaviour.sagemaker()).analyse(
        profile_of(many), constraints=base.constraints, baseline=base.statistics
    )
    assert notices(unwatched, "values_not_evaluated")
    assert "categorical_values_check" not in {f.constraint_check_type for f in unwatched.findings}


def test_thresholds_are_inclusive(analyse):
    def edit(document):
        document["monitoring_config"] |= {"datatype_check_threshold": 0.75, "domain_content_threshold": 0.75}
        document["features"][0]["completeness"] = 0.75

    three_of_four = {"a": ["x", "x", "y", "7"] * 10}
    _, now = analyse({"a": ["x", "y"] * 20}, three_of_four, edit=edit)
    assert entries(now) == []
    assert len(now.findings) == 6
    _, now = analyse({"a": ["x", "y"] * 20}, {"a": ["x", "y", "x", ""] * 10}, edit=edit)
    assert entries(now) == []


def test_what_is_absent_is_not_checked(analyse):
    def edit(document):
        document["features"] = [{"name": "a"}, {"name": "b", "inferred_type": "Unknown", "completeness": 0.0}]

    _, now = analyse({"a": ["x"] * 9, "b": [""] * 9}, {"a": [None, "7"] * 9, "b": ["7", "q"] * 9}, edit=edit)
    assert entries(now) == []


def test_a_column_without_values_has_no_type_to_check(analyse):
    _, now = analyse({"a": ["1", "2"]}, {"a": ["", ""]})
    assert entries(now) == [("a", "completeness_check")]


def test_negative_values_are_only_noticed(analyse):
    _, now = analyse({"a": ["1", "2"] * 9}, {"a": ["1", "-2"] * 9})
    assert entries(now) == []
    assert notices(now, "negative_values") == [
        "there are negative values down to -2.0 where the baseline has none"
    ]


def test_numbers_turned_text_by_a_few_values(analyse):
    base, now = analyse({"a": ["1", "2"] * 9}, {"a": ["1", "n/a", "2", "?", "3", "4", "5", "6", "-"]})
    assert notices(now, "numbers_turned_text") == [
        "3 of 9 values are no numbers and make the column text: 'n/a', '?', '-'"
    ]
    assert notices(base, "numbers_turned_text") == []
    base, now = analyse({"a": ["1", "2", "3", "x"]}, {"a": ["1", "2", "3", "x"]})
    assert notices(base, "numbers_turned_text")
    assert not notices(now, "numbers_turned_text")  # text is what this baseline expects


def test_evaluation_off_for_one_feature(analyse):
    edit = first(monitoring_config_overrides={"evaluate_constraints": "disabled"})
    _, now = analyse({"a": ["1"] * 9, "b": ["1"] * 9}, {"a": ["x"] * 9, "b": ["x"] * 9}, edit=edit)
    assert entries(now) == [("b", "data_type_check")]


@pytest.mark.parametrize("how", ["auto", "name", "position"])
def test_extra_and_missing_columns(analyse, how):
    behaviour = RECOMMENDED.overridden({"column_matching": how})
    before = {"a": ["x"] * 9, "b": ["1"] * 9, "c": ["1"] * 9}
    _, now = analyse(before, {"b": ["q"] * 9, "a": ["x"] * 9}, behaviour)
    counts = "Number of columns in current dataset: 2, Number of columns in baseline constraints: 3"
    missing = f"There are missing columns in current dataset. {counts}"
    assert now.violations[0]["feature_name"] == "Missing columns"
    if how == "position":  # that single violation is all
        assert [e["description"] for e in now.violations] == [missing]
        assert not [m for m in now.metrics if "drift" in m.name]
    else:
        assert now.violations[0]["description"] == f"{missing}. Missing: c"
        assert entries(now)[1:] == [("b", "data_type_check")]


def test_extra_columns_by_the_sentence_of_the_original(analyse):
    _, now = analyse({"a": ["x"] * 9}, {"a": ["x"] * 9, "b": ["x"] * 9})
    (entry,) = now.violations
    assert entry == {
        "feature_name": "Extra columns",
        "constraint_check_type": "extra_column_check",
        "description": "There are extra columns in current dataset. Number of columns in current dataset: 2, "
        "Number of columns in baseline constraints: 1",
    }


def test_violations_are_ordered_by_check_then_feature(analyse):
    before = {"a": ["1"] * 9, "b": ["x", "y", "x"] * 3, "c": ["1"] * 9}
    _, now = analyse(before, {"a": ["", "x", "x"] * 3, "b": ["", "q", "q"] * 3, "c": ["x", "", "y"] * 3})
    order = [checks.ORDER.index(check) for _, check in entries(now)]
    assert order == sorted(order)
    assert entries(now)[:5] == [
        ("a", "data_type_check"),
        ("c", "data_type_check"),
        ("a", "completeness_check"),
        ("b", "completeness_check"),
        ("c", "completeness_check"),
    ]
