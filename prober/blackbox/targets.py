"""Take a target apart as Go does: host and port."""

from __future__ import annotations

import re
import socket

# A host with colons stands in brackets, as in "[::1]:80".
_HOST_AND_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):([^:\[\]]*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9]+")
LAST_PORT = 65535


class BadTarget(ValueError):
    """A target is not written as it must be; the message says why."""


def split(target: str) -> tuple[str, str]:
    """The host and the port of "host:port", either of which may be empty. Raises `BadTarget`."""
    found = _HOST_AND_PORT.fullmatch(target)
    if found is None:
        raise BadTarget(f"{target!r} is no host and port; write host:port or [address]:port")
    bracketed, bare, port = found.groups()
    return (bare if bracketed is None else bracketed), port


def port_number(port: str, protocol: str) -> int:
    """The number of a port, which may be a service's name; 0 for none. Raises `BadTarget`."""
    if not port:
        return 0
    number = int(port) if _NUMBER.fullmatch(port) else _service(port, protocol)
    if not 0 <= number <= LAST_PORT:
        raise BadTarget(f"{port} is no port; write 1 to {LAST_PORT}")
    return number


def _service(name: str, protocol: str) -> int:
    try:
        return socket.getservbyname(name, protocol)
    except (OSError, ValueError):
        raise BadTarget(f"{name!r} is no port; write its number") from None
