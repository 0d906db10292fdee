"""States: values that add up, and how they become bytes.

A state merges into a new value and writes and reads itself as plain values (numbers, texts, bytes, lists,
dicts). `dumps` adds a head with kind and version, and compresses; `loads` finds the kind's reader. Never pickle:
bytes may come from another machine.

Zstandard, because merging many parts must cost less than reading them: it saves as much as zlib does of a sketch's
doubles, in a quarter of the time.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, TypeVar

import msgspec
import pyarrow as pa

from open_model_monitor.errors import DocumentError

FORMAT_VERSION = 1
MAX_BYTES = 4 << 30  # of an unpacked state

_LENGTH = 8  # bytes that hold the length of what was compressed
_CODEC = "zstd"


class State(Protocol):
    """A mergeable summary; `kind` is its name in the bytes."""

    kind: ClassVar[str]

    def merge(self, other: Self) -> Self:
        """Return a new value for both inputs together; neither is changed."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the whole state as plain values."""
        ...

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Rebuild what `to_dict` returned."""
        ...


S = TypeVar("S", bound=State)


def dumps(state: State) -> bytes:
    """Pack a state."""
    # The plain values are let go of before the packed ones are compressed.
    packed = msgspec.msgpack.encode({"kind": state.kind, "version": FORMAT_VERSION, "state": state.to_dict()})
    return len(packed).to_bytes(_LENGTH, "little") + pa.compress(packed, codec=_CODEC, asbytes=True)  # type: ignore[no-any-return]


def loads(data: bytes, kind: type[S]) -> S:
    """Unpack a state of class `kind`.

    Raises DocumentError if the bytes are not a packed state of that kind and of a version this program reads.
    """
    try:
        length = int.from_bytes(data[:_LENGTH], "little")
        if length > MAX_BYTES:
            raise ValueError(f"they would unpack to {length} bytes")
        packed = memoryview(data)[_LENGTH:]  # without a copy
        body = msgspec.msgpack.decode(pa.decompress(packed, length, codec=_CODEC, asbytes=True))
        found, version = body["kind"], body["version"]
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        msgspec.MsgspecError,
    ) as error:  # Arrow's are among them
        raise DocumentError(f"These bytes are not a packed state: {error}") from error
    if (found, version) != (kind.kind, FORMAT_VERSION):
        raise DocumentError(
            f"Packed state is {found} version {version}; expected {kind.kind} version {FORMAT_VERSION}"
        )
    return kind.from_dict(body["state"])
