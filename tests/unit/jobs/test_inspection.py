import base64
import json

import pytest

from open_model_monitor.api import format_of, window_of
from open_model_monitor.errors import NoData
from open_model_monitor.jobs.inspection import inspect


def capture(folder, *records):
    """Write captures; a record is a pair of payloads, each (data, encoding, content type) or None."""
    path = folder / "captures.jsonl"
    lines = []
    for number, payloads in enumerate(records):
        if isinstance(payloads, str):
            lines.append(payloads)
            continue
        sections = {
            name: {"data": p[0], "encoding": p[1], "observedContentType": p[2], "mode": "INPUT"}
            for name, p in zip(("endpointInput", "endpointOutput"), payloads, strict=False)
            if p
        }
        metadata = {"eventId": str(number), "inferenceTime": f"2026-01-31T10:{number % 60:02d}:00Z"}
        lines.append(json.dumps({"captureData": sections, "eventMetadata": metadata, "eventVersion": "0"}))
    path.write_text("\n".join(lines))
    return str(path)


CSV, SCORE = ("1,2.5,x", "CSV", "text/csv"), ("0.5\n", "CSV", "text/csv; charset=utf-8")


def test_plain_captures(tmp_path):
    found = inspect(capture(tmp_path, *[(CSV, SCORE)] * 3))
    assert (found.records, found.rows, found.complete, found.rows_per_record) == (3, 3, True, {1: 3})
    assert [(p.section, p.encoding, p.content_type, p.shape, p.records) for p in found.payloads] == [
        ("endpointInput", "CSV", "text/csv", "1 line of 3 fields", 3),
        ("endpointOutput", "CSV", "text/csv; charset=utf-8", "1 line of 1 field", 3),
    ]
    assert [(c.name, c.inferred_type, c.section, c.samples) for c in found.columns] == [
        ("_c0", "Fractional", "output", ("0.5",)),
        ("_c1", "Integral", "input", ("1",)),
        ("_c2", "Fractional", "input", ("2.5",)),
        ("_c3", "String", "input", ("x",)),
    ]
    assert (found.first_time, found.last_time) == ("2026-01-31T10:00:00Z", "2026-01-31T10:02:00Z")
    assert (found.preprocessor, found.reasons, found.sniffed) == ("not needed", (), True)
    assert json.loads(json.dumps(found.to_dict()))["rows_per_record"] == {"1": 3}


def test_images_need_a_script(tmp_path):
    image = (base64.b64encode(b"\x89PNG\r\n" + bytes(range(256))).decode(), "BASE64", "image/png")
    found = inspect(capture(tmp_path, (image, None), (image, None)))
    assert found.preprocessor == "needed"
    assert "image/png" in found.reasons[0]
    assert found.payloads[0].shape == "a PNG image in BASE64"
    with_scores = inspect(capture(tmp_path, (image, SCORE)))
    assert with_scores.preprocessor == "advisable"


def test_what_is_mixed_is_told(tmp_path):
    found = inspect(
        capture(tmp_path, (("1,2", "CSV", "text/csv"), SCORE), (("x,2,3", "CSV", "text/csv"), SCORE))
    )
    assert found.preprocessor == "advisable"
    assert any("2 shapes" in reason for reason in found.reasons)
    assert any("mix numbers with text (_c1)" in reason for reason in found.reasons)


def test_what_is_malformed_is_told(tmp_path):
    found = inspect(capture(tmp_path, (CSV, SCORE), "{oh", (("{no", "JSON", "application/json"), SCORE)))
    assert found.malformed == 2
    assert "not JSON" in found.malformed_samples[0]
    assert "endpointInput" in found.malformed_samples[1]
    assert found.rows_per_record == {0: 1, 1: 1}


def test_a_limit_and_progress(tmp_path):
    told = []
    found = inspect(capture(tmp_path, *[(CSV, SCORE)] * 1200), limit=1100, progress=lambda *n: told.append(n))
    assert (found.records, found.rows, found.complete) == (1100, 1100, False)
    assert [records for _, records in told] == [500, 1000]


def test_many_shapes_are_capped(tmp_path):
    wide = [((",".join("1" * n), "CSV", "text/csv"), None) for n in range(1, 80)]
    found = inspect(capture(tmp_path, *wide))
    assert len(found.payloads) == 51
    assert {kind.shape for kind in found.payloads} >= {"other shapes", "1 line of 1 field"}


def test_other_formats(tmp_path, data):
    found = inspect(str(data / "churn" / "training-dataset-with-header.csv"), format=format_of("csv"))
    assert (found.rows, found.columns[0].name, found.sniffed) == (2333, "Churn", False)
    assert [kind.section for kind in found.payloads] == [""]
    found = inspect(str(data / "recorded" / "batch-transform-output-jsonlines.jsonl"))
    assert (found.rows, found.columns[1].name) == (5, "score")


def test_no_data(tmp_path):
    with pytest.raises(NoData):
        inspect(str(tmp_path / "nothing"))
    hour = tmp_path / "e" / "v" / "2026" / "01" / "31" / "10"
    hour.mkdir(parents=True)
    capture(hour, (CSV, SCORE))
    with pytest.raises(NoData):
        inspect(str(tmp_path / "e"), window=window_of("2026-02-01T10:00:00Z", None))
