import pytest

from open_model_monitor.capture.record import CapturedData, Item, Origin
from open_model_monitor.rows.script_failures import EXCERPT, argument_kind, excerpt, failure_of, sha256_of

ORIGIN = Origin("a.jsonl", 1)


def raised(script, source):
    script.write_text(source)
    try:
        exec(compile(source, str(script), "exec"), {})
    except BaseException as error:
        return error
    return None


@pytest.mark.parametrize(
    ("source", "remedy"),
    [
        ("import no_such_module", "requirements"),
        ("raise MemoryError", "memory limit"),
        ("raise SystemExit(0)", "must return"),
        ("None.data", "was not captured"),
        ("1 / 0", None),
    ],
)
def test_the_remedy_where_we_know_it(tmp_path, source, remedy):
    script = tmp_path / "p.py"
    failure = failure_of(raised(script, source), role="preprocessor", phase="call", script=script)
    assert (failure.line, failure.script) == (1, "p.py")
    assert (failure.remedy is None) == (remedy is None)
    assert remedy is None or remedy in failure.remedy
    assert "test_script_failures" not in failure.traceback


def test_an_error_that_cannot_say_what_it_is(tmp_path):
    script = tmp_path / "p.py"
    error = raised(script, "class E(Exception):\n    def __str__(self): return 1 / 0\nraise E")
    failure = failure_of(error, role="preprocessor", phase="call", script=script)
    assert failure.message == "(a E that cannot say what it is)"
    assert failure.line == 3


def test_hash_of_a_script(tmp_path):
    (tmp_path / "p.py").write_text("")
    assert sha256_of(tmp_path / "p.py").startswith("e3b0c442")
    assert sha256_of(tmp_path / "none.py") is None


def test_the_record_in_a_few_words():
    record = CapturedData({"captureData": {"endpointInput": {"encoding": "CSV", "data": "5,red"}}})
    assert excerpt(Item("capture", record, ORIGIN)) == "endpointInput CSV '5,red'"
    assert excerpt(Item("csv", "x" * 9999, ORIGIN)) == "x" * EXCERPT
    kinds = {"capture": "CapturedData", "csv": "CSV line (str)", "parquet": "Parquet row (dict)"}
    assert {kind: argument_kind(Item(kind, None, ORIGIN)) for kind in kinds} == kinds
    assert argument_kind(Item("json", [], ORIGIN)) == "JSON value (list)"
