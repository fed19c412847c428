"""Send requests to services on behalf of others, with bodies that stream both ways.

httpx's own transport does this, since libcurl's takes and gives whole bodies. It is used without a
client, which would keep cookies of one caller and send them with the next one's requests.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

import httpx

from prober.model import Service
from prober.wire import TlsOptions

Header = tuple[bytes, bytes]
Body = AsyncIterator[bytes] | bytes | None

CONNECTIONS = 100  # to one service, at a time
TLS_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class UpstreamError(Exception):
    """The service gave no answer that can be passed on; the text says why."""


class Unreachable(UpstreamError):
    """It refused, broke off, or spoke no HTTP."""


class TooSlow(UpstreamError):
    """It took too long."""


class Unsendable(Exception):
    """The request can't be put into HTTP: the caller's fault."""


class Asked(NamedTuple):
    """A request for a service. `target` is the path with its query, as it is to be sent.

    `timeout_s` is for connecting, and for each part that is sent or read.
    """

    method: str
    target: bytes
    headers: Sequence[Header]
    body: Body
    timeout_s: float


class Answer:
    """An answer whose head has come."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers: list[Header] = response.headers.raw
        self._response = response

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, not decoded; raises UpstreamError where it breaks off."""
        with _telling():
            async for chunk in self._response.aiter_raw():
                yield chunk


class Upstreams:
    """Sends requests to services, each over a connection of its own.

    A kept connection may be closed by the service at any moment, and what was sent over it would
    then have to be sent again, which only the caller may do.
    """

    def __init__(self) -> None:
        self._transports: dict[tuple[object, ...], httpx.AsyncHTTPTransport] = {}

    @asynccontextmanager
    async def send(self, service: Service, asked: Asked) -> AsyncIterator[Answer]:
        """The answer of a service, whose connection ends with the block.

        Raises UpstreamError, and Unsendable where what was asked is no HTTP.
        """
        with _telling():
            response = await self._transport(service).handle_async_request(_request(service, asked))
        try:
            yield Answer(response)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Let go of the connections."""
        for transport in self._transports.values():
            await transport.aclose()

    def _transport(self, service: Service) -> httpx.AsyncHTTPTransport:
        # One for each service's address, so that a slow one doesn't take the others' connections.
        wire = service.wire
        key = (service.url, wire.tls, wire.unix_socket, wire.source_address)
        if key not in self._transports:
            self._transports[key] = httpx.AsyncHTTPTransport(
                verify=_tls(wire.tls) if service.url.startswith("https:") else False,
                limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0),
                uds=wire.unix_socket,
                local_address=wire.source_address,
            )
        return self._transports[key]


def _request(service: Service, asked: Asked) -> httpx.Request:
    server_name = service.wire.tls.server_name
    return httpx.Request(
        asked.method,
        service.url,
        headers=list(asked.headers),
        content=asked.body,
        extensions={
            "target": asked.target,
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), asked.timeout_s),
            **({"sni_hostname": server_name} if server_name else {}),
        },
    )


def _tls(options: TlsOptions) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=options.ca_file)
    if options.min_version:
        context.minimum_version = TLS_VERSIONS[options.min_version]
    if options.cert_file:
        context.load_cert_chain(options.cert_file, options.key_file)
    if options.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except httpx.LocalProtocolError as error:
        raise Unsendable(str(error)) from error
    except httpx.TimeoutException as error:
        raise TooSlow("took too long") from error
    except httpx.ConnectError as error:
        raise Unreachable("can't be connected to") from error
    except httpx.TransportError as error:
        raise Unreachable("broke off, or speaks no HTTP") from error
    except (OSError, ssl.SSLError) as error:  # a file of certificates that can't be read
        raise Unreachable("can't be connected to") from error
