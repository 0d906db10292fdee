"""The numbered cases of the dataset contract (D1 …) that data quality answers, each through the whole of a run.

D5 to D8, D14 and D21 speak of ground truth and model-quality metrics; they come with that monitor.
"""

import base64
import csv
import gzip
import json

import pytest

import open_model_monitor as omm
from open_model_monitor.capture.formats import parse_format
from open_model_monitor.capture.layout import plan
from open_model_monitor.errors import DataError, DocumentError, Malformed, NoData, UsageError
from open_model_monitor.storage import Storage

NO_HEADER = {"csv": {"header": False}}


def names(report):
    return [feature.name for feature in report.statistics.features]


def types(report):
    return [feature.inferred_type for feature in report.statistics.features]


def means(report):
    return [feature.mean for feature in report.statistics.features]


def line(request, response=None, *, inputs="CSV", outputs="CSV", content_type="text/csv"):
    sections = {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": request,
            "encoding": inputs,
        }
    }
    if response is not None:
        sections["endpointOutput"] = {
            "observedContentType": content_type,
            "mode": "OUTPUT",
            "data": response,
            "encoding": outputs,
        }
    metadata = {"eventId": "e", "inferenceTime": "2026-01-31T10:30:00Z"}
    return json.dumps({"captureData": sections, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"


def captured(tmp_path, *lines):
    path = tmp_path / "captures.jsonl"
    path.write_text("".join(lines))
    return path


def test_d1_placeholder_times_and_csv_on_both_sides(data):
    report = omm.check(data / "sdk" / "capture.jsonl")
    assert report.rows == 44
    assert names(report) == [f"_c{i}" for i in range(8)]
    assert types(report) == ["Fractional"] + ["Integral"] * 7
    first = report.statistics.features[0]
    assert (first.minimum, first.maximum) == (0.302709460258, 0.714013934135)
    assert first.mean == pytest.approx(0.48215119405218, rel=1e-12)
    expected = [13.613636, 17.136364, 23.318182, 24.318182, 21.590909, 21.363636, 22.295455]
    assert means(report)[1:] == pytest.approx(expected, abs=1e-6)


def test_d2_envelopes_of_scalars(data):
    report = omm.check(data / "sdk" / "captured-data.jsonl")
    assert report.rows == 6
    assert names(report) == ["predictions", "instances"]
    assert types(report) == ["Fractional"] * 2
    assert means(report) == pytest.approx([4.333333, 2.666667], abs=1e-6)


def test_d3_churn_captures_have_the_output_first(data):
    report = omm.check(data / "recorded" / "endpoint-capture-csv.jsonl")
    assert (report.rows, len(names(report)), names(report)[0]) == (3, 70, "_c0")
    assert types(report)[0] == "Fractional"


def test_d4_json_captures_with_two_instances(data):
    report = omm.check(data / "recorded" / "endpoint-capture-json.jsonl")
    assert report.rows == 3
    assert names(report) == ["score", "predicted_label", *(f"features_{i}" for i in range(14))]


def test_d9_ids_of_a_batch_transform_are_no_features(data):
    report = omm.check(data / "recorded" / "batch-transform-output-jsonlines.jsonl")
    assert report.rows == 5
    assert not [name for name in names(report) if "Inference" in name]


def test_d10_a_manifest_names_its_objects(data, tmp_path):
    manifest = json.loads((data / "recorded" / "batch-capture-output-manifest.json").read_text())
    manifest[0]["prefix"] = f"{tmp_path}/out/"
    hour = tmp_path / "capture" / "output" / "2026" / "01" / "31" / "10"
    hour.mkdir(parents=True)
    (hour / "5f.json").write_text(json.dumps(manifest))
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "test-dataset.jsonl.out"
    target.write_bytes((data / "recorded" / "batch-transform-output-jsonlines.jsonl").read_bytes())
    source = str(tmp_path / "capture" / "output")
    planned = plan(Storage(), source, parse_format({"json": {"lines": True}}), None)
    assert [object for part in planned.parts for object in part.objects] == [str(target)]
    assert omm.check(source).rows == 5


def churn_baseline(data, folder, **more):
    return omm.suggest(data / "churn" / "training-dataset-with-header.csv", folder, format="csv", **more)


def test_d11_the_churn_baseline(data, tmp_path):
    report = churn_baseline(data, tmp_path / "baseline")
    assert (report.rows, len(names(report)), names(report)[0]) == (2333, 70, "Churn")
    fractional = [f.name for f in report.statistics.features if f.inferred_type == "Fractional"]
    assert fractional == ["Day Mins", "Eve Mins", "Night Mins", "Intl Mins"]
    assert types(report).count("Integral") == 66
    churn, length = report.statistics.features[:2]
    assert (churn.sum, length.sum, length.minimum, length.maximum) == (325, 236279, 1, 243)
    assert [churn.mean, churn.std_dev] == pytest.approx([0.139306, 0.346265], abs=1e-6)
    assert [length.mean, length.std_dev] == pytest.approx([101.276897, 39.552442], abs=1e-6)


def churn_captures(data, tmp_path, *, outputs=True):
    with (data / "churn" / "test-dataset-input-cols.csv").open() as file:
        rows = list(csv.reader(file))
    hour = tmp_path / "captures" / "churn" / "AllTraffic" / "2026" / "01" / "31" / "10"
    hour.mkdir(parents=True)
    lines = [line(",".join(row), f"0.{n:03d}1\n" if outputs else None) for n, row in enumerate(rows)]
    (hour / "59-58-101-ab12.jsonl").write_text("".join(lines))
    return tmp_path / "captures"


def test_d12_one_odd_row_breaks_sixty_types(data, tmp_path):
    churn_baseline(data, tmp_path / "baseline", like="sagemaker")
    report = omm.check(churn_captures(data, tmp_path), tmp_path / "baseline")
    broken = [e for e in report.violations if e["constraint_check_type"] == "data_type_check"]
    assert len(broken) == 60
    (churn,) = [e for e in broken if e["feature_name"] == "Churn"]
    assert "Only 0.0% of data is Integral" in churn["description"]


def test_d13_numbers_in_scientific_notation(data):
    report = omm.suggest(data / "sdk" / "baseline_dataset.csv", format=NO_HEADER)
    assert report.rows == 418
    assert names(report) == [f"_c{i}" for i in range(10)]
    assert types(report) == ["Fractional"] * 10
    assert report.features["_c9"]["type_counts"]["Fractional"] == 418


@pytest.mark.parametrize("file", ["validation-dataset.jsonl", "validation-dataset.json"])
def test_d15_d16_adult_as_lines_and_as_a_document(data, file):
    report = omm.suggest(data / "adult" / file)
    assert report.rows == 666
    assert sorted(names(report)) == sorted([*(f"features_{i}" for i in range(14)), "label"])


def test_d17_inputs_alone_align_to_the_right(data, tmp_path):
    churn_baseline(data, tmp_path / "baseline")
    text = (data / "recorded" / "endpoint-capture-csv.jsonl").read_text()
    records = [json.loads(record) for record in text.splitlines()]
    for record in records:
        del record["captureData"]["endpointOutput"]
    path = captured(tmp_path, *(json.dumps(record) + "\n" for record in records))
    report = omm.check(path, tmp_path / "baseline")
    kinds = [e["constraint_check_type"] for e in report.violations]
    assert kinds.count("missing_column_check") == 1
    assert (
        "Churn"
        in next(e for e in report.violations if "missing" in e["constraint_check_type"])["description"]
    )
    shifted = [e for e in report.violations if e["constraint_check_type"] == "data_type_check"]
    assert shifted == []


def test_d18_a_csv_request_and_a_json_answer(tmp_path):
    path = captured(
        tmp_path,
        line("1,2\n3,4\n", '{"predictions":[0.1,0.9]}', outputs="JSON", content_type="application/json"),
    )
    report = omm.check(path)
    assert report.rows == 2
    assert means(report) == [0.5, 2.0, 3.0]


def test_d19_a_base64_answer_in_html(tmp_path):
    answer = base64.b64encode(b"0.3").decode()
    report = omm.check(captured(tmp_path, line("5,6", answer, outputs="BASE64", content_type="text/html")))
    assert (report.rows, means(report)) == (1, [0.3, 5.0, 6.0])


def test_d20_integer_keys_of_a_script(tmp_path):
    training = "\n".join(",".join(f"c{i}" for i in range(18)) for _ in range(40)) + "\n"
    (tmp_path / "train.csv").write_text(training)
    omm.suggest(tmp_path / "train.csv", tmp_path / "baseline", format=NO_HEADER)
    script = tmp_path / "p.py"
    script.write_text(
        "def preprocess_handler(r):\n    return {i: f for i, f in enumerate(r.endpoint_input.data.split(','))}\n"
    )
    path = captured(tmp_path, *[line(one) for one in training.splitlines()])
    natural = omm.check(path, tmp_path / "baseline", preprocess=script)
    assert [f.categories for f in natural.statistics.features][10] == {"c10": 40}
    exact = omm.check(
        path, tmp_path / "baseline", preprocess=script, behaviour={"column_matching": "position"}
    )
    assert [f.categories for f in exact.statistics.features][2] == {"c10": 40}


def test_d22_truncated_lines_are_counted(tmp_path):
    good = line("1,2", "0.5")
    report = omm.check(captured(tmp_path, *([good[:80] + "\n"] * 3), *([good] * 97)))
    assert report.rows == 97
    assert report.counts.lines_malformed == 3
    assert "captures.jsonl:1: " in report.counts.malformed[0]
    with pytest.raises(Malformed, match="30 of 100 lines"):
        omm.check(captured(tmp_path, *([good[:80] + "\n"] * 30), *([good] * 70)))


def test_samples_of_malformed_lines_may_be_redacted(tmp_path):
    path = captured(tmp_path, *[line("secret,2", "0.5")[:80] + "\n"], *[line("1,2", "0.5")] * 20)
    shown = omm.check(path).counts.malformed
    assert "captureData" in shown[0]
    hidden = omm.check(path, options={"redact_payloads": True}).counts.malformed
    assert "captures.jsonl:1: " in hidden[0]
    assert "captureData" not in hidden[0]
    with pytest.raises(Malformed) as caught:
        omm.check(path, options={"redact_payloads": True, "max_malformed_fraction": 0.01})
    assert "captureData" not in str(caught.value)


# ---------------------------------------------------------------- bad input that no number names


def test_an_empty_folder(tmp_path):
    with pytest.raises(NoData, match="Job inputs had no data"):
        omm.check(tmp_path)


def test_no_capture_in_the_window(data, tmp_path):
    with pytest.raises(NoData, match=r"Job inputs had no data.*2026-02-01T10"):
        omm.check(churn_captures(data, tmp_path), since="2026-02-01T10:00:00Z", until="2026-02-01T11:00:00Z")


def test_a_window_selects_hours(data, tmp_path):
    captures = churn_captures(data, tmp_path)
    assert omm.check(captures, since="2026-01-31T10:00:00Z", until="2026-01-31T11:00:00Z").rows == 334
    with pytest.raises(DataError):
        omm.check(captures, since="2026-01-31T10:45:00Z", until="2026-01-31T11:00:00Z")
    assert omm.check(captures, since="2026-01-31T10:15:00Z", until="2026-01-31T10:45:00Z").rows == 334


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("sdk/model_monitor_model_quality_binary_classification.json", "model-quality|model quality"),
        ("sdk/clarify_bias.json", "Clarify|bias"),
        ("sdk/constraints.json", "constraints"),
        ("sdk/statistics.json", "message"),
    ],
)
def test_a_wrong_baseline_is_recognised(data, tmp_path, file, says):
    with pytest.raises(DocumentError, match=says):
        omm.check(captured(tmp_path, line("1,2")), statistics=data / file)


