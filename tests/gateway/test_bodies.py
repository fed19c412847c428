"""Bodies of requests that are too large, or too slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress

import httpx
import pytest
from fastapi import FastAPI, Request
from gateway.watched import serving
from pydantic import BaseModel

from prober.config.access import Limits
from prober.config.tree import Forward, Gateway
from prober.gateway.admission import Admission
from prober.gateway.answers import handle_errors
from prober.gateway.limiting import Admit


def settings(body_time: str) -> Gateway:
    return Gateway(
        limits=Limits(body="2KiB", event_body="1KiB", body_time=body_time),  # type: ignore[arg-type]
        aliases={"/events/ingest": "/api/v1/events"},
        forward=(Forward(path="/big/{name}", service="a", to="/", body_limit="1MiB"),),  # type: ignore[arg-type]
    )


class Thing(BaseModel):
    """A body that FastAPI reads."""

    text: str


async def read(request: Request) -> int:
    return len(await request.body())


async def parsed(thing: Thing) -> int:
    return len(thing.text)


async def unread() -> str:
    return "not read"


def reading(body_time: str) -> FastAPI:
    """An app that tells how much it was sent, in at most so much time."""
    app = FastAPI()
    handle_errors(app)
    for path in ("/any", "/api/v1/events", "/events/ingest", "/big/{name}"):
        app.add_api_route(path, read, methods=["POST"])
    app.add_api_route("/parsed", parsed, methods=["POST"])
    app.add_api_route("/unread", unread, methods=["POST"])
    app.add_middleware(Admit, admission=Admission(settings(body_time)))
    return app


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(reading("60s")) as url:
        yield url


@pytest.fixture
async def hasty() -> AsyncIterator[str]:
    """The url of an app that waits 0.3 s for a body."""
    async with serving(reading("300ms")) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body whose length is not declared."""
    for start in range(0, size, 2**16):
        yield b"x" * min(2**16, size - start)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
@pytest.mark.parametrize(
    ("path", "size", "code"),
    [
        ("/any", 2048, 200),
        ("/any", 2049, 413),
        ("/api/v1/events", 1024, 200),
        ("/api/v1/events", 1025, 413),
        ("/events/ingest", 1025, 413),
        ("/big/one", 2**20, 200),
        ("/big/one", 2**20 + 1, 413),
        ("/any", 3 * 2**20, 413),
    ],
)
async def test_a_body_may_be_as_large_as_its_route_allows(
    client: httpx.AsyncClient, path: str, size: int, code: int, declared: bool
) -> None:
    answer = await client.post(path, content=b"x" * size if declared else pieces(size))

    assert answer.status_code == code
    assert (
        answer.json() == size if code == 200 else answer.json().keys() == {"error", "status_code"}
    )


async def test_a_chunked_body_is_refused_where_fastapi_reads_it_too(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/parsed", content=pieces(3000), headers={"Content-Type": "json"})

    assert answer.status_code == 413
    assert answer.json()["error"] == "the body is larger than 2048 bytes"


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All that still comes; a reset ends it, as the one that answers what is sent too late."""
    found = b""
    with suppress(ConnectionError):
        while more := await reader.read(2**16):
            found += more
    return found


async def told(url: str, *data: bytes, pause_s: float = 0.0) -> bytes:
    """All that comes back until the server closes, after sending `data` with pauses."""
    target = httpx.URL(url)
    reader, writer = await asyncio.open_connection(target.host, target.port)
    answer = asyncio.create_task(rest(reader))
    for piece in data:
        writer.write(piece)
        await asyncio.sleep(pause_s)
        if answer.done():
            break
    with closing(writer):
        return await asyncio.wait_for(answer, 30)


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join((f"POST {path} HTTP/1.1", "Host: here", *lines, "", "")).encode()


async def test_a_body_of_ten_gigabytes_is_refused_before_it_comes(url: str) -> None:
    lines = ("Content-Length: 10000000000", "Expect: 100-continue")

    answer = await told(url, head("/any", *lines))

    assert answer.startswith(b"HTTP/1.1 413") and b"connection: close" in answer.lower()
    assert b"100 Continue" not in answer


@pytest.mark.parametrize("start", [b"", b"x" * 10])
async def test_a_body_that_stops_coming_is_408(hasty: str, start: bytes) -> None:
    before_s = time.monotonic()

    answer = await told(hasty, head("/any", "Content-Length: 100") + start)

    assert answer.startswith(b"HTTP/1.1 408") and b"did not come within 0.3 s" in answer
    assert time.monotonic() - before_s < 8


async def test_a_dripping_body_is_408_though_each_drop_comes_in_time(hasty: str) -> None:
    drops = [b"x"] * 50

    answer = await told(hasty, head("/any", "Content-Length: 100"), *drops, pause_s=0.05)

    assert answer.startswith(b"HTTP/1.1 408")


async def test_a_body_that_nobody_reads_delays_no_answer(url: str) -> None:
    answer = await told(url, head("/unread", "Content-Length: 9", "Connection: close"))

    assert answer.startswith(b"HTTP/1.1 200")
