"""What prober makes of answers that break the rules of HTTP: one line per way to break them.

All of them come in all ways: some are read by libcurl, the others by prober itself, and they must
agree.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import pytest
from fetching import fetch
from patience import TIMEOUTS_S, given_time
from servers import (
    Certificate,
    Handler,
    answers,
    closes,
    drips,
    floods,
    hangs,
    resets,
    response,
    says,
    serving,
)

from prober.model import Phase, Reason
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options
from prober.wire import Wire

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WAVE = b"a" * 65_536
PROCESSING, TRANSFER = Phase.PROCESSING, Phase.TRANSFER


def sized(*lengths: bytes, body: bytes = b"abc") -> Handler:
    """An answer that gives each of these lengths."""
    return closes(OK + b"".join(b"Content-Length: %s\r\n" % n for n in lengths) + b"\r\n" + body)


def chunked(body: bytes) -> Handler:
    return closes(CHUNKED + body)


Failure = tuple[Handler, int | None, Reason, Phase]
FAILURES: dict[str, Failure] = {
    "a body shorter than its length": (sized(b"10"), 200, Reason.RESET, TRANSFER),
    "two lengths that differ": (sized(b"3", b"6"), 200, Reason.PROTOCOL, TRANSFER),
    "a list of lengths that differ": (sized(b"3, 6"), 200, Reason.PROTOCOL, TRANSFER),
    "a negative length": (sized(b"-3"), 200, Reason.PROTOCOL, TRANSFER),
    "an empty length": (sized(b""), 200, Reason.PROTOCOL, TRANSFER),
    "a chunk of no size": (chunked(b"zz\r\nabc"), 200, Reason.PROTOCOL, TRANSFER),
    "a chunk of absurd size": (chunked(b"f" * 18 + b"\r\nabc"), 200, Reason.PROTOCOL, TRANSFER),
    "a chunk longer than its size": (chunked(b"3\r\nabcdef\r\n"), 200, Reason.PROTOCOL, TRANSFER),
    "a chunk that is cut": (chunked(b"5\r\nab"), 200, Reason.RESET, TRANSFER),
    "no last chunk": (chunked(b"3\r\nabc\r\n"), 200, Reason.RESET, TRANSFER),
    "a trailer that is cut": (chunked(b"0\r\nX: y"), 200, Reason.RESET, TRANSFER),
    "an unknown transfer encoding": (
        closes(OK + b"Transfer-Encoding: odd\r\n\r\n"),
        200,
        Reason.PROTOCOL,
        TRANSFER,
    ),
    "garbage": (closes(b"\x00\x01\x02\r\n\r\n"), None, Reason.PROTOCOL, PROCESSING),
    "another protocol": (closes(b"220 smtp.test\r\n"), None, Reason.PROTOCOL, PROCESSING),
    "a bare page": (closes(b"<html>hi</html>"), None, Reason.PROTOCOL, PROCESSING),
    "a version of the future": (closes(b"HTTP/9.9 200 OK\r\n"), None, Reason.PROTOCOL, PROCESSING),
    "no number for a code": (closes(b"HTTP/1.1 abc OK\r\n"), None, Reason.PROTOCOL, PROCESSING),
    "a code below 100": (closes(b"HTTP/1.1 099 OK\r\n\r\n"), 99, Reason.PROTOCOL, TRANSFER),
    "a header without a colon": (closes(OK + b"odd\r\n\r\n"), 200, Reason.PROTOCOL, TRANSFER),
    "a NUL in a header": (closes(OK + b"A: \x00\r\n\r\n"), 200, Reason.PROTOCOL, TRANSFER),
    "a first header that is folded": (closes(OK + b" c\r\n\r\n"), 200, Reason.PROTOCOL, TRANSFER),
    "a code of two digits": (closes(b"HTTP/1.1 20 OK\r\n\r\n"), None, Reason.PROTOCOL, PROCESSING),
    "an unknown subversion": (closes(b"HTTP/1.2 200 OK\r\n"), None, Reason.PROTOCOL, PROCESSING),
    "a blank before the answer": (closes(b" " + OK), None, Reason.PROTOCOL, PROCESSING),
    "a NUL in the status line": (
        closes(b"HTTP/1.1 200 \0K\r\n\r\n"),
        200,
        Reason.PROTOCOL,
        PROCESSING,
    ),
    "a carriage return in a header": (
        closes(OK + b"A: b\rc\r\n\r\n"),
        200,
        Reason.PROTOCOL,
        TRANSFER,
    ),
    "a length with a sign": (sized(b"+3"), 200, Reason.PROTOCOL, TRANSFER),
    "a list of lengths with a gap": (sized(b"3,,3"), 200, Reason.PROTOCOL, TRANSFER),
    "the largest length": (sized(b"9223372036854775807"), 200, Reason.RESET, TRANSFER),
    "a coding before chunks": (
        closes(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        200,
        Reason.PROTOCOL,
        TRANSFER,
    ),
    "a coding after chunks": (
        closes(OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n"),
        200,
        Reason.PROTOCOL,
        TRANSFER,
    ),
    "a blank before a chunk's size": (chunked(b" 3\r\nabc"), 200, Reason.PROTOCOL, TRANSFER),
    "a chunk beyond all numbers": (chunked(b"f" * 16 + b"\r\n"), 200, Reason.PROTOCOL, TRANSFER),
    "a trailer without a colon": (chunked(b"0\r\nodd\r\n\r\n"), 200, Reason.PROTOCOL, TRANSFER),
    "a header of 100 kB": (
        closes(OK + b"A: " + b"x" * 102_400 + b"\r\n\r\n"),
        200,
        Reason.TOO_LARGE,
        TRANSFER,
    ),
    "one header too many": (
        closes(OK + b"A: b\r\n" * 5001 + b"\r\n"),
        200,
        Reason.TOO_LARGE,
        TRANSFER,
    ),
    "100 and nothing more": (closes(response(100)), 100, Reason.RESET, TRANSFER),
    "101 and nothing more": (closes(response(101)), 101, Reason.RESET, TRANSFER),
    "101 and silence": (hangs(response(101)), 101, Reason.TIMEOUT, TRANSFER),
    "a close at once": (closes(), None, Reason.RESET, PROCESSING),
    "a status line that is cut": (closes(b"HTTP/1.1 2"), None, Reason.RESET, PROCESSING),
    "a reset before the answer": (resets(), None, Reason.RESET, PROCESSING),
    "a reset with the first byte": (resets(at_once=True), None, Reason.RESET, PROCESSING),
    "a reset in the status line": (resets(b"HTTP/1.1 2"), None, Reason.RESET, PROCESSING),
    "a reset in the headers": (resets(OK + b"A: b\r\n"), 200, Reason.RESET, TRANSFER),
    "a reset in a body": (resets(response(200, b"abc")[:-1]), 200, Reason.RESET, TRANSFER),
    "a reset in chunks": (resets(CHUNKED + b"3\r\nabc\r\n"), 200, Reason.RESET, TRANSFER),
    "a reset in a body without length": (resets(OK + b"\r\nabc"), 200, Reason.RESET, TRANSFER),
    "an endless status line": (
        floods(b"HTTP/1.1 200 ", WAVE),
        None,
        Reason.TOO_LARGE,
        PROCESSING,
    ),
    "an endless header": (floods(OK + b"X: ", WAVE), 200, Reason.TOO_LARGE, TRANSFER),
    "endless headers": (floods(OK, b"X: y\r\n" * 4000), 200, Reason.TOO_LARGE, TRANSFER),
    "endless interim answers": (
        floods(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 99),
        102,
        Reason.TOO_LARGE,
        TRANSFER,
    ),
    "endless trailers": (
        floods(CHUNKED + b"0\r\n", b"X: y\r\n" * 4000),
        200,
        Reason.TOO_LARGE,
        TRANSFER,
    ),
    "endless garbage": (floods(b"", WAVE), None, Reason.PROTOCOL, PROCESSING),
    "an endless chunk extension": (floods(CHUNKED + b"1;", WAVE), 200, Reason.TIMEOUT, TRANSFER),
    "a dripping status line": (drips(b"HTTP/1.1 200 "), None, Reason.TIMEOUT, PROCESSING),
    "dripping headers": (drips(OK, drop=b"A: b\r\n"), 200, Reason.TIMEOUT, TRANSFER),
    "a dripping body": (drips(OK + b"\r\n"), 200, Reason.TIMEOUT, TRANSFER),
}

# What is broken here can still be understood in one way only, or harms nobody.
ANSWERS: dict[str, tuple[Handler, int, bytes]] = {
    "a body longer than its length": (sized(b"3", body=b"abcdef"), 200, b"abc"),
    "the same length twice": (sized(b"3", b"3"), 200, b"abc"),
    "a list of equal lengths": (sized(b"3, 3"), 200, b"abc"),
    "a length beyond all numbers, of a body that ends": (sized(b"9" * 30), 200, b"abc"),
    "a length beside chunks": (
        closes(CHUNKED[:-2] + b"Content-Length: 9\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        200,
        b"abc",
    ),
    "a length with a zero ahead": (sized(b"03"), 200, b"abc"),
    "a folded length": (sized(b"\r\n 3"), 200, b"abc"),
    "lengths of an interim answer": (
        closes(b"HTTP/1.1 103 Hints\r\nContent-Length: 5\r\n\r\n" + response(200, b"abc")),
        200,
        b"abc",
    ),
    "chunks with extensions, blanks and trailers": (
        closes(CHUNKED + b"3;a=b\r\nab\n\r\n1 \r\nc\n0\r\nA: b\r\n\r\n"),
        200,
        b"ab\nc",
    ),
    "chunks of HTTP/1.0": (
        closes(b"HTTP/1.0" + CHUNKED[8:] + b"3\r\nabc\r\n0\r\n\r\n"),
        200,
        b"abc",
    ),
    "an identical coding": (
        closes(OK + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc"),
        200,
        b"abc",
    ),
    "a head that is cut behind a header": (closes(OK + b"A: b\r\n"), 200, b""),
    "5000 headers": (closes(OK + b"A: b\r\n" * 5000 + b"\r\nabc"), 200, b"abc"),
    "a code of four digits": (closes(b"HTTP/1.1 2000 OK\r\n\r\nabc"), 200, b"abc"),
    "bare line feeds": (closes(b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc"), 200, b"abc"),
    "no words behind the code": (closes(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), 200, b""),
    "a folded header": (closes(OK + b"A: b\r\n c\r\n\r\nabc"), 200, b"abc"),
    "100 before the answer": (says(response(100) + response(200)), 200, b""),
    "103 before the answer": (closes(b"HTTP/1.1 103 Hints\r\n\r\n" + response(200)), 200, b""),
    "204 with a body": (closes(response(204, b"abc")), 204, b""),
    "304 with a length": (closes(response(304, b"abc")[:-3]), 304, b""),
    "no length at all": (closes(OK + b"\r\nabc"), 200, b"abc"),
    "a reset behind the end": (resets(response(200, b"abc")), 200, b"abc"),
    "an encoding nobody asked for": (
        closes(OK + b"Content-Encoding: gzip\r\n\r\nabc"),
        200,
        b"abc",
    ),
    "a redirect to nowhere": (closes(response(302)), 302, b""),
}


LIBCURLS = Wire(source_address="127.0.0.1")  # it knows no other reason to carry such a request


class Way(NamedTuple):
    """How a request travels; with TLS the first one is for libcurl in any case."""

    options: Options
    tls: bool = False


WAYS: dict[str, Way] = {
    "libcurl": Way(Options(wire=LIBCURLS)),
    "fresh": Way(Options()),
    "kept": Way(Options(keep_alive=True)),
    "libcurl, TLS": Way(Options(wire=LIBCURLS), tls=True),
    "TLS": Way(Options(), tls=True),
    "kept, TLS": Way(Options(keep_alive=True), tls=True),
}
Asking = Callable[[Handler, Way, float], Awaitable[Exchange]]


@pytest.fixture
def asking(engine: Engine, certificate: Certificate) -> Asking:
    """Asks a server with this handler in a way, for at most so many seconds."""

    async def ask(handler: Handler, way: Way, timeout_s: float = 5.0) -> Exchange:
        context = certificate.context() if way.tls else None
        with serving(handler, context) as server:
            if way.tls:
                await fetch(engine, server.url, timeout_s, way.options)
            return await fetch(engine, server.url, timeout_s, way.options)

    return ask


async def failing(asking: Asking, failure: Failure, way: Way) -> Exchange:
    """Ask for this failure; only where it is a timeout the first timeout is short."""
    handler, *expected = failure
    timeouts_s = TIMEOUTS_S if Reason.TIMEOUT in expected else TIMEOUTS_S[-1:]

    def is_it(exchange: Exchange) -> bool:
        return [exchange.http_code, exchange.reason, exchange.phase] == expected

    return await given_time(partial(asking, handler, way), is_it, *timeouts_s)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FAILURES)
async def test_a_broken_answer_is_a_failure_with_its_code_reason_and_phase(
    asking: Asking, name: str, way: str
) -> None:
    exchange = await failing(asking, FAILURES[name], WAYS[way])

    assert (exchange.http_code, exchange.reason, exchange.phase) == FAILURES[name][1:]


@pytest.mark.parametrize("way", ["fresh", "kept", "TLS", "kept, TLS"])
@pytest.mark.parametrize("name", FAILURES)
async def test_all_ways_say_the_same_of_a_broken_answer(
    asking: Asking, name: str, way: str
) -> None:
    ways = [WAYS[way], WAYS["libcurl, TLS" if WAYS[way].tls else "libcurl"]]
    ours, theirs = [await failing(asking, FAILURES[name], way) for way in ways]

    assert (_without_port(ours), type(ours.error)) == (_without_port(theirs), type(theirs.error))


def _without_port(exchange: Exchange) -> str:
    return re.sub(r"(127\.0\.0\.1):\d+", r"\1", exchange.message or "")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_is_broken_harmlessly_is_an_answer(
    asking: Asking, name: str, way: str
) -> None:
    handler, code, body = ANSWERS[name]
    exchange = await asking(handler, WAYS[way], 5.0)

    assert (exchange.error, exchange.http_code, exchange.body) == (None, code, body)


@pytest.mark.parametrize("way", ["fresh", "kept"])
@pytest.mark.parametrize("start", [b"http/1.1", b"HTTP/2.0"])
async def test_a_status_line_that_is_none_is_no_answer(
    asking: Asking, start: bytes, way: str
) -> None:
    answer = start + b" 500 No\r\nContent-Length: 0\r\n\r\n"
    exchange = await asking(says(answer), WAYS[way], 5.0)

    assert (exchange.http_code, exchange.reason) == (None, Reason.PROTOCOL)


async def test_plain_http_to_a_tls_port_is_a_reset(
    engine: Engine, certificate: Certificate
) -> None:
    with serving(answers(200), certificate.context()) as server:
        exchange = await fetch(engine, server.url.replace("https", "http"))

    assert (exchange.reason, exchange.phase) == (Reason.RESET, Phase.PROCESSING)
