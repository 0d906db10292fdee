"""What every view works with: the one door, the store, documents of results, the keys."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from open_model_monitor.control.keys import Keyring
from open_model_monitor.control.service import Service
from open_model_monitor.control.store import Row, Store
from open_model_monitor.errors import StorageError
from open_model_monitor.settings import Settings
from open_model_monitor.storage import Stat, Storage

KEPT = 64 << 20  # bytes of documents that are kept read
MAX_DOCUMENT = 256 << 20
LISTED = 200  # files of an output that are listed


class Documents:
    """Reads JSON documents by address and keeps the last ones, parsed; an object that changed is read again."""

    def __init__(self, storage: Storage, kept: int = KEPT) -> None:
        self._storage, self._kept = storage, kept
        self._known: OrderedDict[str, tuple[Stat, Any]] = OrderedDict()
        self._guard = threading.Lock()

    def read(self, address: str) -> Any:
        """Return the document at an address, None if there is none, or it is no JSON.

        Raises StorageError if the storage cannot be reached.
        """
        seen = self._storage.stat(address)
        if seen is None or seen.size > MAX_DOCUMENT:
            return None
        with self._guard:
            known = self._known.get(address)
            if known is not None and known[0] == seen:
                self._known.move_to_end(address)
                return known[1]
        try:
            document = msgspec.json.decode(self._storage.read(address))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        self._keep(address, seen, document)
        return document

    def _keep(self, address: str, seen: Stat, document: Any) -> None:
        with self._guard:
            self._known[address] = (seen, document)
            self._known.move_to_end(address)
            while len(self._known) > 1 and sum(stat.size for stat, _ in self._known.values()) > self._kept:
                self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of the server that pages show."""

    service: Service
    keyring: Keyring
    storage: Storage = field(default_factory=Storage)
    documents: Documents = field(default_factory=lambda: Documents(Storage()))

    @property
    def store(self) -> Store:
        """Where rows are read."""
        return self.service.store

    @property
    def settings(self) -> Settings:
        """The installation's settings."""
        return self.service.settings


def output_of(job: Row | None) -> str | None:
    """Return the folder a job's documents are uploaded to, None if it has none."""
    config = ((job or {}).get("request") or {}).get("ProcessingOutputConfig") or {}
    outputs = config.get("Outputs") or []
    uri = (outputs[0].get("S3Output") or {}).get("S3Uri") if outputs else None
    return str(uri).rstrip("/") if uri else None


def baseline_of(job: Row | None) -> dict[str, str]:
    """Return the addresses of the `statistics` and `constraints` a job compared with, of those that it had."""
    names = {"baseline": "statistics", "constraints": "constraints", "statistics": "statistics"}
    found: dict[str, str] = {}
    for given in ((job or {}).get("request") or {}).get("ProcessingInputs") or []:
        uri = (given.get("S3Input") or {}).get("S3Uri")
        if uri and given["InputName"] in names:
            found[names[given["InputName"]]] = uri
    return found


def files_of(desk: Desk, folder: str | None) -> list[Stat]:
    """Return the files of an output folder, the first ones if there are many; none if it cannot be reached."""
    if folder is None:
        return []
    try:
        return [stat for stat in desk.storage.list(folder) if stat.size >= 0][:LISTED]
    except StorageError:
        return []
