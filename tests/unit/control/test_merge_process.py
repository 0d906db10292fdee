import json

from open_model_monitor.control.merge_process import run_merge


def lay(folder, data):
    for name, source in (
        ("input/endpoint/e/AllTraffic/2026/01/31/10", "capture"),
        ("groundtruth/2026/01/31/11", "actuals"),
    ):
        place = folder / "opt/ml/processing" / name
        place.mkdir(parents=True)
        lines = (data / f"sdk/{source}.jsonl").read_bytes()
        (place / "a.jsonl").write_bytes(lines)
    base = folder / "opt/ml/processing"
    return {
        "dataset_source": f"{base}/input/endpoint",
        "ground_truth_source": f"{base}/groundtruth",
        "output_path": f"{base}/output",
    }


WINDOW = {"start_time": "2026-01-31T10:00:00Z", "end_time": "2026-01-31T11:00:00Z"}


def test_captures_and_labels_that_are_laid_out(tmp_path, data):
    code, summary, message = run_merge(tmp_path, WINDOW, lay(tmp_path, data))
    assert code == 0
    assert message.startswith("Completed: 44 of 44 captures have a label; 0 labels have no capture")
    assert summary["labels"]["coverage"] == 1.0
    [path] = (tmp_path / "opt/ml/processing/output/e/AllTraffic/2026/01/31/10").glob("part-*.jsonl")
    assert json.loads(path.read_text().splitlines()[0])["groundTruthData"]["data"] == "1"


def test_a_failure_is_the_exit_message(tmp_path, data):
    real = lay(tmp_path, data)
    window = {"start_time": "2026-02-01T10:00:00Z", "end_time": "2026-02-01T11:00:00Z"}
    code, summary, message = run_merge(tmp_path, window, real)
    assert (code, summary, message) == (3, {"error": "NoData"}, "")
    told = (tmp_path / "opt/ml/output/message").read_text()
    assert told.startswith("NoData: Job inputs had no data")
