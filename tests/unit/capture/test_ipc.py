import pyarrow as pa

from open_model_monitor.capture.ipc import batch_from_ipc, batch_to_ipc


def test_bytes_and_back_keep_values_and_metadata():
    field = pa.field("a", pa.int64(), metadata={"section": "output"})
    made = pa.RecordBatch.from_arrays([pa.array([1, None])], schema=pa.schema([field]))
    assert batch_from_ipc(batch_to_ipc(made)).equals(made, check_metadata=True)
    assert batch_from_ipc(memoryview(batch_to_ipc(made))).equals(made)
    assert batch_from_ipc(batch_to_ipc(made.slice(1, 1))).to_pylist() == [{"a": None}]
