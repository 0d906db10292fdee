"""What recording costs a request: a trivial application with and without, side by side.

`python -m benchmarks.recording [ROUNDS]` prints JSON: contender → microseconds per request, one per round.
"""

import asyncio
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from open_model_monitor import CaptureMiddleware, Recorder, WsgiCaptureMiddleware

REQUESTS = 5000
BODY, ANSWER = b"5,0.25,red," * 20, b"0.91"  # some twenty columns
SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/invocations",
    "headers": [(b"content-type", b"text/csv")],
}
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/csv")]}


async def asgi_model(scope, receive, send):  # type: ignore[no-untyped-def]
    await receive()
    await send(START)
    await send({"type": "http.response.body", "body": ANSWER})


def wsgi_model(environ, start_response):  # type: ignore[no-untyped-def]
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/csv")])
    return [ANSWER]


def median(one: Callable[[], object]) -> float:
    """Return the median of microseconds that a call takes."""
    taken = []
    for _ in range(REQUESTS):
        start = time.perf_counter_ns()
        one()
        taken.append(time.perf_counter_ns() - start)
    return sorted(taken)[len(taken) // 2] / 1000


def of_asgi(app: object) -> float:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": BODY}

    async def send(message: object) -> None:
        pass

    async def all_of_them() -> float:
        taken = []
        for _ in range(REQUESTS):
            start = time.perf_counter_ns()
            await app(SCOPE, receive, send)  # type: ignore[operator]
            taken.append(time.perf_counter_ns() - start)
        return sorted(taken)[len(taken) // 2] / 1000

    return asyncio.run(all_of_them())


def of_wsgi(app: Callable[..., list[bytes]]) -> float:
    def one() -> None:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/invocations",
            "CONTENT_TYPE": "text/csv",
            "wsgi.input": io.BytesIO(BODY),
        }
        list(app(environ, lambda status, headers: None))

    return median(one)


def main(rounds: int) -> None:
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, Recorder(Path(folder), endpoint="churn") as recorder:
        contenders = {
            "ASGI application": lambda: of_asgi(asgi_model),
            "the same with CaptureMiddleware": lambda: of_asgi(CaptureMiddleware(asgi_model, recorder)),
            "WSGI application": lambda: of_wsgi(wsgi_model),
            "the same with WsgiCaptureMiddleware": lambda: of_wsgi(
                WsgiCaptureMiddleware(wsgi_model, recorder)
            ),
            "recorder.log of two texts": lambda: median(lambda: recorder.log("5,0.25,red", "0.91")),
        }
        for _ in range(rounds):
            for name, contender in contenders.items():
                found.setdefault(name, []).append(contender())
                recorder.flush()
        found["dropped"] = [float(recorder.counts.dropped)]
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
