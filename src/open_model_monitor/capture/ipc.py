"""Arrow batches as bytes: how rows of a table travel in a block, and batches come back from a script's process."""

from __future__ import annotations

import pyarrow as pa


def batch_to_ipc(batch: pa.RecordBatch) -> bytes:
    """Return the batch as an Arrow IPC stream, metadata included."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def batch_from_ipc(data: bytes | memoryview) -> pa.RecordBatch:
    """Rebuild the batch of `batch_to_ipc`."""
    with pa.ipc.open_stream(data) as reader:
        return reader.read_next_batch()
