"""Put a request into bytes, where a plain connection of our own can carry it."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import NamedTuple

from prober.probes.exchange import Options, Request
from prober.probes.preparing import USER_AGENT
from prober.wire import Wire

SCHEME = "http://"
DEFAULT_PORT = 80
LOCALHOST = ("::1", "127.0.0.1")  # in libcurl's order
VERSIONS = frozenset({"auto", "1.1"})
# Headers that say how an answer is to be sent, or that libcurl heeds itself.
DELICATE = frozenset(
    {"connection", "content-length", "expect", "te", "trailer", "transfer-encoding", "upgrade"}
)
TARGET = re.compile(r"[/?][!-~]*|")

MOST_REMEMBERED = 65_536  # requests

Place = tuple[tuple[str, ...], int]
"""The addresses to try in turn, and the port."""


class Spoken(NamedTuple):
    """A request as it is sent, and what must be known to read its answer."""

    place: Place
    data: bytes
    is_bodiless: bool
    follows: bool
    body_limit: int


@functools.lru_cache(MOST_REMEMBERED)
def spoken(request: Request) -> Spoken | None:
    """The request in bytes, or None where libcurl is needed.

    A connection of our own goes to an address or to localhost, by plain HTTP/1.1 and directly.
    """
    addresses = _addresses(request.host)
    authority, target = _split(request.url)
    options = request.options
    if not addresses or authority not in _authorities(request) or not _is_simple(options):
        return None
    if TARGET.fullmatch(target) is None:
        return None
    path = target.partition("#")[0]
    path = path if path.startswith("/") else f"/{path}"
    return Spoken(
        (addresses, request.port),
        _data(path, _authorities(request)[0], options),
        options.method == "HEAD",
        options.follow_redirects,
        options.body_limit,
    )


def _addresses(host: str) -> tuple[str, ...]:
    if host == "localhost":
        return LOCALHOST
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ()
    return (host,) if str(address) == host and "%" not in host else ()


def _split(url: str) -> tuple[str, str]:
    """What stands between the scheme and the path, and all from the path on."""
    if not url.startswith(SCHEME):
        return "", ""
    rest = url.removeprefix(SCHEME)
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    return authority, rest.removeprefix(authority)


def _authorities(request: Request) -> tuple[str, ...]:
    """How a url may write the host and port: first the way in which Host is sent."""
    host = f"[{request.host}]" if ":" in request.host else request.host
    full = f"{host}:{request.port}"
    return (host, full) if request.port == DEFAULT_PORT else (full,)


def _is_simple(options: Options) -> bool:
    if options.wants_headers or options.wants_tls or not _is_direct(options.wire):
        return False
    if options.method == "HEAD" and options.body is not None:
        return False
    return not any(name.lower() in DELICATE for name, _ in options.headers)


def _is_direct(wire: Wire) -> bool:
    unusual = wire.proxy or wire.unix_socket or wire.source_address or wire.compression
    return not unusual and wire.http_version in VERSIONS and wire.ip_protocol == "any"


def _data(path: str, authority: str, options: Options) -> bytes:
    given = {name.lower(): value for name, value in options.headers}
    lines = [f"{options.method} {path} HTTP/1.1", f"Host: {given.get('host', authority)}"]
    if "user-agent" not in given:
        lines.append(f"User-Agent: {USER_AGENT}")
    lines += [f"{n}: {v}" if v else f"{n}:" for n, v in options.headers if n.lower() != "host"]
    if options.body is not None or options.method == "POST":
        lines.append(f"Content-Length: {len(options.body or b'')}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (options.body or b"")
