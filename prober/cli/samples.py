"""The sample services of `prober demo`: small HTTP servers on loopback, a thread each."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from prober.errors import AddressInUse

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Sample:
    """A service that answers every path with `code`, except those in `paths`, after `delay_s`."""

    name: str
    about: str
    code: int = 200
    delay_s: float = 0.0
    paths: Mapping[str, int] = field(default_factory=dict)


SAMPLES = (
    Sample("swift", "answers 200 at once"),
    Sample("sluggish", "answers 200 after 0.6 s", delay_s=0.6),
    Sample("shattered", "answers 500", code=500),
    Sample("fallback", "answers 404 on /health and 200 on /healthz", 404, paths={"/healthz": 200}),
)


@contextmanager
def serving(base_port: int) -> Iterator[dict[str, Sample]]:
    """Serve `SAMPLES` on consecutive ports; yields them by their urls.

    Raises AddressInUse, before any is served, where a port can't be had.
    """
    with ExitStack() as stack:
        servers = [
            stack.enter_context(_listen(sample, port))
            for port, sample in enumerate(SAMPLES, base_port)
        ]
        for server in servers:
            Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(server.shutdown)
        yield {
            f"http://{HOST}:{server.server_port}": sample
            for server, sample in zip(servers, SAMPLES, strict=True)
        }


class _Server(ThreadingHTTPServer):
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of defects only: a probe that hangs up early is its own affair."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _listen(sample: Sample, port: int) -> _Server:
    try:
        return _Server((HOST, port), type("Handler", (_Answer,), {"sample": sample}))
    except OSError as error:
        raise AddressInUse(
            f"{HOST}:{port}: {error.strerror}; stop the program that holds it, or choose other "
            "ports with --base-port"
        ) from None


class _Answer(BaseHTTPRequestHandler):
    sample: Sample

    def do_GET(self) -> None:
        time.sleep(self.sample.delay_s)
        code = self.sample.paths.get(self.path, self.sample.code)
        body = json.dumps({"service": self.sample.name, "status": code}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: the one who probes tells how it went."""
