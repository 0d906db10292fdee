"""Documents are read once while they stay the same."""

from open_model_monitor.server.pages.desk import Documents
from open_model_monitor.storage import Storage


def test_a_document_that_changed_is_read_again(tmp_path):
    documents, path = Documents(Storage()), tmp_path / "a.json"
    assert documents.read(str(path)) is None
    path.write_text('{"a": 1}')
    first = documents.read(str(path))
    assert documents.read(str(path)) is first
    path.write_text('{"a": 22}')
    assert documents.read(str(path)) == {"a": 22}
    path.write_text("{")
    assert documents.read(str(path)) is None


def test_no_more_is_kept_than_fits(tmp_path):
    documents = Documents(Storage(), kept=20)
    for name in "abc":
        (tmp_path / name).write_text('{"a": 123456}')
        documents.read(str(tmp_path / name))
    assert len(documents._known) == 1
