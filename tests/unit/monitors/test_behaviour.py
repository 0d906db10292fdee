import pytest

from open_model_monitor.errors import DocumentError, SettingsError
from open_model_monitor.monitors.behaviour import Behaviour, checked_block

TABLE = {  # data_quality.md §8: key, sagemaker, recommended
    "drift_counting": ("distinct", "rows"),
    "drift_on_integers": (False, True),
    "integral_counts_as_fractional": (False, True),
    "column_matching": ("position", "auto"),
    "minimum_rows": (0, 30),
    "violations_file_when_clean": ("always", "always"),
    "non_null_metric": ("count", "count"),
    "metric_dimensions": ("both", "both"),
    "max_categories": (120, 120),
    "max_singleton_share": (0.1, 0.1),
    "distinct_exact_limit": (10000, 10000),
    "extended_statistics": (False, True),
}


def document(**block):
    return {"features": [], "monitoring_config": {"open_model_monitor": block}}


def test_both_columns_of_the_table():
    sagemaker, recommended = Behaviour.sagemaker().to_dict(), Behaviour.recommended().to_dict()
    assert sagemaker.pop("compatibility") == "sagemaker"
    assert recommended.pop("compatibility") == "recommended"
    assert {key: (sagemaker[key], recommended[key]) for key in sagemaker} == TABLE


@pytest.mark.parametrize("behaviour", [Behaviour.sagemaker(), Behaviour.recommended()])
def test_what_is_written_is_read(behaviour):
    assert Behaviour.from_constraints(document(**behaviour.to_dict())) == behaviour


def test_without_a_block_the_original():
    for without in ({"features": []}, {"monitoring_config": {}}, {"monitoring_config": None}, []):
        assert Behaviour.from_constraints(without) == Behaviour.sagemaker()


def test_single_keys():
    behaviour = Behaviour.from_constraints(document(minimum_rows=7))
    assert behaviour == Behaviour.sagemaker().overridden({"minimum_rows": "7"})
    behaviour = Behaviour.from_constraints(document(compatibility="recommended", drift_counting="distinct"))
    assert behaviour == Behaviour.recommended().overridden({"drift_counting": "Distinct"})


def test_overrides_are_typed():
    texts = {"drift_on_integers": "TRUE", "minimum_rows": "12", "max_singleton_share": "0.5"}
    behaviour = Behaviour.sagemaker().overridden(texts)
    assert behaviour.drift_on_integers is True
    assert (behaviour.minimum_rows, behaviour.max_singleton_share) == (12, 0.5)
    changes = {"drift_on_integers": True, "minimum_rows": 12, "max_singleton_share": 0.5}
    assert behaviour.changes_from(Behaviour.sagemaker()) == changes
    assert Behaviour.sagemaker().overridden({"compatibility": "recommended"}) == Behaviour.recommended()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drift_count=rows", "did you mean drift_counting"),
        ("colour=red", "known are compatibility, drift_counting"),
        ("drift_counting=lines", "expected distinct or rows"),
        ("drift_on_integers=1", "expected true or false"),
        ("minimum_rows=2.5", "a whole number"),
        ("minimum_rows=-1", "a whole number"),
        ("max_singleton_share=2", "from 0 to 1"),
        ("max_categories=nan", "a whole number"),
    ],
)
def test_refused(text, message):
    with pytest.raises(SettingsError, match=message):
        Behaviour.sagemaker().overridden(dict([text.split("=")]))


def test_in_a_document_the_key_path_is_named():
    with pytest.raises(DocumentError, match=r"monitoring_config\.open_model_monitor\.minimum_rows"):
        Behaviour.from_constraints(document(minimum_rows="many"))
    with pytest.raises(DocumentError, match="expected an object"):
        Behaviour.from_constraints({"monitoring_config": {"open_model_monitor": ["x"]}})
    settings, unknown = checked_block({"colour": 1, "output_columns_position": "END"}, "here")
    assert (settings, unknown) == ({}, ["here.colour"])
