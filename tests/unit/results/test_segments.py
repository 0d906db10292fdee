import pytest

import open_model_monitor as omm


@pytest.fixture(scope="module")
def table():
    pd = pytest.importorskip("pandas")
    return pd.DataFrame({"country": ["DE", "FR"] * 50, "amount": [float(i % 7) for i in range(100)]})


def test_each_segment_is_analysed_by_itself(table, tmp_path):
    baseline = omm.suggest(table, tmp_path / "base", options={"segment_by": "country"})
    assert set(baseline.segments.analyses) == {"DE", "FR"}
    assert {name: one.statistics.item_count for name, one in baseline.segments.analyses.items()} == {
        "DE": 50,
        "FR": 50,
    }
    bad = table.assign(amount=[None if c == "DE" and i < 40 else a for i, (c, a) in enumerate(table.values)])
    found = omm.check(bad, tmp_path / "base", options={"segment_by": "country"})
    told = [entry["description"] for entry in found.violations if entry["feature_name"] == "amount"]
    assert told[0].startswith("Data completeness")
    assert any(text.startswith("[country=DE] Data completeness") for text in told)
    assert not any(text.startswith("[country=FR]") for text in told)
    summary = found.to_dict()["segments"]
    assert summary["column"] == "country"
    assert summary["segments"]["DE"]["own_baseline"]
    assert summary["segments"]["DE"]["violations"] > summary["segments"]["FR"]["violations"] == 0
    assert found.documents()["segments.json"]["segments"]["FR"]["violations"] == []


def test_without_baselines_of_their_own_segments_meet_that_of_the_whole(table, tmp_path):
    omm.suggest(table, tmp_path / "base")
    found = omm.check(table, tmp_path / "base", options={"segment_by": "country"})
    assert not found.to_dict()["segments"]["segments"]["DE"]["own_baseline"]


def test_a_column_that_is_not_there(table):
    with pytest.raises(
        omm_error("SettingsError"), match=r"segment_by names 'plan'; there are the columns 'country', "
    ):
        omm.suggest(table, options={"segment_by": "plan"})


def test_too_many_values(table):
    with pytest.raises(omm_error("DataError"), match="more than 3 values"):
        omm.suggest(table, options={"segment_by": "amount", "max_segments": 3})


def omm_error(name):
    from open_model_monitor import errors

    return getattr(errors, name)


def test_model_quality_by_segment():
    pd = pytest.importorskip("pandas")
    scored = pd.DataFrame(
        {
            "country": ["DE", "FR"] * 100,
            "prediction": [1, 0] * 100,
            "label": [1, 1] * 100,
        }
    )
    told = {
        "problem": "BinaryClassification",
        "inference_attribute": "prediction",
        "ground_truth_attribute": "label",
    }
    report = omm.suggest(scored, labelling=told, options={"segment_by": "country"})
    accuracy = {name: one.statistics.values["accuracy"] for name, one in report.segments.analyses.items()}
    assert accuracy == {"DE": 1.0, "FR": 0.0}
    assert report.statistics.values["accuracy"] == 0.5
