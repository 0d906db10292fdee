"""Which columns the settings mean: by the baseline's names, the data's names, places."""

import pyarrow as pa
import pytest

from open_model_monitor.errors import SettingsError
from open_model_monitor.jobs.selection import Selected, Selector

NAMED = ("y", "Day Mins", "z")


def batch(*names, outputs=1, named=False):
    fields = [
        pa.field(
            name,
            pa.int64(),
            metadata={b"section": b"output" if i < outputs else b"input", b"named": b"%d" % named},
        )
        for i, name in enumerate(names)
    ]
    return pa.RecordBatch.from_arrays([pa.array([i]) for i in range(len(names))], schema=pa.schema(fields))


def kept(excluded, data, baseline=(), **more):
    selector = Selector(excluded, (), baseline, **more)
    batch, _ = selector.select(data)
    return batch.schema.names, selector.selected


@pytest.mark.parametrize("name", ["Day Mins", "_c1", "1"])
def test_headerless_captures_against_a_named_baseline(name):
    names, selected = kept([name], batch("_c0", "_c1", "_c2"), NAMED)
    assert names == ["_c0", "_c2"]
    assert selected.features == {"Day Mins"}


def test_inputs_alone_are_found_at_their_place():
    names, selected = kept(["Day Mins"], batch("_c0", "_c1", outputs=0), NAMED)
    assert (names, selected.features) == (["_c1"], {"Day Mins"})
    last = batch("_c0", "_c1", outputs=0)
    assert kept(["Day Mins"], last, NAMED, output_columns_position="END")[0] == ["_c0"]


def test_a_baseline_that_was_made_without_the_column_keeps_all_it_has():
    names, selected = kept(["_c1"], batch("_c0", "_c1", "_c2"), ("y", "z"))
    assert (names, selected.features) == (["_c0", "_c2"], set())


def test_the_texts_of_other_columns_are_found_after_the_exclusion():
    selector = Selector(["_c1"], ["_c2", "z", ""], ("_c0", "_c2"))
    data, meant = selector.select(batch("_c0", "_c1", "_c2"))
    assert data.schema.names == ["_c0", "_c2"]
    assert meant == {"_c0": set(), "_c2": {"_c2"}}


def test_names_of_columns_and_features_that_differ():
    data = batch("day_mins", "prediction", "z", named=True)
    selector = Selector([], ["Day Mins", "prediction", "y"], NAMED)
    assert selector.select(data)[1] == {
        "day_mins": {"Day Mins"},
        "prediction": {"prediction", "y"},
        "z": set(),
    }
    names, selected = kept(["prediction"], data, NAMED)
    assert (names, selected.features) == (["day_mins", "z"], {"y"})


def test_an_output_column_whose_name_was_taken():
    assert kept(["a"], batch("endpointOutput_a", "b", named=True))[0] == ["b"]
    assert kept(["a"], batch("endpointOutput_a", "a", named=True))[0] == ["endpointOutput_a"]


def test_a_place_stays_with_the_column_it_met_first():
    selector = Selector(["1"], ())
    assert selector.select(batch("a", "b", named=True))[0].schema.names == ["a"]
    assert selector.select(batch("b", "a", "c", named=True))[0].schema.names == ["a", "c"]


def test_a_feature_without_a_column_leaves_the_baseline_too():
    names, selected = kept(["Day Mins"], batch("y", "z", named=True), NAMED)
    assert (names, selected.features) == (["y", "z"], {"Day Mins"})


def test_nothing_to_select():
    data = batch("a", "b")
    assert Selector((), [""], NAMED).select(data) == (data, None)


def test_unknown_names_are_told_with_those_there_are():
    first, second = Selector(["q", "late"], ["w"], NAMED), Selector(["q", "late"], ["w"], NAMED)
    first.select(batch("y", "x", named=True))
    second.select(batch("y", "late", named=True))
    selected = Selected.from_dict(first.selected.merge(second.selected).to_dict())
    message = r"exclude_features_attribute names 'q'; there are the columns 'y', 'Day Mins', 'z', 'x', 'late'"
    with pytest.raises(SettingsError, match=message):
        selected.check(["q", "late"], [], NAMED)
    with pytest.raises(SettingsError, match="missing_values names 'w'; there are"):
        selected.check([], ["", "w"], NAMED)
    selected.check(["late", "z"], ["", "y"], NAMED)
