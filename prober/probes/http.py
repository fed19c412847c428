"""Probe a service by an HTTP or HTTPS request."""

from __future__ import annotations

import time

from prober.model import Phase, Reason, Service
from prober.probes.base import Attempt
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options, Request
from prober.probes.routes import reconsider
from prober.probes.snippet import snippet


class HttpProbe:
    """Asks an endpoint, and is content with an expected status code."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self, service: Service, endpoint: str, deadline: float) -> Attempt:
        """Try one endpoint: see `base.Probe`."""
        request = _request(service, endpoint)
        exchange = await self._engine.fetch(request, deadline - time.monotonic())
        if exchange.error is None:
            return _answered(exchange, service.expected)
        if exchange.http_code is None:  # behind a redirect it is another host that failed
            exchange = await reconsider(exchange, service.host, service.port, deadline)
        return _failed(exchange)


def _request(service: Service, endpoint: str) -> Request:
    options = Options(
        service.method,
        service.headers,
        service.body,
        service.follow_redirects,
        service.keep_alive,
        service.body_limit,
        service.wire,
    )
    url, name = service.url, service.wire.tls.server_name
    if name:
        url = f"{url.partition('://')[0]}://{name}:{service.port}"
        options = options._replace(headers=_with_host(service))
    return Request(url + endpoint, service.host, service.port, options)


def _with_host(service: Service) -> tuple[tuple[str, str], ...]:
    """The headers with the Host of the service's own url, unless another one is configured."""
    if any(name.lower() == "host" for name, _ in service.headers):
        return service.headers
    return (("Host", service.url.partition("://")[2]), *service.headers)


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
