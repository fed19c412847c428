"""Tell a service that is down from a host of prober's that can't reach it."""

from __future__ import annotations

import asyncio
import errno
import functools
import ipaddress
import socket
import time
from typing import Any

from prober.model import Phase, Reason
from prober.probes.eager import in_task
from prober.probes.exchange import Exchange

# Addresses reserved for documentation. Connecting a UDP socket asks for a route, and sends nothing.
SOMEWHERE = ((socket.AF_INET, ("198.51.100.1", 9)), (socket.AF_INET6, ("2001:db8::1", 9)))
UNROUTED = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EACCES})

SILENT = frozenset({Reason.DNS, Reason.TIMEOUT})


async def reconsider(exchange: Exchange, host: str, port: int, deadline: float) -> Exchange:
    """Correct whose fault a failure is, where libcurl's word alone doesn't tell.

    A name that can't be resolved while this host has no route at all is prober's trouble, and so
    is the silence of an address to which there is no route any more. A missing route is the
    service's where it explains the failure of some of its addresses only.
    """
    if exchange.reason in SILENT and _is_cut_off(exchange, host, port):
        return exchange._replace(
            reason=Reason.PROBER, message=f"this host has no network: {exchange.message}"
        )
    if exchange.os_errno in UNROUTED and await _reaches_some(host, port, deadline):
        return exchange._replace(reason=Reason.REFUSED, message=f"refused by {host}:{port}")
    return exchange


def is_offline() -> bool:
    """Whether this host has no route to anywhere, by IPv4 or IPv6."""
    return not any(_has_route(family, address) for family, address in SOMEWHERE)


def _is_cut_off(exchange: Exchange, host: str, port: int) -> bool:
    family = _family(host)
    if family is None:  # a name: which of its addresses kept silent is not known
        resolving = exchange.reason is Reason.DNS or exchange.phase is Phase.RESOLVE
        return resolving and is_offline()
    return not _has_route(family, (host.strip("[]"), port))


@functools.lru_cache(maxsize=65_536)  # a thousand services may hang at once
def _family(host: str) -> int | None:
    """The family of an address, or None where a host is a name."""
    try:
        version = ipaddress.ip_address(host.strip("[]")).version
    except ValueError:
        return None
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _has_route(family: int, address: Any) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
    except OSError:
        return False
    return True


async def _reaches_some(host: str, port: int, deadline: float) -> bool:
    """Whether some of a host's addresses have a route from here, and some have none.

    libcurl reports the last address that it tried. A name like localhost often has an IPv6
    address that this host can't use, beside an IPv4 one that refused.
    """
    await in_task()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(max(deadline - time.monotonic(), 0.0)):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError):
        return False
    routed = [_has_route(family, address) for family, _, _, _, address in found]
    return any(routed) and not all(routed)
