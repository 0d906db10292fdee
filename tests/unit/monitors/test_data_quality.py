import copy
import csv
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_model_monitor.monitors.behaviour import Behaviour
from open_model_monitor.monitors.constraints import Constraints
from open_model_monitor.monitors.data_quality import DataQuality
from open_model_monitor.monitors.statistics import Statistics
from open_model_monitor.profiling.columns import DatasetProfile
from open_model_monitor.profiling.state import dumps

SAGEMAKER, RECOMMENDED = Behaviour.sagemaker(), Behaviour.recommended()


@pytest.fixture
def end_to_end(vectors, table, analyse):
    case = vectors["end_to_end"]
    base, now = analyse(table(case["baseline_csv"]), table(case["current_csv"]))
    return case, base, now


def about(document):
    """Sums depend on the order of summation; everything else must be the same."""
    document = copy.deepcopy(document)
    for feature in document["features"]:
        numbers = feature.get("numerical_statistics", {})
        for key in numbers.keys() & {"mean", "sum", "std_dev"}:
            numbers[key] = pytest.approx(numbers[key], rel=1e-9)
    return document


def test_point_2_end_to_end_documents(end_to_end, valid):
    case, base, now = end_to_end
    for analysis, which in ((base, "baseline"), (now, "current")):
        document = analysis.statistics.to_dict()
        valid(document, "statistics")
        assert document == about(case[f"{which}_statistics"])
        assert [list(feature) for feature in document["features"]] == [
            list(feature) for feature in case[f"{which}_statistics"]["features"]
        ]
    valid(base.constraints.to_dict(), "constraints")
    valid(now.constraints.to_dict(), "constraints")
    assert base.constraints.to_dict() == case["baseline_constraints"]
    violations = {"violations": now.violations}
    valid(violations, "constraint_violations")
    assert violations == case["constraint_violations"]
    assert len(now.violations) == 10
    assert base.findings == ()


def test_end_to_end_types_and_distances(end_to_end):
    case, _, now = end_to_end
    assert {n: f["type_counts"] for n, f in now.features.items()} == case["current_type_counts"]
    assert {n: f["inferred_type"] for n, f in now.features.items()} == case["current_inferred_types"]
    drifts = {n: f["drift"] for n, f in now.features.items() if f["drift"] is not None}
    assert set(drifts) == set(case["drift"])
    for name, expected in case["drift"].items():
        for counting in ("distinct", "rows"):
            found = drifts[name]["distances"][counting]
            assert {found["n"], found["m"]} == {expected["n"], expected["m"]}
            assert found["simple"] == pytest.approx(expected["simple"], abs=5e-16)
            assert found["robust"] == pytest.approx(expected["robust"], abs=5e-16)


def test_end_to_end_metrics(end_to_end):
    case, _, now = end_to_end
    found = {m.name: m.statistics.to_dict() if m.statistics else m.value for m in now.metrics}
    assert list(found) == list(case["metrics"])
    assert found == {name: pytest.approx(value, rel=1e-9) for name, value in case["metrics"].items()}
    lines = [line for m in now.metrics for line in m.lines(endpoint="ep", schedule="s", timestamp=None)]
    assert len(lines) == 2 * len(now.metrics)
    assert all(("Value" in line) != ("StatisticValues" in line) for line in lines)


def test_end_to_end_notices(end_to_end):
    _, _, now = end_to_end
    kinds = {(notice.kind, notice.feature) for notice in now.notices}
    assert ("numbers_turned_text", "age") in kinds
    assert ("drift_not_evaluated", "age") in kinds
    assert ("exact_classes", "income") in kinds


def test_end_to_end_recommended(vectors, table, analyse, valid):
    case = vectors["end_to_end"]
    _, now = analyse(table(case["baseline_csv"]), table(case["current_csv"]), RECOMMENDED)
    kept = [
        e
        for e in case["constraint_violations"]["violations"]
        if e["constraint_check_type"] != "baseline_drift_check"
    ]
    kept = [
        e for e in kept if (e["feature_name"], e["constraint_check_type"]) != ("income", "data_type_check")
    ]
    assert now.violations == kept  # 12 rows are fewer than 30
    assert {n.feature for n in now.notices if n.kind == "insufficient_data"} >= {None, "score"}
    valid(now.statistics.to_dict(), "statistics")
    valid(now.constraints.to_dict(), "constraints")
    assert now.constraints.behaviour == RECOMMENDED


def test_point_3_a_baseline_of_the_original_is_compared(vectors, table, profile_of):
    case = vectors["end_to_end"]
    constraints = Constraints.from_dict(case["baseline_constraints"])
    baseline = Statistics.from_dict(case["baseline_statistics"])
    now = DataQuality(constraints.behaviour).analyse(
        profile_of(table(case["current_csv"])), constraints=constraints, baseline=baseline
    )
    assert {"violations": now.violations} == case["constraint_violations"]


