import hashlib
import json
import math

import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from open_model_monitor.errors import DocumentError
from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.data_quality import DataQuality
from open_model_monitor.monitors.statistics import Statistics
from open_model_monitor.profiling.columns import DatasetProfile, ProfileOptions

SAGEMAKER = DataQuality(Behaviour.sagemaker())


def strings(path, *, header=True):
    with path.open() as file:
        width = file.readline().count(",") + 1
    read = pacsv.ReadOptions(autogenerate_column_names=not header)
    names = pacsv.open_csv(path, read_options=read).schema.names
    assert len(names) == width
    convert = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    return pacsv.read_csv(path, read_options=read, convert_options=convert)


def profiled(table):
    profile = DatasetProfile()
    for batch in table.to_batches():
        profile.update(batch)
    return profile


def test_churn_training(vectors, data, valid):
    table = strings(data / "churn" / "training-dataset-with-header.csv")
    document = SAGEMAKER.statistics(profiled(table)).to_dict()
    valid(document, "statistics")
    features = {feature["name"]: feature for feature in document["features"]}
    for expected in vectors["churn_training"]["features"]:
        feature = features[expected["name"]]
        assert feature["inferred_type"] == expected["inferred_type"]
        numbers = feature["numerical_statistics"]
        assert numbers["common"] == expected["common"]
        for key in ("mean", "sum", "std_dev"):
            assert numbers[key] == pytest.approx(expected[key], rel=1e-9)
        assert (numbers["min"], numbers["max"]) == (expected["min"], expected["max"])
        kll = numbers["distribution"]["kll"]
        assert [bucket["count"] for bucket in kll["buckets"]] == expected["bucket_counts"]
        levels = kll["sketch"]["data"]
        assert [len(level) for level in levels] == expected["level_sizes"]
        digest = hashlib.sha256(json.dumps(levels, separators=(",", ":")).encode()).hexdigest()
        assert digest == expected["sha256_of_levels"], expected["name"]


def test_d11_the_churn_baseline(data):
    table = strings(data / "churn" / "training-dataset-with-header.csv")
    statistics = SAGEMAKER.statistics(profiled(table))
    features = statistics.features
    assert (statistics.item_count, len(features), features[0].name) == (2333, 70, "Churn")
    fractional = [f.name for f in features if f.inferred_type == "Fractional"]
    assert fractional == ["Day Mins", "Eve Mins", "Night Mins", "Intl Mins"]
    assert sum(f.inferred_type == "Integral" for f in features) == 66
    assert all(f.num_missing == 0 for f in features)
    churn, length = features[0], features[1]
    assert (round(churn.mean, 6), churn.sum, round(churn.std_dev, 6)) == (0.139306, 325.0, 0.346265)
    assert (round(length.mean, 6), length.sum, round(length.std_dev, 6)) == (101.276897, 236279.0, 39.552442)
    assert (length.minimum, length.maximum) == (1.0, 243.0)


def test_d13_scientific_notation(data):
    table = strings(data / "sdk" / "baseline_dataset.csv", header=False)
    table = table.rename_columns([f"_c{i}" for i in range(table.num_columns)])
    statistics = SAGEMAKER.statistics(profiled(table))
    assert (statistics.item_count, len(statistics.features)) == (418, 10)
    last = statistics.features[9]
    assert (last.name, last.inferred_type, last.type_counts["Fractional"]) == ("_c9", "Fractional", 418)
    assert sum("e" in text.lower() for text in table["_c9"].to_pylist()) == 155


def test_inferred_type_of_every_vector(vectors, profile_of):
    for case in vectors["inferred_type"]:
        statistics = SAGEMAKER.statistics(profile_of({"a": case["values"]}))
        (feature,) = statistics.features
        assert feature.inferred_type == case["inferred_type"]
        assert feature.type_counts == case["counts"]
        assert ("numerical_statistics" in feature.to_dict()) == (
            case["inferred_type"] in ("Integral", "Fractional")
        )


