"""Documents where they lie."""

import json

import pytest

from open_model_monitor.sdk.files import Constraints, ConstraintViolations, Statistics
from open_model_monitor.sdk.session import Session


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    made = Session(data=tmp_path_factory.mktemp("sdk"))
    yield made
    made.close()


@pytest.mark.parametrize("kind", [Statistics, Constraints, ConstraintViolations])
def test_up_and_down(kind, session, tmp_path):
    (tmp_path / "document.json").write_text('{"features": [], "violations": []}')
    uploaded = kind.from_file_path(str(tmp_path / "document.json"), sagemaker_session=session)
    uploaded.body_dict["more"] = 1
    assert uploaded.save() == uploaded.file_s3_uri
    assert kind.from_s3_uri(uploaded.file_s3_uri, sagemaker_session=session).body_dict["more"] == 1
    elsewhere = (tmp_path / "elsewhere.json").as_uri()
    uploaded.save(elsewhere)
    assert json.loads((tmp_path / "elsewhere.json").read_text())["more"] == 1
    assert "<div>" in uploaded._repr_html_()


def test_checks_are_switched(session):
    document = {"features": [{"name": "a"}, {"name": "b"}]}
    made = Constraints(document, "file:///nowhere", sagemaker_session=session)
    made.set_monitoring(False, "b")
    made.set_monitoring(True)
    assert document["features"][0] == {"name": "a"}
    assert document["features"][1]["monitoring_config_overrides"] == {"evaluate_constraints": "Disabled"}
    assert document["monitoring_config"] == {"evaluate_constraints": "Enabled"}