def test_point_7_what_old_images_leave_out_changes_no_violation(vectors, table, profile_of):
    case = copy.deepcopy(vectors["end_to_end"])
    distances = case["baseline_constraints"]["monitoring_config"]["distribution_constraints"]
    for key in [key for key in distances if key.startswith("categorical_")]:
        del distances[key]
    for feature in case["baseline_statistics"]["features"]:
        for part in ("numerical_statistics", "string_statistics"):
            for key in ("completeness", "approximate_num_distinct_values"):
                feature.get(part, {}).pop(key, None)
    now = DataQuality(SAGEMAKER).analyse(
        profile_of(table(case["current_csv"])),
        constraints=Constraints.from_dict(case["baseline_constraints"]),
        baseline=Statistics.from_dict(case["baseline_statistics"]),
    )
    assert {"violations": now.violations} == case["constraint_violations"]


# ---------------------------------------------------------------- constraints or statistics alone, neither


def test_constraints_alone_are_checked_without_drift(end_to_end, vectors, table, profile_of):
    case, base, _ = end_to_end
    profile = profile_of(table(case["current_csv"]))
    now = DataQuality(SAGEMAKER).analyse(profile, constraints=base.constraints)
    expected = case["constraint_violations"]["violations"]
    assert now.violations == [e for e in expected if e["constraint_check_type"] != "baseline_drift_check"]
    assert not [m for m in now.metrics if "drift" in m.name]


def test_statistics_alone_give_drift_only(end_to_end, table, profile_of):
    case, base, _ = end_to_end
    profile = profile_of(table(case["current_csv"]))
    now = DataQuality(SAGEMAKER).analyse(profile, baseline=base.statistics)
    expected = case["constraint_violations"]["violations"]
    assert now.violations == [e for e in expected if e["constraint_check_type"] == "baseline_drift_check"]
    one_less = table(case["current_csv"])
    del one_less["when"]
    now = DataQuality(SAGEMAKER).analyse(profile_of(one_less), baseline=base.statistics)
    assert now.findings == ()
    assert [n.kind for n in now.notices if n.feature is None] == ["columns_differ"]


def test_neither_gives_statistics_and_metrics_only(profile_of):
    keys = profile_of({"f10": ["1"], "f9": ["2"]}, sections={"f10": "script", "f9": "script"})
    now = DataQuality(SAGEMAKER).analyse(keys)
    assert (now.findings, now.violations, list(now.features)) == ((), [], ["f10", "f9"])
    now = DataQuality(RECOMMENDED).analyse(keys)
    assert list(now.features) == ["f9", "f10"]


def test_all_rows_dropped(analyse, valid):
    for behaviour in (SAGEMAKER, RECOMMENDED):
        _, now = analyse({"a": ["1"] * 9, "b": ["x"] * 9}, {"a": pa.array([], pa.string())}, behaviour)
        (entry,) = now.violations
        assert entry["constraint_check_type"] == "missing_column_check"
        assert "current dataset: 0, Number of columns in baseline constraints: 2" in entry["description"]
        assert now.statistics.to_dict() == {"version": 0.0, "dataset": {"item_count": 0}, "features": []}
        valid({"violations": now.violations}, "constraint_violations")
        valid(now.constraints.to_dict(), "constraints")


def test_a_profile_that_saw_nothing(analyse):
    base, _ = analyse({"a": ["1"]}, {"a": ["1"]})
    now = DataQuality(SAGEMAKER).analyse(
        DatasetProfile(), constraints=base.constraints, baseline=base.statistics
    )
    assert [e["feature_name"] for e in now.violations] == ["Missing columns"]


# ---------------------------------------------------------------- cases of the data sets


def lines_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def churn(data, profile_of):
    header, *rows = lines_of(data / "churn" / "training-dataset-with-header.csv")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))

    def made(behaviour):
        monitor = DataQuality(behaviour)
        return monitor, monitor.analyse(profile_of({n: list(v) for n, v in columns.items()}, monitor))

    return made


def captures(data, score):
    """Columns as captures give them: unnamed, outputs first."""
    rows = lines_of(data / "churn" / "test-dataset-input-cols.csv")
    inputs = [list(values) for values in zip(*rows, strict=True)]
    outputs = [[score] * len(rows)] if score else []
    names = [f"_c{i}" for i in range(len(outputs) + len(inputs))]
    sections = dict(zip(names, ["output"] * len(outputs) + ["input"] * len(inputs), strict=True))
    return dict(zip(names, [*outputs, *inputs], strict=True)), sections