def test_buckets_of_every_vector(vectors, profile_of):
    for case in vectors["buckets"]:
        (feature,) = SAGEMAKER.statistics(profile_of({"a": list(map(str, case["values"]))})).features
        assert feature.to_dict()["numerical_statistics"]["distribution"]["kll"]["buckets"] == case["buckets"]


def test_point_5_a_million_equal_values(profile_of):
    profile = DatasetProfile()
    batch = pa.RecordBatch.from_pydict({"a": pa.array([7.5] * 100_000)})
    for _ in range(10):
        profile.update(batch)
    (feature,) = SAGEMAKER.statistics(profile).features
    assert feature.buckets == ((7.5, 7.5, 0.0),) * 9 + ((7.5, 7.5, 1e6),)
    assert sum(map(len, feature.levels)) < 6000
    assert feature.std_dev == 0.0


def test_point_6_one_late_word_switches_the_statistics(profile_of):
    profile = profile_of({"a": [str(i) for i in range(2333)]})
    assert "numerical_statistics" in SAGEMAKER.statistics(profile).features[0].to_dict()
    profile.update(pa.RecordBatch.from_pydict({"a": ["stray"]}))
    (feature,) = SAGEMAKER.statistics(profile).features
    values = feature.to_dict()["string_statistics"]
    assert values == {
        "common": {"num_present": 2334, "num_missing": 0},
        "distinct_count": 2334.0,
        "completeness": 1.0,
    }
    assert feature.minimum is None


