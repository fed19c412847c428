"""How long until the last of many WebSocket clients has what is told to all of them.

    python -m bench.stream [--clients 1000] [--rounds 50] [--services 0]

One client sends a canonical event over its own WebSocket; the time runs from before it is sent
until each of the others has all of it. The clients are plain sockets in one epoll loop, here and
not in prober's process: a client library in Python would cost more than the server. Exits with 1
where the median round takes longer than 100 ms.
"""

from __future__ import annotations

import argparse
import base64
import os
import resource
import select
import socket
import statistics
import struct
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench import stage

GOAL_MS = 100.0
PATIENCE_S = 10.0
TOKEN = "bench-token-of-some-length"
GATEWAY: dict[str, object] = {
    "auth": {"tokens": [{"name": "bench", "token": TOKEN, "scopes": ["ingest"]}]},
    "events": {"types": {"bench.round": {"schema": {"type": "object"}}}},
    "limits": {"streams": 20_000, "streams_per_client": 20_000},
}
MESSAGE = b'{"type":"bench.round","payload":{"text":"%s"}}' % (b"x" * 150)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--services", type=int, default=0, help="services to probe meanwhile")
    options = parser.parse_args()
    files = options.clients + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, hard_limit())))
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        target = stack.enter_context(stage.nginx(folder / "nginx"))
        watched = stage.services(max(options.services, 1), f"http://127.0.0.1:{target}")
        daemon = stack.enter_context(stage.prober(folder, watched, "1s", gateway=GATEWAY))
        sender = connect(daemon.port, stack, f"X-Prober-Token: {TOKEN}\r\n")
        listeners = [connect(daemon.port, stack) for _ in range(options.clients)]
        crowd = Crowd(listeners)
        crowd.receipts_ms(sender)  # the first round warms up
        before_s = stage.cpu_s(daemon.pid)
        rounds = [crowd.receipts_ms(sender) for _ in range(options.rounds)]
        spent_s = stage.cpu_s(daemon.pid) - before_s
    return report(rounds, spent_s)


def report(rounds: list[list[float]], spent_s: float) -> int:
    """Print what the rounds took, and give the exit code."""
    lasts = sorted(max(receipts) for receipts in rounds)
    middles = [statistics.median(receipts) for receipts in rounds]
    deliveries = sum(map(len, rounds))
    print(
        f"{len(rounds[0])} clients, {len(rounds)} rounds; until the last client has it: "
        f"p50 {statistics.median(lasts):.1f} ms, p90 {lasts[len(lasts) * 9 // 10]:.1f} ms, "
        f"most {lasts[-1]:.1f} ms; until the median client has it: "
        f"p50 {statistics.median(middles):.1f} ms; "
        f"{spent_s / deliveries * 1e6:.0f} CPU µs of prober a delivery"
    )
    return int(statistics.median(lasts) > GOAL_MS)


class Crowd:
    """Clients that listen, in one epoll loop."""

    def __init__(self, listeners: list[socket.socket]) -> None:
        self._by_number = {listener.fileno(): listener for listener in listeners}
        self._poll = select.epoll()
        for number in self._by_number:
            self._poll.register(number, select.EPOLLIN)

    def receipts_ms(self, sender: socket.socket) -> list[float]:
        """Have the sender send once; when each client had the whole message."""
        waiting = dict.fromkeys(self._by_number, b"")
        receipts: list[float] = []
        before_s = time.perf_counter()
        sender.sendall(masked(MESSAGE))
        while waiting:
            ready = self._poll.poll(PATIENCE_S)
            if not ready:
                raise TimeoutError(f"{len(waiting)} clients have not been told")
            for number, _ in ready:
                waiting[number] += self._by_number[number].recv(65_536)
                if is_whole(waiting[number]):
                    del waiting[number]
                    receipts.append((time.perf_counter() - before_s) * 1000)
        sender.recv(65_536)  # its echo
        return receipts


def connect(port: int, stack: ExitStack, headers: str = "") -> socket.socket:
    """A client that was greeted."""
    client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
    key = base64.b64encode(os.urandom(16)).decode()
    client.sendall(
        f"GET /api/v1/ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{headers}\r\n".encode()
    )
    received = b""
    while not is_whole(received.partition(b"\r\n\r\n")[2]):
        chunk = client.recv(65_536)
        if not chunk:
            raise ConnectionError(received.decode(errors="replace"))
        received += chunk
    return client


def is_whole(received: bytes) -> bool:
    """Whether that is a whole frame, of up to 64 KiB."""
    if len(received) < 4:
        return False
    short = received[1] < 126
    size: int = received[1] + 2 if short else struct.unpack_from("!H", received, 2)[0] + 4
    return len(received) >= size


def masked(payload: bytes) -> bytes:
    """A text frame as a client sends it, of 126 bytes to 64 KiB; masked with zeros."""
    return struct.pack("!BBH", 0x81, 0xFE, len(payload)) + bytes(4) + payload


def hard_limit() -> int:
    """How many files this process may open at most."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


if __name__ == "__main__":
    sys.exit(main())
