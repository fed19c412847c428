from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest
from patience import given_time
from servers import (
    Certificate,
    Handler,
    answers,
    black_hole,
    closes,
    dead_port,
    echoes,
    hangs,
    redirects,
    resets,
    response,
    says,
    serving,
)

from prober.probes.engine import Engine
from prober.probes.transport import CurlTransport


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=CurlTransport(engine), timeout=10) as client:
        yield client


async def test_an_answer_is_that_of_httpx(client: httpx.AsyncClient) -> None:
    with serving(says(response(201, b'{"a": 1}', {"X-A": "1"}))) as server:
        answer = await client.get(server.url)

    assert (answer.status_code, answer.json(), answer.headers["x-a"]) == (201, {"a": 1}, "1")
    assert answer.http_version == "HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_a_request_arrives_as_it_was_made(client: httpx.AsyncClient, method: str) -> None:
    with serving(echoes()) as server:
        answer = await client.request(method, f"{server.url}/a?b=c", content=b"xyz")

    head, _, body = answer.content.partition(b"\r\n\r\n")
    assert head.startswith(f"{method} /a?b=c HTTP/1.1\r\n".encode())
    assert (head.lower().count(b"content-length: 3"), body) == (1, b"xyz")
    assert head.lower().count(b"host:") == head.lower().count(b"user-agent:") == 1


async def test_an_encoded_body_is_decoded_by_the_client(client: httpx.AsyncClient) -> None:
    encoded = response(200, gzip.compress(b"well"), {"Content-Encoding": "gzip"})
    with serving(says(encoded)) as server:
        answer = await client.get(server.url)

    assert answer.content == b"well"


async def test_redirects_are_the_clients_choice(client: httpx.AsyncClient) -> None:
    with serving(answers(200)) as there, serving(redirects(there.url)) as here:
        stayed = await client.get(here.url)
        followed = await client.get(here.url, follow_redirects=True)

    assert (stayed.status_code, followed.status_code) == (302, 200)


async def test_connections_are_kept(client: httpx.AsyncClient) -> None:
    with serving(answers(200)) as server:
        for _ in range(3):
            await client.get(server.url)

        assert server.accepted == 1


async def test_https_is_spoken(client: httpx.AsyncClient, certificate: Certificate) -> None:
    with serving(answers(200, b"safe"), certificate.context()) as server:
        answer = await client.get(server.url)

    assert answer.content == b"safe"


FAILURES: dict[str, tuple[Handler, type[httpx.RequestError]]] = {
    "hangs": (hangs(), httpx.ReadTimeout),
    "resets": (resets(), httpx.ReadError),
    "closes": (closes(), httpx.RemoteProtocolError),
    "garbage": (closes(b"garbage\r\n\r\n"), httpx.RemoteProtocolError),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_raised_as_httpx_has_it(client: httpx.AsyncClient, name: str) -> None:
    async def failure(timeout_s: float) -> httpx.RequestError:
        with pytest.raises(httpx.RequestError) as caught:
            await client.get(server.url, timeout=timeout_s)
        return caught.value

    handler, error = FAILURES[name]
    with serving(handler) as server:
        found = await given_time(failure, lambda found: type(found) is error)

    assert (type(found), found.request.url.port) == (error, server.port)


async def test_a_closed_port_is_a_connect_error(client: httpx.AsyncClient) -> None:
    with dead_port() as port, pytest.raises(httpx.ConnectError, match="refused by"):
        await client.get(f"http://127.0.0.1:{port}/")


async def test_a_black_hole_is_a_connect_timeout(client: httpx.AsyncClient) -> None:
    with black_hole() as url, pytest.raises(httpx.ConnectTimeout):
        await client.get(url, timeout=0.1)


async def test_a_client_without_timeout_waits(client: httpx.AsyncClient) -> None:
    with serving(answers(200, delay_s=0.1)) as server:
        answer = await client.get(server.url, timeout=None)

    assert answer.status_code == 200


async def test_a_body_beyond_the_limit_is_a_read_error(engine: Engine) -> None:
    transport = CurlTransport(engine, body_limit=10)
    with serving(answers(200, b"x" * 11)) as server:
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ReadError, match="more than 10 bytes"):
                await client.get(server.url)
