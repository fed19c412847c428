"""Probe a service by an HTTP or HTTPS request."""

from __future__ import annotations

import time

from prober.model import Phase, Reason, Service
from prober.probes.base import Attempt
from prober.probes.engine import Engine
from prober.probes.routes import reconsider
from prober.probes.snippet import snippet
from prober.probes.transfer import Exchange, Options, Request


class HttpProbe:
    """Asks an endpoint, and is content with an expected status code."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, service: Service, endpoint: str, deadline: float) -> Attempt:
        """Try one endpoint: see `base.Probe`."""
        options = Options(
            service.method,
            service.headers,
            service.body,
            service.follow_redirects,
            service.keep_alive,
            service.body_limit,
        )
        request = Request(service.url + endpoint, service.host, service.port, options)
        exchange = await self._engine.fetch(request, deadline - time.monotonic())
        if exchange.error is None:
            return _answered(exchange, service.expected)
        if exchange.http_code is None:  # behind a redirect it is another host that failed
            exchange = await reconsider(exchange, service.host, service.port, deadline)
        return _failed(exchange)


def _answered(exchange: Exchange, expected: frozenset[int]) -> Attempt:
    ok = exchange.http_code in expected
    return Attempt(
        ok,
        exchange.http_code,
        exchange.total_ms,
        snippet(exchange.body),
        None if ok else Reason.STATUS,
        None if ok else Phase.PROCESSING,
        exchange.timings,
        exchange.tls_expiry,
        None if ok else f"answered {exchange.http_code}",
    )


def _failed(exchange: Exchange) -> Attempt:
    return Attempt(
        False,
        exchange.http_code,
        exchange.total_ms,
        snippet(exchange.body) if exchange.http_code else None,
        exchange.reason,
        exchange.phase,
        exchange.timings,
        exchange.tls_expiry,
        exchange.message,
    )
