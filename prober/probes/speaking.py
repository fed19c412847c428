"""Put a request into bytes, where a connection of our own can carry it."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import NamedTuple

from prober.probes.exchange import Options, Request
from prober.probes.preparing import USER_AGENT
from prober.wire import Wire

PORTS = {"http": 80, "https": 443}
LOCALHOST = ("::1", "127.0.0.1")  # in libcurl's order
# Names only that nobody reads in another way: "127.1" and "0x7f" are addresses to libcurl.
NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?")
URL = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL)
# What is offered to a server by TLS for each version that may be spoken.
PROTOCOLS: dict[str, tuple[bytes, ...]] = {"auto": (b"h2", b"http/1.1"), "1.1": (b"http/1.1",)}
TLS_VERSIONS = frozenset({None, "1.2"})
# Headers that say how an answer is to be sent, or that libcurl heeds itself.
DELICATE = frozenset(
    {"connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"}
)
# A request that is answered by a redirect is sent once more by libcurl, which these can bear.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TARGET = re.compile(r"[/?][!-~]*|")

MOST_REMEMBERED = 65_536  # requests


class Security(NamedTuple):
    """How TLS is made: the authorities' file (None: the system's), and the protocols on offer."""

    ca_file: str | None
    protocols: tuple[bytes, ...]


class Place(NamedTuple):
    """Where a connection leads, and how; `security` is None without TLS."""

    host: str
    port: int
    security: Security | None


class Spoken(NamedTuple):
    """A request as it is sent, and what must be known to read its answer.

    `addresses` are those of its host, to be tried in turn, or none where that is to be resolved.
    """

    place: Place
    addresses: tuple[str, ...]
    data: bytes
    is_bodiless: bool
    follows: bool
    keeps: bool
    body_limit: int


@functools.lru_cache(MOST_REMEMBERED)
def spoken(request: Request) -> Spoken | None:
    """The request in bytes, or None where libcurl is needed.

    A connection of our own goes directly, by HTTP/1.1, plain or with TLS in which a server proves
    who it is.
    """
    parts = URL.fullmatch(request.url)
    options = request.options
    if parts is None or not _is_simple(options):
        return None
    scheme, authority, target = parts.groups()
    authorities = _authorities(request, PORTS[scheme])
    addresses = _addresses(request.host, options.wire.ip_protocol)
    if authority not in authorities or addresses is None or not TARGET.fullmatch(target):
        return None
    security = _security(options.wire) if scheme == "https" else None
    if scheme == "https" and security is None:
        return None
    path = target.partition("#")[0]
    return Spoken(
        Place(request.host, request.port, security),
        addresses,
        _data(path if path.startswith("/") else f"/{path}", authorities[0], options),
        options.method == "HEAD",
        options.follow_redirects,
        options.keep_alive,
        options.body_limit,
    )


def _addresses(host: str, ip_protocol: str) -> tuple[str, ...] | None:
    """None where libcurl must find out by itself."""
    if host == "localhost":
        return LOCALHOST if ip_protocol != "ip4" and ip_protocol != "ip6" else None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return () if NAME.fullmatch(host) else None
    return (host,) if str(address) == host and "%" not in host and ip_protocol == "any" else None


def _authorities(request: Request, default_port: int) -> tuple[str, ...]:
    """How a url may write the host and port: first the way in which Host is sent."""
    host = f"[{request.host}]" if ":" in request.host else request.host
    full = f"{host}:{request.port}"
    return (host, full) if request.port == default_port else (full,)


def _is_simple(options: Options) -> bool:
    if options.wants_headers or options.wants_tls or not _is_direct(options.wire):
        return False
    if options.method == "HEAD" and options.body is not None:
        return False
    if options.follow_redirects and options.method not in SAFE:
        return False
    return not any(name.lower() in DELICATE for name, _ in options.headers)


def _is_direct(wire: Wire) -> bool:
    unusual = wire.proxy or wire.unix_socket or wire.source_address or wire.compression
    return not unusual and wire.http_version in PROTOCOLS


def _security(wire: Wire) -> Security | None:
    tls = wire.tls
    if tls.insecure or tls.cert_file or tls.min_version not in TLS_VERSIONS:
        return None
    return Security(tls.ca_file, PROTOCOLS[wire.http_version])


def _data(path: str, authority: str, options: Options) -> bytes:
    given = {name.lower(): value for name, value in options.headers}
    lines = [f"{options.method} {path} HTTP/1.1", f"Host: {given.get('host', authority)}"]
    if "user-agent" not in given:
        lines.append(f"User-Agent: {USER_AGENT}")
    lines += [f"{n}: {v}" if v else f"{n}:" for n, v in options.headers if n.lower() != "host"]
    if options.body is not None or options.method == "POST":
        lines.append(f"Content-Length: {len(options.body or b'')}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (options.body or b"")
