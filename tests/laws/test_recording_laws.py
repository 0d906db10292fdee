"""Whatever a model is asked, its capture says the same."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from open_model_monitor.capture.record import CapturedData
from open_model_monitor.recording.capture_lines import LineFormat, Prediction, RawPayload

BODIES = st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
TYPES = st.sampled_from([None, "text/csv", "application/json", "text/csv; charset=utf-8", "image/png"])
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]))


def bytes_of(section):
    return base64.b64decode(section.data) if section.encoding == "BASE64" else section.data.encode()


@given(body=BODIES, answer=BODIES, kind=TYPES, inference_id=TEXTS, attributes=TEXTS, time=st.floats(0, 4e9))
def test_a_payload_survives(body, answer, kind, inference_id, attributes, time):
    made = Prediction(
        time,
        RawPayload(body, kind),
        RawPayload(answer, kind),
        inference_id=inference_id,
        custom_attributes=attributes,
    )
    line = LineFormat().line(made)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    record = CapturedData(json.loads(line))
    assert bytes_of(record.endpoint_input) == body
    assert bytes_of(record.endpoint_output) == answer
    assert record.endpoint_input.observedContentType == kind
    assert record.event_dict["eventMetadata"].get("inferenceId") == (inference_id or None)
