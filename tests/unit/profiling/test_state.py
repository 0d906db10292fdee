import pyarrow as pa
import pytest

from open_model_monitor.errors import DocumentError
from open_model_monitor.profiling.columns import DatasetProfile
from open_model_monitor.profiling.state import dumps, loads


class Other(DatasetProfile):
    kind = "other"


def test_what_is_no_state_is_refused():
    good = dumps(DatasetProfile())
    half = (4).to_bytes(8, "little") + pa.compress(b"\x93\x01\x02\x03", codec="zstd", asbytes=True)
    for data in (b"", b"x", good[:-1], good[:8], b"\xff" * 8 + good[8:], half):
        with pytest.raises(DocumentError, match="not a packed state"):
            loads(data, DatasetProfile)


def test_another_kind_is_refused():
    with pytest.raises(DocumentError, match="is other version 1; expected dataset-profile version 1"):
        loads(dumps(Other()), DatasetProfile)
