"""One request and its answer by HTTP/2 on a connection that has agreed on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import H2Error

from prober.blackbox.http import requests
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.bodies import UNKNOWN, Body, length_of
from prober.blackbox.http.heads import MOST_INTERIM, Head, Malformed, canonical
from prober.blackbox.http.requests import Request
from prober.blackbox.streams import Stream

STREAM = 1  # the client's first
PROTO = "HTTP/2.0"
WINDOW = 4 << 20  # as much may come before we must say that there is room for more

# Headers about the connection, which HTTP/2 has other ways to tell.
NOT_SENT = frozenset(
    {"Connection", "Host", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}
    | requests.OWN
)


async def ask(request: Request, stream: Stream) -> Answer:
    """Send a request, read its answer's head. Raises OSError, `Malformed`, `BadRequest`."""
    requests.check(request)
    talk = _Talk(stream)
    await talk.send(request)
    return await talk.answer(request.method)


class _Talk:
    """The state of one connection with its one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._inner = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._events: list[Event] = []

    async def send(self, request: Request) -> None:
        self._inner.initiate_connection()
        self._inner.increment_flow_control_window(WINDOW)
        rest = request.body
        self._inner.send_headers(STREAM, list(_headers(request)), end_stream=not rest)
        # A wrong length would end the connection before the head is told of.
        cast(Any, self._inner.streams[STREAM])._initialize_content_length = lambda headers: None
        await self._flush()
        while rest:
            room = min(
                self._inner.local_flow_control_window(STREAM), self._inner.max_outbound_frame_size
            )
            if room:
                self._inner.send_data(STREAM, rest[:room], end_stream=len(rest) <= room)
                rest = rest[room:]
                await self._flush()
            else:
                await self._receive()

    async def answer(self, method: str) -> Answer:
        interim = 0
        while True:
            match await self._next():
                case ResponseReceived(headers=headers, stream_ended=ended):
                    head = _head((str(n), str(v)) for n, v in headers or ())
                    break
                case InformationalResponseReceived():
                    interim += 1
            if interim > MOST_INTERIM:
                raise Malformed("too many interim answers")
        told = length_of(head)
        if told == UNKNOWN and ended and method != "HEAD":
            told = 0
        expected = UNKNOWN if method == "HEAD" else told
        return Answer(head, told, self._body(expected, bool(ended)), self._stream.tls)

    async def _body(self, expected: int, is_over: bool) -> Body:
        size = 0
        while not is_over:
            match await self._next():
                case DataReceived(data=data, flow_controlled_length=length):
                    self._inner.acknowledge_received_data(length or 0, STREAM)
                    await self._flush()
                    piece = data or b""
                    yield piece if expected == UNKNOWN else piece[: expected - size]
                    size += len(piece)
                    if size > expected != UNKNOWN:
                        break
                case StreamEnded():
                    is_over = True
        if expected not in {size, UNKNOWN}:
            raise Malformed(f"the body has not the {expected} bytes that were told")

    async def _next(self) -> Event:
        while not self._events:
            await self._receive()
        event = self._events.pop(0)
        if isinstance(event, StreamReset | ConnectionTerminated):
            raise Malformed(f"the server broke off with error {event.error_code}")
        return event

    async def _receive(self) -> None:
        data = await self._stream.read()
        if not data:
            raise Malformed("the connection ended within the answer")
        try:
            self._events += self._inner.receive_data(data)
        except H2Error as error:
            raise Malformed(f"no HTTP/2: {error}") from None
        await self._flush()

    async def _flush(self) -> None:
        if data := self._inner.data_to_send():
            await self._stream.write(data)


def _headers(request: Request) -> Iterator[tuple[str, str]]:
    yield ":authority", requests.ascii_host(request.host or request.url.host)
    yield ":method", request.method
    yield ":path", request.url.request_uri
    yield ":scheme", request.url.scheme
    for name, value in request.headers.items():
        if name not in NOT_SENT:
            yield name.lower(), value.strip()
    if (length := requests.body_length(request)) is not None:
        yield "content-length", str(length)
    if agent := request.headers.get("User-Agent", requests.USER_AGENT):
        yield "user-agent", agent


def _head(pairs: Iterable[tuple[str, str]]) -> Head:
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        headers.setdefault(canonical(name), []).append(value)
    status = headers.pop(":status", [""])[0]
    if not status.isdecimal():
        raise Malformed(f"{status!r} is no status code")
    return Head(PROTO, int(status), headers)
