"""What can answer by HTTP/2: whole answers, broken ones, and none."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded
from hpack import Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PushPromiseFrame,
    SettingsFrame,
)
from servers import Handler, closes
from zoo.behaviours import Behaviour
from zoo.http_behaviours import PAGE, SOON
from zoo.https_behaviours import by_tls, secure

Headers = list[tuple[str, str]]
Reply = Callable[[H2Connection, int, dict[str, str], bytes], None]
"""What to do, on which stream, for which request's headers and body."""

FINE = (":status", "200")
LARGEST = 16_384  # of a frame
SERVER = H2Configuration(
    client_side=False, header_encoding="utf-8", validate_outbound_headers=False
)


def speaks(reply: Reply) -> Handler:
    """Answer each request as `reply` does; then close."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(SERVER)
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        headers: dict[str, str] = {}
        body = b""
        while data := await reader.read(65_536):
            if connection.state_machine.state is ConnectionState.CLOSED:
                continue
            for event in connection.receive_data(data):
                match event:
                    case RequestReceived(headers=found):
                        headers = {str(name): str(value) for name, value in found or ()}
                    case DataReceived(data=more):
                        body += more or b""
                    case StreamEnded(stream_id=number):
                        reply(connection, number, headers, body)
                    case ConnectionTerminated():
                        return
            writer.write(connection.data_to_send())
            await writer.drain()

    return handler


def says(headers: Headers, *pieces: bytes, ends: bool = True) -> Reply:
    """A head and the pieces of a body."""

    def reply(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
        connection.send_headers(number, headers, end_stream=ends and not pieces)
        for piece in pieces:
            connection.send_data(number, piece)
        if pieces and ends:
            connection.end_stream(number)

    return reply


def by_h2(name: str, reply: Reply, **settings: Any) -> Behaviour:
    """A server that agrees on HTTP/2 and then does so."""
    return raw(name, speaks(reply), **settings)


def raw(name: str, handler: Handler, **settings: Any) -> Behaviour:
    """A server that agrees on HTTP/2, whatever it speaks."""
    return Behaviour(f"http2-{name}", secure(handler, prepare=_agrees), by_tls(**settings))


def _agrees(context: ssl.SSLContext) -> None:
    context.set_alpn_protocols(["h2", "http/1.1"])


def _resets(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
    connection.reset_stream(number, 2)


def _resets_late(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
    connection.send_headers(number, [FINE])
    connection.send_data(number, b"hello")
    connection.reset_stream(number, 2)


def _goes_away(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
    connection.close_connection(0, last_stream_id=0)


def _goes_after(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
    says([FINE], b"hello")(connection, number, asked, body)
    connection.close_connection(0, last_stream_id=number)


def _hints(count: int) -> Reply:
    def reply(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
        for _ in range(count):
            connection.send_headers(number, [(":status", "103"), ("link", "</a>")])
        says([FINE], b"hello")(connection, number, asked, body)

    return reply


def _trails(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
    connection.send_headers(number, [FINE])
    connection.send_data(number, b"hello")
    connection.send_headers(number, [("x-sum", "1")], end_stream=True)


def _tells(condition: Callable[[dict[str, str], bytes], bool]) -> Reply:
    def reply(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
        status = "200" if condition(asked, body) else "400"
        says([(":status", status)], b"told")(connection, number, asked, body)

    return reply


def _moves(status: str) -> Reply:
    def reply(connection: H2Connection, number: int, asked: dict[str, str], body: bytes) -> None:
        if asked[":path"] == "/":
            says([(":status", status), ("location", "/there")], b"moved")(
                connection, number, asked, body
            )
        else:
            says([FINE], asked[":method"].encode())(connection, number, asked, body)

    return reply


async def _nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)


def _answers() -> Iterator[Behaviour]:
    yield by_h2("page", says([FINE, ("content-length", "5")], b"hello"))
    yield by_h2("without-length", says([FINE], b"hello"))
    yield by_h2("pieces", says([FINE], b"hello", b"", b"hello"))
    yield by_h2("empty", says([FINE]))
    yield by_h2("empty-piece", says([FINE], b""))
    yield by_h2("length-zero", says([FINE, ("content-length", "0")]))
    yield by_h2("404", says([(":status", "404")], b"no"))
    yield by_h2("204", says([(":status", "204")]))
    yield by_h2("large", says([FINE], *[b"x" * 16_000] * 4))
    yield by_h2("hints", _hints(1))
    yield by_h2("hints-six", _hints(6))
    yield by_h2("trailers", _trails)
    yield by_h2("modified", says([FINE, ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT")], b"x"))
    yield by_h2("regex", says([FINE], b"hello"), fail_if_body_matches_regexp=["ell"])
    yield by_h2(
        "regex-header",
        says([FINE, ("x-two", "a"), ("x-two", "b")], b"x"),
        fail_if_header_not_matches=[{"header": "X-Two", "regexp": "b"}],
    )
    yield by_h2("valid", says([FINE], b"x"), valid_http_versions=["HTTP/2.0"])
    yield by_h2("not-valid", says([FINE], b"x"), valid_http_versions=["HTTP/1.1"])
    yield by_h2("short-name-not-valid", says([FINE], b"x"), valid_http_versions=["HTTP/2"])
    yield by_h2("head", says([FINE, ("content-length", "5")]), method="HEAD")
    yield by_h2("limit", says([FINE], b"hello"), body_size_limit="3B")
    yield by_h2(
        "post",
        _tells(lambda asked, body: body == b"a=b" and asked["content-length"] == "3"),
        method="POST",
        body="a=b",
    )
    yield by_h2(
        "post-large",
        _tells(lambda asked, body: len(body) == 40_000),
        method="POST",
        body="x" * 40_000,
    )
    yield by_h2(
        "post-empty", _tells(lambda asked, body: asked.get("content-length") == "0"), method="POST"
    )
    yield by_h2(
        "headers",
        _tells(lambda asked, body: asked.get("x-mine") == "1" and "connection" not in asked),
        headers={"X-Mine": "1", "Connection": "keep-alive"},
    )
    yield by_h2(
        "authority",
        _tells(
            lambda asked, body: asked[":authority"].startswith("localhost:") and "host" not in asked
        ),
    )
    yield by_h2(
        "basic",
        _tells(lambda asked, body: asked.get("authorization", "").startswith("Basic ")),
        basic_auth={"username": "u", "password": "p"},
    )
    for code in ("301", "302", "307"):
        yield by_h2(f"redirect-{code}", _moves(code))
        yield by_h2(f"redirect-{code}-post", _moves(code), method="POST", body="a")
    yield by_h2(
        "redirect-not-followed", _moves("302"), follow_redirects=False, valid_status_codes=[302]
    )


def _raw() -> Iterator[Behaviour]:
    headers: dict[str, tuple[str, str | bytes]] = {
        "value-padded": ("x-a", " b "),
        "value-latin": ("x-a", b"\xe4"),
        "value-control": ("x-a", "a\x01b"),
        "keep-alive": ("keep-alive", "1"),
        "transfer-encoding": ("transfer-encoding", "chunked"),
        "name-with-space": ("x a", "1"),
        "name-empty": ("", "1"),
        "unknown-pseudo": (":foo", "1"),
    }
    for name, pairs in headers.items():
        yield framed(name, _head([FINE, pairs]), _end(b"hello"))
    yield framed("status-signed", _head([(":status", "+200")]), _end(b"hello"))
    yield framed("status-last", _head([("x-a", "b"), FINE]), _end(b"hello"))
    yield framed("head-of-100-kB", *_long([FINE, ("x-a", "b" * 100_000)]), _end(b"hello"))
    yield framed("body-behind-head-method", _head([FINE]), _end(b"hello"), method="HEAD")
    trailer = HeadersFrame(1, data=Encoder().encode([FINE]), flags=["END_HEADERS", "END_STREAM"])
    piece = DataFrame(1, data=b"hello")
    yield framed("trailer-with-status", _head([FINE]), piece, trailer)
    yield framed("pushes", PushPromiseFrame(1, 2, flags=["END_HEADERS"]), _head([FINE]), _end(b""))
    for last in (1, 2**31 - 1):
        leaves = GoAwayFrame(0, last_stream_id=last)
        yield framed(f"leaves-before-{last}", leaves, _head([FINE]), _end(b"hello"))
        yield framed(f"leaves-amid-{last}", _head([FINE]), leaves, _end(b"hello"))
    for told in ("close", "keep-alive", "x"):
        yield by_h2(f"asks-connection-{told}", says([FINE]), headers={"Connection": told})
    yield by_h2("asks-upgrade", says([FINE]), headers={"Upgrade": "x"})


def framed(name: str, *frames: Frame, **settings: Any) -> Behaviour:
    """A server that answers with these frames, whatever it is asked."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        for frame in (SettingsFrame(0), SettingsFrame(0, flags=["ACK"]), *frames):
            writer.write(frame.serialize())
        await writer.drain()
        await reader.read(65_536)

    return raw(f"raw-{name}", handler, **{"timeout": "2s", **settings})