@pytest.mark.parametrize("behaviour", [SAGEMAKER, RECOMMENDED], ids=["sagemaker", "recommended"])
def test_d12_one_odd_row_of_churn(churn, data, profile_of, valid, behaviour):
    monitor, base = churn(behaviour)
    columns, sections = captures(data, "0.14")
    profile = profile_of(columns, monitor, base.constraints, sections=sections, named=False)
    now = monitor.analyse(profile, constraints=base.constraints, baseline=base.statistics)
    valid({"violations": now.violations}, "constraint_violations")
    types = [e for e in now.violations if e["constraint_check_type"] == "data_type_check"]
    assert len(types) == 60
    assert types[0]["feature_name"] == "Churn"
    assert "Only 0.0% of data is Integral" in types[0]["description"]
    rest = {re.search("Only (.+)% of data", e["description"])[1] for e in types[1:]}
    assert rest == {"99.7005988023952"}  # 333 of 334 rows
    if behaviour == SAGEMAKER:
        assert now.violations == types


def test_d12_the_share_of_the_recorded_run(churn, data, profile_of):
    monitor, base = churn(SAGEMAKER)
    columns, sections = captures(data, "0.14")
    odd, plain = 7, 1970
    columns = {n: [v[0]] * odd + (v[1:] * 6)[:plain] for n, v in columns.items()}
    profile = profile_of(columns, monitor, base.constraints, sections=sections, named=False)
    now = monitor.analyse(profile, constraints=base.constraints, baseline=base.statistics)
    types = [e for e in now.violations if e["constraint_check_type"] == "data_type_check"]
    assert len(types) == 60
    assert all("Only 99.64592817400101% of data is Integral." in e["description"] for e in types[1:])


def test_d17_inputs_alone_align_to_the_last_columns(churn, data, profile_of):
    monitor, base = churn(RECOMMENDED)
    columns, sections = captures(data, None)
    columns = {name: values[1:] for name, values in columns.items()}  # without the odd row
    profile = profile_of(columns, monitor, base.constraints, sections=sections, named=False)
    now = monitor.analyse(profile, constraints=base.constraints, baseline=base.statistics)
    assert [e["constraint_check_type"] for e in now.violations if "column" in e["constraint_check_type"]] == [
        "missing_column_check"
    ]
    assert now.violations[0]["description"].endswith(". Missing: Churn")
    assert not [e for e in now.violations if e["constraint_check_type"] == "data_type_check"]
    assert [f.name for f in now.statistics.features] == [f.name for f in base.statistics.features[1:]]


def test_s19_d20_script_keys_against_a_headerless_baseline(analyse):
    before = {f"_c{i}": [str(i * 100 + k) for k in range(40)] for i in range(12)}
    current = {str(i): before[f"_c{i}"] for i in (3, 10, 1, 0, 2, 11, 4, 5, 6, 7, 8, 9)}
    _, now = analyse(before, current, RECOMMENDED, from_script=True)
    assert now.violations == []
    assert [f.minimum for f in now.statistics.features] == [i * 100.0 for i in range(12)]
    _, now = analyse(before, current, from_script=True)
    assert [f.minimum / 100 for f in now.statistics.features] == [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]


def test_s20_s21_named_keys(analyse):
    before = {"Churn": ["0", "1"] * 20, "b": ["x", "y"] * 20, "a": ["1.5", "2.5"] * 20}
    _, now = analyse(
        before, {"a": before["a"], "b": before["b"], "Churn": before["Churn"]}, RECOMMENDED, from_script=True
    )
    assert (now.violations, now.warnings) == ([], ())
    now_columns = {"a": before["a"], "b": before["b"], "prediction": ["0.5", "0.25"] * 20}
    _, now = analyse(before, now_columns, RECOMMENDED, from_script=True)
    assert [f.name for f in now.statistics.features] == ["Churn", "b", "a"]
    assert now.violations[0]["feature_name"] == "Churn"
    assert "'prediction' as 'Churn'" in now.warnings[0]


# ---------------------------------------------------------------- behaviour, metrics


def test_the_suggestion_carries_the_behaviour_unless_it_is_the_originals(profile_of):
    profile = profile_of({"a": ["1"]})

    def block(behaviour, **how):
        document = DataQuality(behaviour).analyse(profile, **how).constraints.to_dict()
        return document["monitoring_config"].get("open_model_monitor")

    assert block(SAGEMAKER) is None
    assert block(SAGEMAKER, like_sagemaker=True) is None
    assert block(RECOMMENDED, like_sagemaker=True) is None
    assert block(RECOMMENDED) == RECOMMENDED.to_dict()
    single = SAGEMAKER.overridden({"minimum_rows": "5"})
    assert block(single, like_sagemaker=True) == single.to_dict()


