"""What came over HTTP and what goes back, without a web framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it was sent: nothing is decoded, for a signature covers what was sent."""

    method: str
    path: str  # percent-encoded, its bytes read as Latin-1
    query: str  # without the question mark, the same
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # names in lower case, in order
    body: bytes = field(repr=False)
    peer: str

    def header(self, name: str) -> str | None:
        """Return the value of a header, joined by commas where it is repeated; None without it."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response; a body that is not in memory comes piece by piece."""

    status: int
    headers: Mapping[str, str]
    body: bytes | Iterator[bytes]
