"""One request and its answer by HTTP/2 on a connection that has agreed on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    PushedStreamReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from hyperframe.frame import Frame, GoAwayFrame

from prober.blackbox.http import requests
from prober.blackbox.http.answers import Answer
from prober.blackbox.http.bodies import UNKNOWN, Body, length_of
from prober.blackbox.http.heads import HEAD_LIMIT, MOST_INTERIM, Head, Malformed, canonical
from prober.blackbox.http.requests import BadRequest, Request
from prober.blackbox.streams import Stream

STREAM = 1  # the client's first
PROTO = "HTTP/2.0"
WINDOW = 4 << 20  # as much may come before we must say that there is room for more

# Headers about the connection, which HTTP/2 has other ways to tell.
NOT_SENT = frozenset(
    {"Connection", "Host", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"}
    | requests.OWN
)
# What may be said of the connection nevertheless, since it is not sent.
HARMLESS = {
    "Connection": {"", "close", "keep-alive"},
    "Transfer-Encoding": {"", "chunked"},
    "Upgrade": {"", "chunked"},
}
# Checked here, since h2 objects to more than Go does.
CONFIG = H2Configuration(
    client_side=True,
    header_encoding=None,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
)

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
_STATUS = re.compile(r"[+-]?[0-9]{1,9}")


async def ask(request: Request, stream: Stream) -> Answer:
    """Send a request, read its answer's head. Raises OSError, `Malformed`, `BadRequest`."""
    requests.check(request)
    for name, values in HARMLESS.items():
        if (said := request.headers.get(name, "")).lower() not in values:
            raise BadRequest(f"{name}: {said} can't be asked for by HTTP/2")
    talk = _Talk(stream)
    await talk.send(request)
    return await talk.answer(request.method)


class _Connection(H2Connection):
    """One that goes on with its stream where the server says that it is the last."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        if frame.last_stream_id >= STREAM:
            return [], []
        return super()._receive_goaway_frame(frame)


class _Talk:
    """The state of one connection with its one stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._inner = _Connection(CONFIG)
        self._inner.decoder.max_header_list_size = HEAD_LIMIT
        self._events: list[Event] = []

    async def send(self, request: Request) -> None:
        self._inner.initiate_connection()
        self._inner.increment_flow_control_window(WINDOW)
        rest = request.body
        headers = [
            (name, value.encode(errors="surrogateescape")) for name, value in _headers(request)
        ]
        self._inner.send_headers(STREAM, headers, end_stream=not rest)
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
                    head = _head(cast(Iterable[tuple[bytes, bytes]], headers or ()))
                    break
                case InformationalResponseReceived():
                    interim += 1
            if interim > MOST_INTERIM:
                raise Malformed("too many interim answers")
        told = length_of(head)
        if told == UNKNOWN and ended and method != "HEAD":
            told = 0
        is_head = method == "HEAD"
        body = self._body(UNKNOWN if is_head else told, bool(ended) or is_head)
        return Answer(head, told, body, self._stream.tls)

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
                case TrailersReceived(headers=headers):
                    _regular(cast(Iterable[tuple[bytes, bytes]], headers or ()))
                case StreamEnded():
                    is_over = True
        if expected not in {size, UNKNOWN}:
            raise Malformed(f"the body has not the {expected} bytes that were told")

    async def _next(self) -> Event:
        while not self._events:
            await self._receive()
        event = self._events.pop(0)
        if isinstance(event, PushedStreamReceived):
            raise Malformed("the server began to push")
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
            yield name.lower(), value.strip(requests.SPACE)
    if (length := requests.body_length(request)) is not None:
        yield "content-length", str(length)
    if agent := request.headers.get("User-Agent", requests.USER_AGENT):
        yield "user-agent", agent


def _head(pairs: Iterable[tuple[bytes, bytes]]) -> Head:
    first, *others = pairs
    status = first[1].decode("latin-1")
    if first[0] != b":status" or not _STATUS.fullmatch(status):
        raise Malformed(f"{status[:40]!r} is no status code")
    return Head(PROTO, int(status), _regular(others))


def _regular(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """The headers but for those that begin with a colon, which can't stand here."""
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Malformed(f"{name[:40]!r} is no header of HTTP/2, or has no value of one")
        text = value.decode(errors="surrogateescape")
        headers.setdefault(canonical(name.decode()), []).append(text)
    return headers
