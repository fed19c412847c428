"""Probe a service by an HTTP or HTTPS request."""

from __future__ import annotations

import time
from collections.abc import Coroutine
from dataclasses import replace
from http import HTTPStatus

from prober.expectation import ANYTHING
from prober.model import Phase, Reason, Service
from prober.probes.base import Attempt
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options, Request
from prober.probes.expecting import unmet
from prober.probes.routes import reconsider
from prober.probes.snippet import LONGEST_MESSAGE, printable, snippet
from prober.probes.tokens import NoToken, Tokens
from prober.wire import OAuth2

UNAUTHORIZED = HTTPStatus.UNAUTHORIZED
MOST_REQUESTS = 100_000


class Requests:
    """The requests of services, put together once for each service and endpoint."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[Service, Request]] = {}

    def of(self, service: Service, endpoint: str) -> Request:
        """The request for one endpoint of a service."""
        key = service.name, endpoint
        kept = self._kept.get(key)
        # By identity: a reload brings new services, and comparing all that they say is dear.
        if kept is None or kept[0] is not service:
            kept = self._keep(key, service, endpoint)
        return kept[1]

    def _keep(
        self, key: tuple[str, str], service: Service, endpoint: str
    ) -> tuple[Service, Request]:
        if len(self._kept) >= MOST_REQUESTS:
            self._kept.clear()  # services that a reload has done away with would stay for ever
        self._kept[key] = service, _request(service, endpoint)
        return self._kept[key]


class HttpProbe:
    """Asks an endpoint, and is content with what its service expects of an answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._requests = Requests()
        self._tokens = Tokens(engine)

    def run(
        self, service: Service, endpoint: str, deadline: float
    ) -> Coroutine[None, None, Attempt]:
        """Try one endpoint: see `base.Probe`."""
        # Not a coroutine of its own: each of them is passed through at every step of a probe.
        if service.oauth2 is None:
            return self._attempt(service, self._requests.of(service, endpoint), deadline)
        return self._with_token(service, service.oauth2, endpoint, deadline)

    async def _with_token(
        self, service: Service, grant: OAuth2, endpoint: str, deadline: float
    ) -> Attempt:
        # Twice, since a kept token may have been revoked: then the service says 401.
        for again in (True, False):
            left_s = deadline - time.monotonic()
            try:
                token = await self._tokens.token(grant, service.wire, left_s)
            except NoToken as why:
                return _without_token(grant, why)
            headers = (*service.headers, ("Authorization", token))
            request = _request(replace(service, headers=headers), endpoint)
            attempt = await self._attempt(service, request, deadline)
            if attempt.http_code != UNAUTHORIZED or attempt.ok or not again:
                break
            self._tokens.forget(grant, token)
        return attempt

    async def _attempt(self, service: Service, request: Request, deadline: float) -> Attempt:
        exchange = await self._engine.fetch(request, deadline - time.monotonic())
        if exchange.error is None:
            return _answered(exchange, service)
        if exchange.http_code is None:  # behind a redirect it is another host that failed
            exchange = await reconsider(exchange, service.host, service.port, deadline)
        return _failed(exchange)


def _without_token(grant: OAuth2, why: NoToken) -> Attempt:
    # Who gives tokens is another service than this one, which therefore isn't blamed.
    message = printable(f"no OAuth2 token from {grant.token_url}: {why}", LONGEST_MESSAGE)
    return Attempt(False, reason=Reason.PROBER, phase=Phase.CONNECT, message=message)


def _request(service: Service, endpoint: str) -> Request:
    options = Options(
        service.method,
        service.headers,
        service.body,
        service.follow_redirects,
        service.keep_alive,
        service.body_limit,
        service.wire,
        bool(service.expects.headers_match or service.expects.headers_not_match),
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


def _answered(exchange: Exchange, service: Service) -> Attempt:
    reason, phase, message = _judged(exchange, service)
    return Attempt(
        reason is None,
        exchange.http_code,
        exchange.total_ms,
        snippet(exchange.body),
        reason,
        phase,
        exchange.timings,
        exchange.tls_expiry,
        message,
    )


def _judged(
    exchange: Exchange, service: Service
) -> tuple[Reason, Phase, str] | tuple[None, None, None]:
    if exchange.http_code not in service.expected:
        return Reason.STATUS, Phase.PROCESSING, f"answered {exchange.http_code}"
    if service.expects == ANYTHING or not (found := unmet(service.expects, exchange)):
        return None, None, None
    return found.reason, Phase.TRANSFER, printable(found.message, LONGEST_MESSAGE)


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
