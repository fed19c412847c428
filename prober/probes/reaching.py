"""Reach one of several addresses: each has a head start before the next is tried beside it."""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import socket

from prober.model import Reason
from prober.probes.faults import ERRNO_REASONS

HEAD_START_S = 0.2  # as in libcurl


async def reached(addresses: tuple[str, ...], port: int) -> socket.socket:
    """A socket that is connected to the first address that allows it.

    A failure gives way to the next address at once. Raises OSError where none allows it: the last
    one that tells of the service rather than of this host.
    """
    loop = asyncio.get_running_loop()
    waiting = list(addresses)
    trying: dict[asyncio.Future[int], socket.socket] = {}
    errors: list[OSError] = []
    try:
        while waiting or trying:
            if waiting:
                sock = _socket(waiting[0])
                trying[_begun(sock, waiting.pop(0), port, loop)] = sock
            head_start_s = HEAD_START_S if waiting else None
            done, _ = await asyncio.wait(
                trying, timeout=head_start_s, return_when=asyncio.FIRST_COMPLETED
            )
            for ready in done:
                if not ready.result():
                    return _released(trying.pop(ready), loop)
                errors.append(OSError(ready.result(), os.strerror(ready.result())))
                _released(trying.pop(ready), loop).close()
        raise _telling(errors)
    finally:
        for sock in trying.values():
            _released(sock, loop).close()


def _socket(address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)


def _begun(
    sock: socket.socket, address: str, port: int, loop: asyncio.AbstractEventLoop
) -> asyncio.Future[int]:
    """A future of the error number with which connecting ends, or 0."""
    ready: asyncio.Future[int] = loop.create_future()
    code = sock.connect_ex((address, port))
    if code == errno.EINPROGRESS:
        loop.add_writer(sock.fileno(), functools.partial(_note, sock, ready))
    else:
        ready.set_result(code)
    return ready


def _note(sock: socket.socket, ready: asyncio.Future[int]) -> None:
    if not ready.done():
        ready.set_result(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def _released(sock: socket.socket, loop: asyncio.AbstractEventLoop) -> socket.socket:
    loop.remove_writer(sock.fileno())
    return sock


def _telling(errors: list[OSError]) -> OSError:
    # Where one address has no route from here, and another refuses, the service is down.
    theirs = [e for e in errors if ERRNO_REASONS.get(e.errno or 0) is not Reason.PROBER]
    return (theirs or errors)[-1]
