"""Serves a folder over S3 on a free port, which it prints: the endpoint without the rest of the server.

python tests/support/s3_endpoint.py FOLDER
"""

import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from open_model_monitor.server.messages import HttpRequest
from open_model_monitor.server.standins.objects import Objects
from open_model_monitor.server.standins.s3 import S3

ACCOUNT = "000000000000"


class _Body:
    """What Content-Length says belongs to this request."""

    def __init__(self, stream, length):
        self.stream, self.left = stream, length

    def read(self, size=-1):
        data = self.stream.read(min(size, self.left) if size >= 0 else self.left)
        self.left -= len(data)
        return data


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    endpoint: S3

    def handle_expect_100(self):
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def _answer(self):
        path, _, query = self.path.partition("?")
        headers = tuple((name.lower(), value) for name, value in self.headers.items())
        body = _Body(self.rfile, int(self.headers.get("content-length", 0)))
        request = HttpRequest(self.command, path, query, headers, b"", self.client_address[0])
        response = self.endpoint.answer(request, body)
        while body.read(1 << 20):
            pass
        self.send_response(response.status)
        data = response.body
        names = {name.lower() for name in response.headers}
        if "content-length" not in names and response.status not in (204, 304):
            self.send_header("content-length", str(len(data)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in [data] if isinstance(data, bytes) else data:
            self.wfile.write(piece)
        self.wfile.flush()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _answer

    def log_message(self, *_):
        pass


def main(folder):
    _Handler.endpoint = S3(Objects(Path(folder), clock=lambda: datetime.now(UTC)), ACCOUNT)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(server.server_port, flush=True)  # noqa: T201
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
