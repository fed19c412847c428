"""Fetch what is asked for: resolve the host, then ask by a connection of our own or by libcurl."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine

import pycurl

from prober.model import Phase, Timings
from prober.probes import nameserver
from prober.probes.connection import HandOver
from prober.probes.direct import Direct
from prober.probes.driving import Driver
from prober.probes.exchange import Exchange, Request
from prober.probes.faults import Failed
from prober.probes.resolver import Resolver, chosen, needs_resolving
from prober.probes.speaking import spoken
from prober.probes.transfer import failed_exchange, system_ca_file
from prober.wire import Wire

LOCALHOST = {"localhost": ["127.0.0.1", "::1"]}
PREFERENCES = frozenset({"prefer_ip4", "prefer_ip6"})

# What the system's resolver says, in libcurl's codes; the first that fits. Where it could not even
# ask, it lacked a file descriptor or memory.
RESOLVING: tuple[tuple[type[OSError], int], ...] = (
    (TimeoutError, pycurl.E_OPERATION_TIMEDOUT),
    (socket.gaierror, pycurl.E_COULDNT_RESOLVE_HOST),
    (OSError, pycurl.E_OUT_OF_MEMORY),
)


class Engine:
    """Sends requests for one event loop; `close` it on that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ca_file: str | None = None) -> None:
        self._loop = loop
        self._ca_file = ca_file or system_ca_file()
        self._resolver = Resolver(loop)
        self._drivers: dict[str | None, Driver] = {}
        self._direct = Direct(loop, self._ca_file)

    def fetch(self, request: Request, timeout_s: float) -> Coroutine[None, None, Exchange]:
        """Send a request, and wait for its answer or for what came instead, `timeout_s` at most.

        The time covers everything: resolving, connecting, TLS, redirects and the body.
        """
        if _is_ours_to_resolve(request.host, request.options.wire):
            return self._fetch_by_name(request, timeout_s)
        return self._ask(request, timeout_s, ())

    async def _fetch_by_name(self, request: Request, timeout_s: float) -> Exchange:
        began = time.monotonic()
        try:
            groups = chosen(
                await self._addresses(request, timeout_s), request.options.wire.ip_protocol
            )
        except OSError as error:  # TimeoutError is one
            return _unresolved(request, error, (time.monotonic() - began) * 1000)
        while True:
            took_s = time.monotonic() - began
            left_s = timeout_s - took_s
            addresses = tuple(groups.pop(0))
            # The others get their share of the time, also where the first ones are silent.
            share_s = left_s / 2 if groups else left_s
            exchange = await self._ask(request, share_s, addresses)
            if not groups or exchange.phase is not Phase.CONNECT:
                return _later(exchange, took_s * 1000)

    async def _addresses(self, request: Request, timeout_s: float) -> list[str]:
        if request.host in LOCALHOST:
            return LOCALHOST[request.host]
        if request.options.wire.resolver is not None:
            return await nameserver.ask(request.options.wire.resolver, request.host, timeout_s)
        return await self._resolver.resolve(request.host, timeout_s)

    async def _ask(
        self, request: Request, timeout_s: float, addresses: tuple[str, ...]
    ) -> Exchange:
        """Send a request; `addresses` are those of its host where that was ours to resolve."""
        words = spoken(request)
        if words is None or self._direct.declines(words):
            return await self._transfer(request, timeout_s, addresses)
        deadline = time.monotonic() + timeout_s
        try:
            return await self._direct.fetch(words, addresses or words.addresses, timeout_s)
        except HandOver as why:
            exchange = await self._transfer(request, deadline - time.monotonic(), addresses)
            self._direct.learn(words, why, exchange)
            return exchange

    async def _transfer(
        self, request: Request, timeout_s: float, addresses: tuple[str, ...]
    ) -> Exchange:
        # A multi handle remembers one file of authorities, and reading the system's takes 17 ms:
        # each probe would pay for it where services with two files take turns.
        ca_file = request.options.wire.tls.ca_file
        driver = self._drivers.get(ca_file) or self._add(ca_file)
        host = f"+{request.host}:{request.port}"
        known = [f"{host}:{','.join(addresses)}"] if addresses else []
        return await driver.transfer(request, timeout_s, known)

    def _add(self, ca_file: str | None) -> Driver:
        return self._drivers.setdefault(ca_file, Driver(self._loop, self._ca_file))

    def close(self) -> None:
        """Cancel what runs, and let go of every connection."""
        self._direct.close()
        for driver in self._drivers.values():
            driver.close()
        self._drivers.clear()


def _is_ours_to_resolve(host: str, wire: Wire) -> bool:
    if wire.proxy or wire.unix_socket:
        return False  # who stands between knows the way
    # libcurl knows localhost, but not which of its addresses is preferred.
    return needs_resolving(host) or (wire.ip_protocol in PREFERENCES and host in LOCALHOST)


def _unresolved(request: Request, error: OSError, took_ms: float) -> Exchange:
    code = next(code for kind, code in RESOLVING if isinstance(error, kind))
    peer = f"{request.host}:{request.port}"
    failed = Failed(code, f"{request.host}: {error.strerror}", 0, Phase.RESOLVE, peer)
    took_ms = round(took_ms, 3)
    return failed_exchange(failed, Timings(took_ms, 0.0, 0.0, 0.0, 0.0), took_ms)


def _later(exchange: Exchange, resolve_ms: float) -> Exchange:
    """The exchange, with the time that resolving took before libcurl began to count."""
    timings = exchange.timings
    return exchange._replace(
        timings=timings._replace(resolve=round(timings.resolve + resolve_ms, 3)),
        total_ms=round(exchange.total_ms + resolve_ms, 3),
    )
