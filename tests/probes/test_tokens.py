from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson
import pytest
from servers import Handler, Server, answers, dead_port, hangs, read_request, response, serving

from prober.model import Reason, Service
from prober.probes.base import Attempt
from prober.probes.engine import Engine
from prober.probes.http import HttpProbe
from prober.probes.tokens import NoToken, Tokens
from prober.wire import PLAIN, OAuth2


@dataclass
class Giver:
    """A token server: it gives t1, t2 … and keeps what it was asked."""

    expires_in: object = 3600
    asked: list[bytes] = field(default_factory=list)
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self.asked.append(await read_request(reader))
            said = {"access_token": f"t{len(self.asked)}", "expires_in": self.expires_in}
            writer.write(response(200, orjson.dumps(said)))

    @property
    def grant(self) -> OAuth2:
        return OAuth2(self.url, "me@here", "s:ecret", ("read", "write"))


@contextmanager
def giving(expires_in: object = 3600) -> Iterator[Giver]:
    giver = Giver(expires_in)
    with serving(giver.handle) as server:
        giver.url = f"{server.url}/token"
        yield giver


@pytest.fixture
def tokens(engine: Engine) -> Tokens:
    return Tokens(engine)


async def test_a_token_is_asked_for_by_client_credentials(tokens: Tokens) -> None:
    with giving() as giver:
        token = await tokens.token(giver.grant, PLAIN, 2)

    credentials = b64encode(b"me%40here:s%3Aecret").decode()
    head, _, form = giver.asked[0].decode().partition("\r\n\r\n")
    assert token == "Bearer t1"
    assert head.startswith("POST /token HTTP/1.1\r\n")
    assert f"authorization: basic {credentials.lower()}" in head.lower()
    assert form == "grant_type=client_credentials&scope=read+write"


async def test_a_token_is_kept_and_shared(tokens: Tokens) -> None:
    with giving() as giver:
        found = await asyncio.gather(*(tokens.token(giver.grant, PLAIN, 2) for _ in range(9)))

    assert (set(found), len(giver.asked)) == ({"Bearer t1"}, 1)


@pytest.mark.parametrize(
    ("expires_in", "later_s", "token"),
    [(3600, 3500, "t1"), (3600, 3580, "t2"), (40, 15, "t1"), (40, 25, "t2"), ("60", 40, "t2")],
)
async def test_a_token_is_replaced_shortly_before_it_ends(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch, expires_in: object, later_s: int, token: str
) -> None:
    with giving(expires_in) as giver:
        await tokens.token(giver.grant, PLAIN, 2)
        later = time.monotonic() + later_s
        monkeypatch.setattr("prober.probes.tokens.time.monotonic", lambda: later)
        assert await tokens.token(giver.grant, PLAIN, 2) == f"Bearer {token}"


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (b'{"access_token": "t", "token_type": "mac"}', "MAC t"),
        (b'{"access_token": "t", "token_type": "DPoP", "expires_in": null}', "DPoP t"),
    ],
)
async def test_a_token_stands_behind_its_type(tokens: Tokens, said: bytes, value: str) -> None:
    with serving(answers(201, said)) as server:
        assert await tokens.token(OAuth2(server.url, "me", "secret"), PLAIN, 2) == value


async def test_who_is_refused_by_header_tells_in_the_body_who_asks(tokens: Tokens) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            wanted = b"client_id=me&client_secret=s%26" in await read_request(reader)
            writer.write(response(200 if wanted else 401, b'{"access_token": "t"}'))

    with serving(handler) as server:
        assert await tokens.token(OAuth2(server.url, "me", "s&"), PLAIN, 2) == "Bearer t"


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (answers(401, b'{"error": "invalid_client"}'), "answered 401 without a token"),
        (answers(200, b"<html>"), "answered 200 without a token"),
        (answers(200, b"[]"), "answered 200 without a token"),
        (answers(200, b'{"access_token": 7}'), "answered 200 without a token"),
        (hangs(), "in time"),
    ],
)
async def test_what_stands_in_the_way_of_a_token_is_told(
    tokens: Tokens, handler: Handler, message: str
) -> None:
    with serving(handler) as server, pytest.raises(NoToken, match=message):
        await tokens.token(
            OAuth2(server.url, "me", "secret"), PLAIN, 0.3 if message == "in time" else 5.0
        )


def guarded(*good: str) -> Handler:
    """A service that takes these tokens, and says 401 to any other."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            known = any(f"Authorization: Bearer {token}\r\n".encode() in request for token in good)
            writer.write(response(200 if known else 401))

    return handler


async def probe(probe: HttpProbe, server: Server, grant: OAuth2) -> Attempt:
    service = Service("madre", server.url, server.host, server.port, oauth2=grant)
    return await probe.run(service, "/", time.monotonic() + 2)


async def test_a_service_gets_its_token(engine: Engine) -> None:
    with giving() as giver, serving(guarded("t1")) as server:
        attempt = await probe(HttpProbe(engine), server, giver.grant)

    assert attempt.ok


async def test_a_token_that_was_revoked_is_replaced_at_once(engine: Engine) -> None:
    asking = HttpProbe(engine)
    with giving() as giver:
        with serving(guarded("t1")) as before:
            await probe(asking, before, giver.grant)
        with serving(guarded("t2")) as after:
            attempt = await probe(asking, after, giver.grant)

    assert (attempt.ok, len(giver.asked)) == (True, 2)


async def test_a_service_that_takes_no_token_is_asked_twice_only(engine: Engine) -> None:
    with giving() as giver, serving(guarded()) as server:
        attempt = await probe(HttpProbe(engine), server, giver.grant)

    assert (attempt.reason, attempt.http_code, len(giver.asked)) == (Reason.STATUS, 401, 2)


async def test_a_service_is_not_blamed_for_a_token_that_cannot_be_had(engine: Engine) -> None:
    with dead_port() as port, serving(answers(200)) as server:
        grant = OAuth2(f"http://127.0.0.1:{port}/token", "me", "secret")
        attempt = await probe(HttpProbe(engine), server, grant)

    assert (attempt.reason, server.accepted) == (Reason.PROBER, 0)
    said = f"no OAuth2 token from http://127.0.0.1:{port}/token: refused by 127.0.0.1:{port}"
    assert attempt.message == said