def test_a_baseline_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="omm suggest"):
        omm.check(captured(tmp_path, line("1,2")), tmp_path)


def test_a_truncated_gzip(tmp_path):
    whole = gzip.compress("".join(line(f"{n},2") for n in range(20_000)).encode())
    (tmp_path / "a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.jsonl").write_text(line("1,2"))
    report = omm.check(tmp_path, format="capture")
    assert report.counts.objects_unreadable == 1
    assert report.rows > 1
    assert any("a.jsonl.gz" in text for text in report.warnings)


def test_invalid_utf8_is_replaced_and_counted(tmp_path):
    path = tmp_path / "captures.jsonl"
    path.write_bytes(line("1,red").encode().replace(b"red", b"r\xffd"))
    report = omm.check(path, format="capture")
    assert report.counts.lines_with_invalid_utf8 == 1
    assert report.statistics.features[1].categories == {"r\ufffdd": 1}


def test_a_line_of_a_hundred_megabytes(tmp_path):
    path = captured(tmp_path, *([line("1,2")] * 20))
    with path.open("a") as file:
        for _ in range(100):
            file.write("x" * (1 << 20))
        file.write("\n" + line("3,4"))
    report = omm.check(path, format="capture")
    assert (report.rows, report.counts.lines_malformed) == (21, 1)


