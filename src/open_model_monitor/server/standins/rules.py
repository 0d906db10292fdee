"""What the headers of S3 mean: conditions, ranges, tags, and which headers are kept with an object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl

from open_model_monitor.server.standins.checksums import S3Error
from open_model_monitor.server.standins.objects import Entry

LONGEST_METADATA = 2048
KEPT = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
ENCRYPTION = "x-amz-server-side-encryption"


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that are kept with an object."""
    if any("server-side-encryption-customer" in name for name in headers):
        raise S3Error(
            "NotImplemented", 501, "Encryption by a customer's key is not implemented by this endpoint"
        )
    own = {name: value for name, value in headers.items() if name.startswith("x-amz-meta-")}
    if sum(len(name) - len("x-amz-meta-") + len(value) for name, value in own.items()) > LONGEST_METADATA:
        raise S3Error("MetadataTooLarge", 400, f"Your metadata headers exceed {LONGEST_METADATA} bytes")
    others = {name: headers[name] for name in headers if name in KEPT or name.startswith(ENCRYPTION)}
    codings = [one.strip() for one in others.pop("content-encoding", "").split(",")]
    coding = ",".join(one for one in codings if one not in ("", "aws-chunked"))
    return {
        "content-type": "binary/octet-stream",
        **own,
        **others,
        **({"content-encoding": coding} if coding else {}),
    }


def tags_of(text: str) -> dict[str, str]:
    """Return the tags of an `x-amz-tagging` header."""
    return valid_tags(parse_qsl(text, keep_blank_values=True))


def valid_tags(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return tags by key; raises InvalidTag for what S3 does not take."""
    if len(dict(pairs)) != len(pairs) or len(pairs) > 10 or not all(0 < len(key) <= 128 for key, _ in pairs):
        raise S3Error("InvalidTag", 400, "At most 10 tags, each with a key of its own of 1 to 128 characters")
    return dict(pairs)


def span(header: str | None, size: int) -> tuple[int, int] | None:
    """Return start and end of the range that is asked for; None stands for everything."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if not found or found[0] == "bytes=-" or (all(found.groups()) and int(found[1]) > int(found[2])):
        return None  # what is no single range is ignored, as HTTP has it
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    if start >= size:
        raise S3Error(
            "InvalidRange", 416, f"The requested range is not satisfiable: {header} of {size} bytes"
        )
    return start, min(int(last) + 1, size) if first and last else size


def fresh(headers: Mapping[str, str], entry: Entry) -> bool:
    """Whether the client has this already (304); raises PreconditionFailed if it wants another than there is."""
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    modified = entry.modified.replace(microsecond=0)
    changed = modified > (_date(headers.get("if-unmodified-since")) or modified)
    if not _matches(match, entry) if match is not None else changed:
        raise _precondition("If-Match" if match is not None else "If-Unmodified-Since")
    if none_match is not None:
        return _matches(none_match, entry)
    since = _date(headers.get("if-modified-since"))
    return since is not None and modified <= since


def may_replace(headers: Mapping[str, str], *, missing: bool = False) -> Callable[[Entry | None], None]:
    """Return the check of what is to be replaced; `missing` says that nothing to replace is as good."""
    match, none_match = headers.get("if-match"), headers.get("if-none-match")

    def check(old: Entry | None) -> None:
        if match is not None and old is None and not missing:
            raise S3Error("NoSuchKey", 404, "The specified key does not exist.")
        if match is not None and old is not None and not _matches(match, old):
            raise _precondition("If-Match")
        if none_match is not None and old is not None and _matches(none_match, old):
            raise _precondition("If-None-Match")

    return check


def _matches(header: str, entry: Entry) -> bool:
    tags = [one.strip().removeprefix("W/").strip('"') for one in header.split(",")]
    return "*" in tags or entry.etag in tags


def _precondition(name: str) -> S3Error:
    return S3Error(
        "PreconditionFailed", 412, f"At least one of the pre-conditions you specified did not hold: {name}"
    )


def _date(text: str | None) -> datetime | None:
    """Return a time of HTTP; what is none is ignored, as HTTP has it."""
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