@pytest.mark.parametrize("parts", [2, 7])
def test_point_4_any_split_of_the_rows(data, parts):
    table = strings(data / "churn" / "training-dataset-with-header.csv")
    whole = SAGEMAKER.statistics(profiled(table))
    step = -(-table.num_rows // parts)
    merged = profiled(table.slice(0, step))
    for start in range(step, table.num_rows, step):
        merged = merged.merge(profiled(table.slice(start, step)))
    split = SAGEMAKER.statistics(merged)
    for one, two in zip(whole.features, split.features, strict=True):
        same = ("name", "inferred_type", "num_present", "minimum", "maximum", "distinct", "type_counts")
        assert [getattr(one, key) for key in same] == [getattr(two, key) for key in same]
        for key in ("mean", "sum", "std_dev"):
            assert getattr(two, key) == pytest.approx(getattr(one, key), rel=1e-9)
        for left, right in zip(one.buckets, two.buckets, strict=True):
            assert left[:2] == right[:2]
            assert abs(left[2] - right[2]) <= 0.01 * 2333


def test_categories_are_listed_up_to_the_limit(profile_of):
    for number, listed in ((120, True), (121, False)):
        values = [f"v{i:03d}" for i in range(number)] + ["v007\n", "v007"]
        (feature,) = SAGEMAKER.statistics(profile_of({"a": values})).features
        assert feature.distinct == number
        assert (feature.categories is not None) == listed
        if listed:
            assert list(feature.categories.items())[:3] == [("v007", 3), ("v000", 1), ("v001", 1)]


def test_infinite_values_count_as_present_only(profile_of, valid):
    columns = {"a": [1.0, math.inf, None], "b": [math.inf, -math.inf, math.inf], "c": [1e308, -1e308, 1e308]}
    statistics = SAGEMAKER.statistics(profile_of(columns))
    a, b, c = statistics.features
    assert (a.num_present, a.non_finite, a.sum, a.minimum, a.inferred_type) == (2, 1, 1.0, 1.0, "Fractional")
    assert (b.num_present, b.non_finite, b.mean) == (3, 3, None)
    assert sum(count for *_, count in c.buckets) == 3
    document = statistics.to_dict()
    valid(document, "statistics")
    assert document["features"][1]["numerical_statistics"]["mean"] == "NaN"
    again = Statistics.from_dict(json.loads(json.dumps(document)))
    assert again.features[1].mean is None


def test_nan_is_missing_where_numbers_are_expected(profile_of):
    profile = profile_of({"a": ["1", "nan", "x", "NaN"]})
    alone = SAGEMAKER.statistics(profile).features[0]
    assert (alone.inferred_type, alone.num_present, alone.distinct) == ("String", 4, 4.0)
    baseline = SAGEMAKER.statistics(profile_of({"a": ["1", "2"]}))
    numeric = SAGEMAKER.statistics(profile, baseline=baseline).features[0]
    assert (numeric.inferred_type, numeric.num_present, numeric.distinct) == ("String", 2, 2.0)
    assert set(numeric.categories) == {"1", "x"}


def test_extended_statistics(profile_of, valid):
    document = (
        DataQuality(Behaviour.recommended())
        .statistics(profile_of({"a": ["1", "x", ""], "b": [1, 2, 3]}))
        .to_dict()
    )
    valid(document, "statistics")
    counts = document["features"][0]["string_statistics"]["data_type_counts"]
    assert counts == {"Boolean": 0, "Fractional": 0, "Integral": 1, "String": 1, "Unknown": 1}
    assert list(document["features"][1]["numerical_statistics"])[:3] == ["common", "data_type_counts", "mean"]


def test_watched_values_are_counted_where_all_are_too_many(profile_of):
    values = ["yes"] * 5 + ["no\n"] * 3 + [f"id{i}" for i in range(200)]
    options = ProfileOptions(watched=frozenset({"yes", "no", "never"}))
    profile = DatasetProfile(options).update(pa.RecordBatch.from_pydict({"a": values}))
    (feature,) = SAGEMAKER.statistics(profile).features
    assert feature.categories is None
    assert feature.rows_with(("yes", "no", "never")) == 8
    assert feature.rows_with(("yes", "id7")) is None


def test_reading_what_others_wrote():
    numbers = {"common": {"num_present": 3.0, "num_missing": 0}, "mean": "NaN", "sum": None, "colour": "red"}
    kll = {"buckets": [{"lower_bound": 0, "upper_bound": 1, "count": 3}]}
    document = {
        "features": [
            {"name": "a", "inferred_type": "Fractional", "numerical_statistics": numbers},
            {
                "name": "a",
                "inferred_type": "Integral",
                "numerical_statistics": {
                    "common": {"num_present": 3, "num_missing": 1},
                    "distribution": {"kll": {"sketch": {"data": [[1], [], [2]] + [[]] * 70}}},
                },
            },
            {
                "name": "b",
                "inferred_type": "Fractional",
                "numerical_statistics": {"distribution": {"kll": kll}},
            },
            {
                "name": "c",
                "inferred_type": "String",
                "string_statistics": {
                    "distribution": {"categorical": {"buckets": [{"value": "x", "count": 2.0}]}}
                },
            },
        ]
    }
    statistics = Statistics.from_dict(document)
    a, second, b, c = statistics.features
    assert (a.num_present, a.mean, a.sum, a.levels, statistics.item_count) == (3, None, None, None, 4)
    assert [level.tolist() for level in second.levels[:3]] == [[1.0], [], [2.0]]
    assert (b.levels, b.buckets) == (None, ((0.0, 1.0, 3.0),))
    assert c.categories == {"x": 2}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mean": "many"}, r"features\[0\] \('a'\)\.numerical_statistics\.mean is 'many'"),
        ({"distribution": []}, "expected an object"),
        ({"distribution": {"kll": {"sketch": {"data": [["x"]]}}}}, "is no distribution"),
        ({"distribution": {"kll": {"sketch": {"data": [[]] * 60 + [[1]]}}}}, "more than 48 levels"),
        ({"distribution": {"kll": {"buckets": [{}]}}}, "is no distribution"),
        ({"common": {"num_present": -1}}, "expected a number of rows"),
    ],
)
def test_values_that_make_no_sense(values, message):
    document = {"features": [{"name": "a", "inferred_type": "Integral", "numerical_statistics": values}]}
    with pytest.raises(DocumentError, match=message):
        Statistics.from_dict(document)


def test_written_statistics_are_read_back_unchanged(vectors):
    document = vectors["end_to_end"]["baseline_statistics"]
    assert Statistics.from_dict(document).to_dict() == document