def test_five_thousand_columns(tmp_path):
    report = omm.check(captured(tmp_path, *[line(",".join(map(str, range(5000))))] * 3))
    assert (report.rows, len(names(report))) == (3, 5000)


def test_names_that_repeat_and_columns_without_values(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("a,a,b\n1,2,\n3,4,\n")
    report = omm.suggest(path, format="csv")
    assert names(report) == ["a", "a_2", "b"]
    assert types(report) == ["Integral", "Integral", "Unknown"]


def test_a_header_alone_is_no_baseline(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("a,b\n")
    with pytest.raises(NoData):
        omm.suggest(path, format="csv")


def test_payloads_that_are_no_tables_ask_for_a_script(tmp_path):
    image = base64.b64encode(bytes(range(256))).decode()
    path = captured(tmp_path, line(image, None, inputs="BASE64").replace("text/csv", "image/png"))
    with pytest.raises(Malformed, match=r"image/png.*preprocessing script"):
        omm.check(path)


def test_the_same_input_gives_the_same_bytes(data, tmp_path):
    captures = churn_captures(data, tmp_path)
    churn_baseline(data, tmp_path / "baseline")
    outputs = []
    for name in ("one", "two"):
        omm.check(
            captures, tmp_path / "baseline", tmp_path / name, options={"workers": 1 if name == "one" else 2}
        )
        outputs.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir() if p.is_file()})
    assert outputs[0] == outputs[1]
