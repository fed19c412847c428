"""The values that tell which clients may come, and how often.

Parsers take text and raise ValueError as those of `values` do.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from prober.config import units, values

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST = 10_000_000
MOST_CONNECTIONS = 100_000
PERIODS_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
RATE = rf"[0-9]{{1,8}} per (second|minute|hour|{units.DURATION})"
_RATE = re.compile(r"([0-9]{1,8}) per (\S+)")


class Rate(NamedTuple):
    """So many within a time, and as many at once."""

    most: int
    per_s: float


def rate(text: str) -> Rate | None:
    """The rate that "10 per minute" or "5 per 30s" stands for; None for "off"."""
    if text == "off":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError("is not a rate; write one like 10 per minute, 5 per 30s, or off")
    if not 1 <= int(found[1]) <= MOST:
        raise ValueError(f"is out of range; write 1 to {MOST} per time, or off")
    return Rate(int(found[1]), PERIODS_S.get(found[2]) or values.at_least(0.001)(found[2]))


def connections(text: str) -> int:
    """How many connections there may be."""
    if not re.fullmatch("[0-9]{1,6}", text) or not 1 <= int(text) <= MOST_CONNECTIONS:
        raise ValueError(f"is not a number from 1 to {MOST_CONNECTIONS}; write one like 2000")
    return int(text)


def network(text: str) -> Network:
    """An address, or a network as 10.0.0.0/8."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(
            "is neither an address nor a network; write one like 192.0.2.1 or 10.0.0.0/8"
        ) from None


def origin(text: str) -> str:
    """An origin as browsers send it: scheme, host, and the port where it isn't the usual one."""
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.port != 0 and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid or text != f"{parts.scheme}://{parts.netloc}".lower() or "@" in text:
        raise ValueError(
            "is not an origin; write scheme and host in small letters and no path, like "
            "https://status.example.org"
        )
    return text


def sha256(text: str) -> bytes:
    """The bytes of a SHA-256 in hexadecimal."""
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise ValueError("is not a SHA-256; write its 64 hexadecimal digits")
    return bytes.fromhex(text)
