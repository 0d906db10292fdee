"""What the developer mode answers besides: S3 from a folder, and STS, IAM and SNS as far as the SDK asks them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from open_model_monitor.control.operations.registry import JSON, Caller
from open_model_monitor.errors import Denied
from open_model_monitor.server.messages import HttpRequest, HttpResponse
from open_model_monitor.server.signatures import Verified, decoded_body
from open_model_monitor.server.standins.identity import Identity
from open_model_monitor.server.standins.objects import Objects
from open_model_monitor.server.standins.s3 import S3

Operations = dict[str, Any]


@contextlib.contextmanager
def local_standins(
    data: Path, *, account: str, bucket: str, region: str, clock: Callable[[], datetime]
) -> Iterator[tuple[Operations, Any]]:
    """Yield the operations of STS, IAM and SNS by service, and who answers requests for objects.

    Objects lie in `data`/objects. The bucket that the SDK uses is made, for in some settings it makes none itself.
    """
    objects = Objects(data / "objects", clock=clock)
    objects.create_bucket(bucket, region)
    s3, identity = S3(objects, account), Identity(data / "identity", clock=clock)

    def asked(service: str) -> Any:
        def answer(operation: str, request: JSON, caller: Caller) -> JSON:
            return identity.answer(service, operation, request, caller)

        return answer

    def answer_object(
        request: HttpRequest, body: BinaryIO, caller: Caller, verified: Verified | None
    ) -> HttpResponse:
        needed = "read" if request.method in ("GET", "HEAD") else "write"
        if needed not in caller.scopes:
            raise Denied(f"The key {caller.principal} lacks the scope {needed!r}")
        return s3.answer(request, cast(BinaryIO, decoded_body(request, body, verified)))

    with contextlib.closing(objects):
        yield {service: asked(service) for service in ("sts", "iam", "sns")}, answer_object