def test_metrics_can_be_switched_off(analyse):
    columns = {"a": ["1"] * 9, "b": ["1"] * 9}

    def everywhere(document):
        document["monitoring_config"]["emit_metrics"] = "disabled"

    def for_one(document):
        document["features"][0]["monitoring_config_overrides"] = {"emit_metrics": "disabled"}

    assert analyse(columns, columns, edit=everywhere)[1].metrics == ()
    names = [m.name for m in analyse(columns, columns, edit=for_one)[1].metrics]
    assert names
    assert not [name for name in names if name.endswith("_a")]

    def only_one(document):
        everywhere(document)
        document["features"][0]["monitoring_config_overrides"] = {"emit_metrics": "Enabled"}

    names = [m.name for m in analyse(columns, columns, edit=only_one)[1].metrics]
    assert names
    assert all(name.endswith("_a") for name in names)


def test_metric_settings(analyse):
    behaviour = SAGEMAKER.overridden({"non_null_metric": "completeness", "metric_dimensions": "feature"})
    _, now = analyse({"a": ["1"] * 9}, {"a": ["1", "", ""] * 3}, behaviour)
    metric = next(m for m in now.metrics if m.name == "feature_non_null_a")
    assert metric.value == pytest.approx(1 / 3)
    (line,) = metric.lines(endpoint=None, schedule="s", timestamp=None)
    assert line["Dimensions"][0] == {"Name": "Feature", "Value": "a"}


def test_no_metric_of_what_is_not_known(profile_of):
    now = DataQuality(SAGEMAKER).analyse(profile_of({"a": [float("inf")]}))
    names = [metric.name for metric in now.metrics]
    assert "feature_data_a" not in names
    assert "feature_baseline_drift_a" not in names
    assert now.features["a"]["non_finite_values"] == 1


def test_profile_options_know_what_must_be_counted(analyse):
    def edit(document):
        document["features"][0]["monitoring_config_overrides"] = {
            "open_model_monitor": {"max_categories": 200}
        }

    base, _ = analyse({"a": ["x", "y"] * 9}, {"a": ["x"]})
    document = base.constraints.to_dict()
    edit(document)
    options = DataQuality(SAGEMAKER).profile_options(Constraints.from_dict(document), {"a": ["-1"]})
    assert (options.watched, options.max_categories) == (frozenset({"x", "y"}), 200)
    assert options.missing_in("a") == {"-1"}


# ---------------------------------------------------------------- laws

missing = st.sampled_from([None, "", " "])
numbers = st.lists(
    missing | st.integers(-99, 99).map(str) | st.floats(-9, 9).map(str) | st.just("nan"), min_size=1
)
words = st.lists(
    missing | st.text(alphabet="abc é'\n", max_size=3) | st.sampled_from(["true", "FALSE"]), min_size=1
)
native = st.lists(st.none() | st.floats(allow_nan=True, allow_infinity=True), min_size=1)


@settings(deadline=None)
@given(st.lists(numbers | words | native, min_size=1, max_size=4), st.booleans())
def test_suggest_then_check_of_the_same_data_finds_no_violation(columns, from_script):
    """Under the recommended behaviour; text that holds numbers is the one exception, as classes are exact."""
    rows = max(map(len, columns))
    arrays = []
    for values in columns:
        kind = pa.string() if any(isinstance(v, str) for v in values) else pa.float64()
        arrays.append(pa.array((values * rows)[:rows], kind))
    names = [f"f{i}" for i in range(len(arrays))]
    metadata = {"section": "script" if from_script else ""}
    schema = pa.schema([pa.field(n, a.type, metadata=metadata) for n, a in zip(names, arrays, strict=True)])
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    monitor = DataQuality(RECOMMENDED.overridden({"minimum_rows": "0"}))
    base = monitor.analyse(DatasetProfile(monitor.profile_options()).update(batch))
    constraints = Constraints.from_dict(base.constraints.to_dict())
    statistics = Statistics.from_dict(base.statistics.to_dict())
    profile = DatasetProfile(monitor.profile_options(constraints)).update(batch)
    now = monitor.analyse(profile, constraints=constraints, baseline=statistics)
    assert now.violations == []
    assert now.statistics.to_dict() == base.statistics.to_dict()
    assert now.constraints.to_dict() == base.constraints.to_dict()


@pytest.mark.parametrize("values", [pa.array(["7.5"] * 10_000), pa.array([7.5] * 10_000)])
def test_point_5_a_million_equal_values(batch, values):
    profile = DatasetProfile()
    for _ in range(100):
        profile.update(batch({"a": values}))
    assert len(dumps(profile)) < 20_000
    (feature,) = DataQuality().analyse(profile).statistics.to_dict()["features"]
    numbers = feature["numerical_statistics"]
    assert numbers["common"] == {"num_present": 1_000_000, "num_missing": 0}
    buckets = numbers["distribution"]["kll"]["buckets"]
    assert [bucket["count"] for bucket in buckets] == [0.0] * 9 + [1e6]
    assert sum(map(len, numbers["distribution"]["kll"]["sketch"]["data"])) < 8000
