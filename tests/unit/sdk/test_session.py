"""Where monitors live."""

import pytest

from open_model_monitor.errors import UsageError
from open_model_monitor.sdk.session import Session, named, session_at


def test_names_fit_and_differ():
    made = named("x" * 80)
    assert len(made) <= 63
    assert made.startswith("x" * 10)
    assert named("monitor").startswith("monitor-20")


def test_a_session_is_of_one_place(tmp_path):
    with pytest.raises(UsageError, match="not of both"):
        Session(url="http://127.0.0.1:1", data=tmp_path)


def test_sessions_of_a_folder_share_its_work(tmp_path):
    first, second = Session(data=tmp_path), Session(data=tmp_path)
    assert first.sagemaker_client is second.sagemaker_client
    assert first.default_bucket() == (tmp_path / "files").as_uri()
    assert first.region == "us-east-1"
    first.close()
    third = Session(data=tmp_path)
    assert third.sagemaker_client is not first.sagemaker_client
    third.close()


def test_files_are_placed_where_jobs_reach_them(tmp_path):
    session = Session(data=tmp_path / "data")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("1")
    place = f"{session.place}/here"
    assert session.placed(str(tmp_path / "code" / "a.py"), place) == f"{place}/a.py"
    assert session.placed(str(tmp_path / "code"), place) == place
    assert session.placed("s3://bucket/key", place) == "s3://bucket/key"
    assert session.read(f"{place}/a.py") == b"1"
    with pytest.raises(UsageError, match="no file"):
        session.placed(str(tmp_path / "none.py"), place)
    session.close()


def test_objects_may_lie_elsewhere_than_the_server(monkeypatch):
    session = session_at("http://monitors.example:8765")
    assert session.client("s3").meta.endpoint_url == "http://monitors.example:8765"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://objects.example")
    assert session.client("s3").meta.endpoint_url == "http://objects.example"
    assert session.client("sagemaker").meta.endpoint_url == "http://monitors.example:8765"