def _head(headers: Sequence[tuple[str, str | bytes]]) -> Frame:
    return HeadersFrame(1, data=Encoder().encode(headers), flags=["END_HEADERS"])


def _long(headers: Sequence[tuple[str, str | bytes]]) -> Iterator[Frame]:
    block = Encoder().encode(headers)
    yield HeadersFrame(1, data=block[:LARGEST])
    for at in range(LARGEST, len(block), LARGEST):
        ends = ["END_HEADERS"] if at + LARGEST >= len(block) else []
        yield ContinuationFrame(1, data=block[at : at + LARGEST], flags=ends)


def _end(data: bytes) -> Frame:
    return DataFrame(1, data=data, flags=["END_STREAM"])


def _faults() -> Iterator[Behaviour]:
    yield by_h2("length-too-long", says([FINE, ("content-length", "50")], b"hello"))
    yield by_h2("length-too-short", says([FINE, ("content-length", "2")], b"hello"))
    yield by_h2("length-without-body", says([FINE, ("content-length", "50")]))
    yield by_h2("length-odd", says([FINE, ("content-length", "x")], b"hello"))
    yield by_h2("resets", _resets)
    yield by_h2("resets-late", _resets_late)
    yield by_h2("goes-away", _goes_away)
    yield by_h2("goes-after", _goes_after)
    yield by_h2("hangs", lambda *_: None, timeout=SOON)
    yield by_h2("hangs-in-body", says([FINE], b"hello", ends=False), timeout=SOON)
    yield by_h2("upper-case-header", says([FINE, ("X-Upper", "1")], b"x"))
    yield by_h2("without-status", says([("x-mine", "1")], b"x"))
    yield by_h2("status-odd", says([(":status", "2x0")], b"x"))
    yield by_h2("connection-header", says([FINE, ("connection", "close")], b"x"))
    yield raw("that-is-1.1", closes(PAGE))
    yield raw("closes", _nothing)
    yield raw("not-offered", closes(PAGE), enable_http2=False)


BEHAVIOURS = [behaviour for kind in (_answers, _raw, _faults) for behaviour in kind()]
