import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.monitors.matching import CurrentColumn, match


def columns(*names, section="", named=True):
    return [CurrentColumn(name, section, named) for name in names]


def unnamed(outputs=0, inputs=0):
    sections = ["output"] * outputs + ["input"] * inputs
    return [CurrentColumn(f"_c{i}", section, False) for i, section in enumerate(sections)]


def matched(current, baseline, how="auto", *, from_script=False, position="START"):
    if from_script:
        current = [CurrentColumn(column.name, "script", column.named) for column in current]
    return match(current, baseline, how, output_columns_position=position)


def pairs(matching):
    return {m.feature: m.column for m in matching.columns if m.index is not None}


def test_d20_s19_script_keys_without_padding():
    current = columns(*map(str, range(12)))
    baseline = [f"_c{i}" for i in range(12)]
    automatic = pairs(matched(current, baseline, from_script=True))
    assert automatic == {f"_c{i}": str(i) for i in range(12)}
    by_position = pairs(matched(current, baseline, "position", from_script=True))
    assert by_position["_c2"] == "10"
    assert by_position["_c4"] == "2"
    assert {name for name in baseline if by_position[name] != automatic[name]} == set(baseline[2:])


def test_s20_named_keys_in_any_order():
    matching = matched(columns("b", "c", "a"), ["c", "a", "b"], from_script=True)
    assert [(m.column, m.feature, m.index) for m in matching.columns] == [
        ("c", "c", 0),
        ("a", "a", 1),
        ("b", "b", 2),
    ]
    assert matching.warnings == ()


def test_s21_a_leftover_is_paired_with_a_warning():
    matching = matched(columns("prediction", "b", "a"), ["Churn", "a", "b"], from_script=True)
    assert pairs(matching) == {"Churn": "prediction", "a": "a", "b": "b"}
    (warning,) = matching.warnings
    assert "'prediction' as 'Churn'" in warning
    assert (matching.extra, matching.missing) == ((), ())


def test_names_alike_are_matched_if_unique():
    matching = matched(columns("day_mins", "INT'L PLAN", "x"), ["x", "Day Mins", " Int-l Plan "])
    assert pairs(matching) == {"x": "x", "Day Mins": "day_mins", " Int-l Plan ": "INT'L PLAN"}
    assert matching.warnings == ()
    matching = matched(columns("x", "A b", "a-b", "q"), ["x", "a_b"])
    assert pairs(matching) == {"x": "x"}
    assert matching.extra == ("A b", "a-b", "q")
    assert matching.missing == ("a_b",)


def test_without_any_match_script_keys_are_taken_in_natural_order():
    matching = matched(columns("f10", "f9"), ["a", "b"], from_script=True)
    assert pairs(matching) == {"a": "f9", "b": "f10"}


def test_rows_without_a_script_keep_their_order_where_no_name_matches():
    matching = matched(columns("score", "features_0", "features_1"), ["_c0", "_c1", "_c2"])
    assert pairs(matching) == {"_c0": "score", "_c1": "features_0", "_c2": "features_1"}


def test_leftovers_that_differ_in_number_are_reported():
    matching = matched(columns("a", "q", "r"), ["a", "b"])
    assert (pairs(matching), matching.extra, matching.missing) == ({"a": "a"}, ("q", "r"), ("b",))
    assert matching.expected == 2


def test_position_looks_at_no_name():
    matching = matched(columns("b", "a", "c"), ["a", "b"], "position")
    assert pairs(matching) == {"a": "b", "b": "a"}
    assert matching.extra == ("c",)
    assert matched(columns("a"), ["x", "y"], "position").missing == ("y",)


def test_an_extra_column_does_not_take_the_name_of_a_feature():
    matching = matched(columns("x", "a"), ["a"], "position")
    assert [m.feature for m in matching.columns] == ["a", "a_2"]


def test_name_matches_names_only():
    matching = matched(columns("b", "A", "q"), ["a", "b"], "name")
    assert (pairs(matching), matching.extra, matching.missing) == ({"b": "b"}, ("A", "q"), ("a",))


def test_of_equal_names_in_the_baseline_the_first_counts():
    matching = matched(columns("a", "b"), ["a", "a", "b"], "name")
    assert [m.index for m in matching.columns] == [0, 2]
    assert matching.missing == ("a",)


@pytest.mark.parametrize(
    ("outputs", "inputs", "position", "indices", "extra"),
    [
        (1, 3, "START", [0, 1, 2, 3], ()),
        (0, 3, "START", [1, 2, 3], ()),
        (0, 3, "END", [0, 1, 2], ()),
        (1, 0, "START", [0], ()),
        (1, 0, "END", [3], ()),
        (2, 4, "START", [0, 1, 2, 3], ("endpointOutput_0", "endpointOutput_1")),
        (1, 1, "START", [0, 1], ()),
        (2, 3, "START", [0, 1, 2, 3], ("_c4",)),
        (0, 5, "START", [0, 1, 2, 3], ("_c4",)),
    ],
)
def test_sections_of_unnamed_columns(outputs, inputs, position, indices, extra):
    matching = matched(unnamed(outputs, inputs), ["p", "x", "y", "z"], position=position)
    assert [m.index for m in matching.columns if m.index is not None] == indices
    assert matching.extra == extra
    if outputs == 2 and inputs == 4:
        assert pairs(matching)["p"] == "_c2"


def test_unnamed_columns_of_no_section_align_from_the_left():
    matching = matched(columns("_c0", "_c1", named=False), ["p", "x", "y"])
    assert pairs(matching) == {"p": "_c0", "x": "_c1"}


def test_without_a_baseline_columns_keep_their_names():
    matching = matched(columns("f10", "f9", "_c2"), None, from_script=True)
    assert [m.feature for m in matching.columns] == ["_c2", "f9", "f10"]
    assert [m.feature for m in matched(columns("b", "a"), None).columns] == ["b", "a"]
    assert matching.expected is None
    assert matching.extra == ()


def test_no_columns_at_all():
    for how in ("auto", "position", "name"):
        matching = matched([], ["a", "b"], how)
        assert (matching.columns, matching.missing, matching.extra) == ((), ("a", "b"), ())


names = st.text(alphabet="aAbB _-'/é10", max_size=4)
current_columns = st.lists(
    st.builds(CurrentColumn, names, st.sampled_from(["", "input", "output"]), st.booleans()),
    unique_by=lambda column: column.name,
    max_size=8,
)


@given(
    current_columns,
    st.lists(names, max_size=8),
    st.sampled_from(["auto", "position", "name"]),
    st.booleans(),
    st.sampled_from(["START", "END"]),
)
def test_matching_is_a_partial_bijection(current, baseline, how, from_script, position):
    matching = matched(current, baseline, how, from_script=from_script, position=position)
    assert sorted(m.column for m in matching.columns) == sorted(c.name for c in current)
    indices = [m.index for m in matching.columns if m.index is not None]
    assert indices == sorted(set(indices))
    assert [m.index is None for m in matching.columns] == sorted(m.index is None for m in matching.columns)
    assert len(matching.missing) == len(baseline) - len(indices)
    assert len(matching.extra) == len(current) - len(indices)
    for m in matching.columns:
        assert m.index is None or m.feature == baseline[m.index]
    reported = [m.feature for m in matching.columns if m.index is None]
    assert len(set(reported)) == len(reported)
    assert not set(reported) & set(baseline)
