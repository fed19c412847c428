"""One trip to a server and back: connect, perhaps by a proxy and with TLS, send, read the head."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from ssl import SSLContext
from typing import NamedTuple

from prober.blackbox import handshake
from prober.blackbox.handshake import Handshake
from prober.blackbox.http import bodies, heads, http2, requests, socks
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.heads import Malformed
from prober.blackbox.http.incoming import Incoming
from prober.blackbox.http.requests import Request
from prober.blackbox.http.urls import DEFAULT_PORTS, BadUrl, Url
from prober.blackbox.streams import Stream, connected
from prober.wire import TlsOptions

H2, H1 = "h2", "http/1.1"
OK = 200
ANY, LOOPBACK = "::", "127.0.0.1"  # this machine, and the way by which Go goes to it
HIGHEST_PORT = 65_535
SOCKS = frozenset({"socks5", "socks5h"})


@dataclass(slots=True)
class Trace:
    """When what happened, on the monotonic clock; None where it didn't."""

    secure: bool
    started: float
    resolved: float | None = None
    connected: float | None = None
    handshake: float | None = None
    secured: float | None = None
    ready: float | None = None
    answered: float | None = None
    ended: float | None = None
    tls: Handshake | None = None


class Way(NamedTuple):
    """How a server is reached: at one of `addresses`, which are `proxy`'s where there is one.

    It proves to be `server_name`, and a proxy that is reached by TLS to be `proxy_name`.
    `proxy_headers` are for the proxy where it is to open a way.
    """

    addresses: list[str]
    server_name: str
    tls: TlsOptions
    http2: bool
    proxy: Url | None = None
    source: str | None = None
    proxy_headers: tuple[tuple[str, str], ...] = ()
    proxy_name: str = ""

    @property
    def is_tunnelled(self) -> bool:
        """Whether the proxy passes on bytes, and doesn't look at requests."""
        return self.proxy is not None and self.proxy.scheme in SOCKS


async def connect(url: Url, way: Way, trace: Trace) -> Stream:
    """A connection to send a request for a URL on. Raises OSError, `Malformed`, `BadUrl`."""
    stream = await _reached(way, way.proxy or url)
    try:
        trace.connected = time.monotonic()
        if way.proxy is not None:
            stream = await _past(stream, url, way, way.proxy)
        if trace.secure:
            await _secure(stream, way, trace)
    except BaseException:  # a cancellation, too, must leave nothing open
        stream.close()
        raise
    trace.ready = time.monotonic()
    return stream


async def ask(request: Request, stream: Stream, way: Way, trace: Trace) -> Answer:
    """Send a request, read its answer's head. Raises OSError, `Malformed`, `BadRequest`."""
    if stream.tls is not None and stream.tls.selected_alpn_protocol() == H2:
        answer = await http2.ask(request, stream)
        trace.answered = time.monotonic()
        return answer
    incoming = Incoming(stream)
    if way.proxy is not None and not way.is_tunnelled and request.url.scheme == "http":
        await stream.write(requests.forwarded(request, way.proxy))
    else:
        await stream.write(requests.written(request))
    try:
        head = await heads.read(incoming)
        frame = bodies.framing(head, request.method)
    finally:
        trace.answered = incoming.first_at
    return Answer(head, frame.told, bodies.read(incoming, frame), stream.tls)


async def _reached(way: Way, url: Url) -> Stream:
    port = int(url.port or DEFAULT_PORTS[url.scheme])
    if port > HIGHEST_PORT:
        raise BadUrl(f"{port} is no port")
    *others, last = [LOOPBACK if address == ANY else address for address in way.addresses]
    for address in others:
        with suppress(OSError):
            return await connected(address, port, way.source)
    return await connected(last, port, way.source)


async def _context(way: Way) -> SSLContext:
    return await handshake.context(way.tls, (H2, H1) if way.http2 else ())


async def _secure(stream: Stream, way: Way, trace: Trace) -> None:
    trace.handshake = time.monotonic()
    try:
        await stream.encrypt(await _context(way), way.server_name)
    finally:
        trace.tls = stream.tls
        trace.secured = time.monotonic()


async def _past(stream: Stream, url: Url, way: Way, proxy: Url) -> Stream:
    """Make of a connection to a proxy one to the server, where the proxy must not read along."""
    if proxy.scheme == "https":
        await stream.encrypt(await _context(way), way.proxy_name)
    port = url.port or DEFAULT_PORTS[url.scheme]
    if way.is_tunnelled:
        await socks.connect(stream, url.hostname, int(port), proxy.credentials)
    elif url.scheme == "https":
        target = url.authority if ":" not in url.hostname else f"[{url.hostname}]:{port}"
        await stream.write(requests.connecting(target, proxy, way.proxy_headers))
        head = await heads.one(Incoming(stream))
        if head.status != OK:
            raise Malformed(f"the proxy refused with {head.status}")
        return stream.within()
    return stream
