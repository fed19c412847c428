"""Let an `httpx.AsyncClient` speak through the engine."""

from __future__ import annotations

import httpx

from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options, Request
from prober.wire import PLAIN, Wire

LONGEST_S = 3600.0
DEFAULT_PORTS = {"http": 80, "https": 443}


class CurlTransport(httpx.AsyncBaseTransport):
    """Sends a client's requests with an engine, which it doesn't close.

    Failures are raised as the exceptions of httpx. A body beyond `body_limit` bytes is a ReadError.
    The engine knows one time for all of a request: that to connect and that to read, together.
    """

    def __init__(
        self,
        engine: Engine,
        wire: Wire = PLAIN,
        keep_alive: bool = True,
        body_limit: int = 16 * 1024**2,
    ) -> None:
        self._engine = engine
        self._wire = wire
        self._keep_alive = keep_alive
        self._body_limit = body_limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`."""
        body = await request.aread()
        exchange = await self._engine.fetch(self._asked(request, body), _timeout_s(request))
        if exchange.error is not None:
            exchange.error.request = request
            raise exchange.error
        if exchange.cut:
            raise httpx.ReadError(f"more than {self._body_limit} bytes came", request=request)
        return _response(exchange)

    def _asked(self, request: httpx.Request, body: bytes) -> Request:
        url = request.url
        options = Options(
            request.method,
            tuple(_headers(request)),
            body or None,
            follow_redirects=False,  # the client's own choice
            keep_alive=self._keep_alive,
            body_limit=self._body_limit,
            wire=self._wire,
            wants_headers=True,
        )
        return Request(str(url), url.host, url.port or DEFAULT_PORTS[url.scheme], options)


def _headers(request: httpx.Request) -> list[tuple[str, str]]:
    # libcurl counts the body by itself. Names are sent as they are spelt: not all servers are kind.
    counted = {"content-length", "transfer-encoding"}
    spelt = {name.decode(): name.decode().lower() for name, _ in request.headers.raw}
    return [(name, request.headers[low]) for name, low in spelt.items() if low not in counted]


def _timeout_s(request: httpx.Request) -> float:
    times = request.extensions.get("timeout", {})
    limits = [times.get("connect"), times.get("read")]
    return LONGEST_S if None in limits else sum(limits)


def _response(exchange: Exchange) -> httpx.Response:
    return httpx.Response(
        exchange.http_code or 0,
        headers=list(exchange.headers),
        stream=httpx.ByteStream(exchange.body),
        extensions={"http_version": f"HTTP/{exchange.http_version}".encode()},
    )
