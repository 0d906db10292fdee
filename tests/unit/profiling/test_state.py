import zlib

import pytest

from open_model_monitor.errors import DocumentError
from open_model_monitor.profiling.columns import DatasetProfile
from open_model_monitor.profiling.state import dumps, loads


class Other(DatasetProfile):
    kind = "other"


def test_what_is_no_state_is_refused():
    for data in (b"", b"x", zlib.compress(b"x"), zlib.compress(b"\x80")):
        with pytest.raises(DocumentError, match="not a packed state"):
            loads(data, DatasetProfile)


def test_another_kind_is_refused():
    with pytest.raises(DocumentError, match="is other version 1; expected dataset-profile version 1"):
        loads(dumps(Other()), DatasetProfile)
