"""uvicorn inside a running event loop, on a socket of ours, without its signal handlers."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from prober.config.access import Limits
from prober.errors import AddressInUse
from prober.gateway.connections import HEAD_BYTES, Door, Patient
from prober.gateway.sockets import MESSAGE_BYTES, PING_S, Socket

GRACE_S = 1  # what is being answered when the server stops may take this long
KEEP_ALIVE_S = 75  # longer than a scrape interval, so that Prometheus keeps its connection
START_POLL_S = 0.005

REMEDIES = {
    errno.EADDRINUSE: "is in use; stop the other process or set gateway.port",
    errno.EACCES: "needs privileges; set gateway.port to 1024 or above",
    errno.EADDRNOTAVAIL: "is no address of this host; set gateway.host",
    socket.EAI_NONAME: "has no such host; set gateway.host to an address of this one",
}


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises AddressInUse with a remedy.

    It listens at once, since Linux lets two processes bind an address but only one listen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
    except OSError as error:
        number = error.errno or 0
        remedy = REMEDIES.get(number, f"can't be used: {os.strerror(number)}")
        raise AddressInUse(f"gateway: {_address(host, port)} {remedy}") from error


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Embedded(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the composition root."""
        yield


class Server:
    """Serves `app` on `sock` from `start` until `stop`, both on the running loop."""

    def __init__(self, app: ASGIApp, sock: socket.socket, limits: Limits | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=partial(Patient, door=Door(limits or Limits())),  # type: ignore[arg-type]  # a class
            access_log=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
            ws=Socket,
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,  # frames are made once, for all clients
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
        )
        self._server = _Embedded(config)
        self._sock = sock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once requests are answered; raises what kept the server from starting."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        while not self._server.started:
            if self._task.done():
                return self._task.result()
            await asyncio.sleep(START_POLL_S)

    async def stop(self) -> None:
        """Close within 2 s: idle connections at once, busy ones after a grace."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
