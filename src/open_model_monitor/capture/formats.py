"""One object → blocks → items. (Stopgap; to be replaced.)"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import Block, CapturedData, Counts, Format, Item, Origin, Part, Window
from open_model_monitor.errors import SettingsError
from open_model_monitor.storage import Storage


def parse_format(document: Any) -> Format:
    if isinstance(document, str):
        document = parse_json(document)
    (name, options), = document.items()
    name = name.lower()
    options = {k.lower(): v for k, v in options.items()}
    def flag(v): return str(v).lower() == "true"
    if name == "csv":
        return Format("csv", flag(options.get("header", False)), options.get("output_columns_position", "START"))
    if name == "json":
        return Format("jsonlines" if flag(options.get("lines", options.get("line", False))) else "json")
    if name == "parquet":
        return Format("parquet")
    if name in ("sagemakercapturejson", "sagemakermergejson"):
        return Format("capture" if "capture" in name else "merged", sections=tuple(options.get("captureindexnames") or ("endpointInput", "endpointOutput")))
    raise SettingsError(f"unknown format {name}")


def format_to_dict(f: Format) -> Any:
    return {"capture": lambda: {"sagemakerCaptureJson": {"captureIndexNames": list(f.sections)}},
            "merged": lambda: {"sagemakerMergeJson": {"captureIndexNames": list(f.sections)}},
            "csv": lambda: {"csv": {"header": f.header, "output_columns_position": f.output_columns_position}},
            "json": lambda: {"json": {"lines": False}}, "jsonlines": lambda: {"json": {"lines": True}},
            "parquet": lambda: {"parquet": {}}}[f.kind]()


def sniff_format(storage: Storage, source: str, window: Window | None = None) -> Format:
    stat = storage.list(source)[0]
    if stat.address.endswith(".csv"):
        return Format("csv", True)
    if stat.address.endswith(".parquet"):
        return Format("parquet")
    head = storage.read(stat.address)[:100000]
    if b'"captureData"' in head:
        return Format("capture")
    return Format("json" if stat.address.endswith(".json") else "jsonlines")


def blocks(storage: Storage, part: Part, format: Format, counts: Counts, *, block_bytes: int = 1 << 20, max_line_bytes: int = 64 << 20) -> Iterator[Block]:
    for i, address in enumerate(part.objects):
        counts.objects_selected += 1
        check = bool(part.check_times and part.check_times[i])
        if format.kind == "parquet":
            import io
            import pyarrow.parquet as pq
            line = 1
            for n, batch in enumerate(pq.ParquetFile(io.BytesIO(storage.read(address))).iter_batches()):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as w:
                    w.write_batch(batch)
                yield Block(address, line, sink.getvalue().to_pybytes(), None, n == 0)
                line += batch.num_rows
            continue
        with storage.open(address) as raw:
            if format.kind == "json":
                data = raw.read()
                counts.bytes_read += len(data)
                yield Block(address, 1, data)
                continue
            line, header, first = 1, None, True
            if format.kind == "csv" and format.header:
                header = raw.readline().decode().rstrip("\r\n")
                line = 2
            while lines := raw.readlines(block_bytes):
                data = b"".join(lines)
                counts.bytes_read += len(data)
                yield Block(address, line, data, header, first, check)
                line += len(lines)
                first = False


def items(block: Block, format: Format, counts: Counts, *, window: Window | None = None, variants: tuple[str, ...] = ()) -> Iterator[Item]:
    if format.kind == "parquet":
        table = pa.ipc.open_stream(block.data).read_all()
        for n, row in enumerate(table.to_pylist()):
            counts.records_in += 1
            yield Item("parquet", row, Origin(block.source, block.first_line + n))
        return
    if format.kind == "json":
        value = parse_json(block.data)
        for n, element in enumerate(value if isinstance(value, list) else [value]):
            counts.records_in += 1
            yield Item("json", element, Origin(block.source, n + 1))
        return
    if block.header is not None:
        yield Item("csv", block.header, Origin(block.source, 1), True)
    for n, raw in enumerate(block.data.splitlines(), block.first_line):
        if not raw.strip():
            continue
        counts.lines_read += 1
        if format.kind == "csv":
            counts.records_in += 1
            yield Item("csv", raw.decode(), Origin(block.source, n))
            continue
        try:
            value = parse_json(raw)
            if format.kind in ("capture", "merged") and not isinstance(value.get("captureData"), dict):
                raise ValueError("no captureData")
        except (ValueError, AttributeError) as e:
            counts.reject(Origin(block.source, n), str(e), raw.decode("utf-8", "replace"))
            continue
        counts.records_in += 1
        if format.kind == "jsonlines":
            yield Item("json", value, Origin(block.source, n))
            continue
        m = value.get("eventMetadata") or {}
        yield Item("capture", CapturedData(value), Origin(block.source, n, m.get("eventId"), m.get("inferenceId"), m.get("inferenceTime")))
