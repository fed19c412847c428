"""Forwarded routes: what reaches the service, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fleets import service
from gateway.gates import HEADER, TOKEN, Gate, gate
from servers import (
    Handler,
    answers,
    answers_by_path,
    black_hole,
    closes,
    dead_port,
    drips,
    echoes,
    hangs,
    resets,
    response,
    says,
    serving,
)

from prober.model import Service

ROUTE = {"path": "/r/{name}", "method": ["GET", "POST"], "service": "hermes", "to": "/x/{name}"}


def hermes(port: int) -> Service:
    return service("hermes", port, headers=(("X-Own", "s3cret"),))


@asynccontextmanager
async def to(folder: Path, handler: Handler, **route: object) -> AsyncIterator[Gate]:
    """A gateway that forwards /r/{name} to a server."""
    with serving(handler) as server:
        async with gate(folder, [hermes(server.port)], forward=[ROUTE | route]) as client:
            yield client


def head(answer: httpx.Response) -> dict[str, str]:
    """The headers that an echoing service was sent."""
    lines = answer.text.split("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


async def test_path_and_query_reach_the_service(tmp_path: Path) -> None:
    async with to(tmp_path, echoes(), to="/x/{name}?own=1") as client:
        answer = await client.get("/r/a%2Fb%20c?limit=50&q=%26%3D+z")

    assert answer.text.startswith("GET /x/a%2Fb%20c?own=1&limit=50&q=%26%3D+z HTTP/1.1\r\n")


async def test_status_headers_and_body_come_back_as_they_are(tmp_path: Path) -> None:
    said = response(418, b"short and stout", {"X-Pot": "tea", "Set-Cookie": "a=1"})

    async with to(tmp_path, says(said)) as client:
        answer = await client.get("/r/a")

    assert (answer.status_code, answer.text) == (418, "short and stout")
    assert (answer.headers["x-pot"], answer.headers["set-cookie"]) == ("tea", "a=1")
    assert "content-encoding" not in answer.headers
    assert len(answer.headers.get_list("date")) == 1


async def test_hop_by_hop_headers_stay_behind(tmp_path: Path) -> None:
    headers = {
        "Connection": "close, X-Named",
        "X-Named": "1",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
        "Proxy-Authorization": "Basic eDp5",
        "Upgrade": "h2c",
        "X-Kept": "yes",
    }

    async with to(tmp_path, echoes()) as client:
        sent = head(await client.get("/r/a", headers=headers))

    assert sent["x-kept"] == "yes"
    assert not sent.keys() & {name.lower() for name in headers if name != "X-Kept"}


async def test_hop_by_hop_headers_do_not_come_back(tmp_path: Path) -> None:
    said = response(200, b"", {"Connection": "X-Named", "X-Named": "1", "Keep-Alive": "max=3"})

    async with to(tmp_path, says(said)) as client:
        answer = await client.get("/r/a")

    assert not answer.headers.keys() & {"connection", "x-named", "keep-alive"}


async def test_the_guards_token_stays_behind_and_the_services_headers_are_added(
    tmp_path: Path,
) -> None:
    async with to(tmp_path, echoes()) as client:
        answer = await client.get("/r/a", headers={"X-Own": "forged"})

    assert TOKEN not in answer.text and "forged" not in answer.text
    assert head(answer)["x-own"] == "s3cret"


async def test_a_bearer_that_is_the_guards_stays_behind_and_another_is_passed_on(
    tmp_path: Path,
) -> None:
    async with to(tmp_path, echoes()) as client:
        own = await client.get("/r/a", headers={"Authorization": f"Bearer {TOKEN}"})
        other = await client.get("/r/a", headers={"Authorization": "Bearer theirs"})

    assert "authorization" not in head(own)
    assert head(other)["authorization"] == "Bearer theirs"


async def test_the_token_is_passed_on_where_that_is_configured(tmp_path: Path) -> None:
    async with to(tmp_path, echoes(), pass_token=True) as client:
        assert head(await client.get("/r/a"))[HEADER.lower()] == TOKEN


async def test_the_service_learns_who_asked_and_by_which_way(tmp_path: Path) -> None:
    forged = {"X-Forwarded-For": "10.9.9.9", "Forwarded": "for=10.9.9.9", "Via": "1.1 edge"}

    async with to(tmp_path, echoes()) as client:
        sent = head(await client.get("/r/a", headers=forged))

    assert sent["x-forwarded-for"] == "127.0.0.1"
    assert sent["x-forwarded-host"] == f"127.0.0.1:{client.port}"
    assert sent["via"].startswith("1.1 edge, 1.1 prober-")
    assert "forwarded" not in sent


@pytest.mark.parametrize("headers", [{}, {HEADER: "wrong"}])
async def test_nothing_is_forwarded_without_a_token_that_may_operate(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    with serving(echoes()) as server:
        async with gate(tmp_path, [hermes(server.port)], forward=[ROUTE]) as client:
            del client.headers[HEADER]
            answer = await client.get("/r/a", headers=headers)

    assert (answer.status_code, server.accepted) == (403 if headers else 401, 0)


async def test_without_any_token_configured_nothing_is_forwarded(tmp_path: Path) -> None:
    with serving(echoes()) as server:
        async with gate(tmp_path, [hermes(server.port)], forward=[ROUTE], auth={}) as client:
            answer = await client.get("/r/a")

    assert (answer.status_code, server.accepted) == (403, 0)


async def test_a_refused_connection_is_502_with_the_modules_name(tmp_path: Path) -> None:
    with dead_port() as port:
        async with gate(tmp_path, [hermes(port)], forward=[ROUTE]) as client:
            answer = await client.get("/r/a")

    assert answer.status_code == 502
    assert answer.json() == {
        "error": "hermes can't be connected to",
        "module": "hermes",
        "status_code": 502,
    }


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (hangs(), 504),
        (drips(b"HTTP/1.1 200 OK\r\n", 0.6), 504),
        (closes(), 502),
        (resets(), 502),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), 502),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 502),
    ],
)
async def test_a_service_without_an_answer_is_named(
    tmp_path: Path, handler: Handler, code: int
) -> None:
    async with to(tmp_path, handler, timeout="500ms") as client:
        answer = await client.get("/r/a")

    assert (answer.status_code, answer.json()["module"]) == (code, "hermes")


async def test_a_connection_that_is_never_made_is_504(tmp_path: Path) -> None:
    with black_hole() as url:
        port = int(url.rpartition(":")[2])
        route = ROUTE | {"timeout": "300ms"}
        async with gate(tmp_path, [hermes(port)], forward=[route]) as client:
            assert (await client.get("/r/a")).status_code == 504


async def test_an_answer_that_breaks_off_does_not_look_whole(tmp_path: Path) -> None:
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"

    async with to(tmp_path, closes(start)) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/r/a")

        assert (await client.breaker("hermes"))["failure_count"] == 1


async def test_an_answer_streams_while_it_is_made(tmp_path: Path) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"

    async with (
        to(tmp_path, drips(start, 0.05, b"1\r\nx\r\n")) as client,
        client.stream("GET", "/r/a", headers={"Accept-Encoding": "gzip"}) as answer,
    ):
        parts = answer.aiter_raw()
        got = [await asyncio.wait_for(anext(parts), 30) for _ in range(3)]

    assert b"".join(got).strip(b"x") == b""


async def test_a_body_streams_to_the_service(tmp_path: Path) -> None:
    seen = asyncio.Event()
    running = asyncio.get_running_loop()

    async def reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"first")
        running.call_soon_threadsafe(seen.set)
        await reader.readuntil(b"last")
        writer.write(response(200, b"all"))

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.wait_for(seen.wait(), 30)
        yield b"last"

    async with to(tmp_path, reads) as client:
        answer = await client.post("/r/a", content=body())

    assert answer.text == "all"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_arrives_whole(tmp_path: Path, chunked: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 50_000

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        size = 0
        while size < 500_000:
            size += (await reader.read(65_536)).count(b"x")
        writer.write(response(200, str(size).encode()))

    async with to(tmp_path, counts) as client:
        answer = await client.post("/r/a", content=parts() if chunked else b"x" * 500_000)

    assert answer.text == "500000"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_413(tmp_path: Path, chunked: bool) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1000

    async with to(tmp_path, echoes(), body_limit="10kB") as client:
        answer = await client.post("/r/a", content=parts() if chunked else b"x" * 20_000)

    assert answer.status_code == 413


async def test_a_caller_that_leaves_ends_the_call(tmp_path: Path) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()
    running = asyncio.get_running_loop()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        running.call_soon_threadsafe(asked.set)
        await reader.read()  # until prober closes the connection
        running.call_soon_threadsafe(gone.set)

    async with to(tmp_path, waits) as client:
        call = asyncio.create_task(client.get("/r/a", timeout=60))
        await asyncio.wait_for(asked.wait(), 20)

        call.cancel()

        await asyncio.wait_for(gone.wait(), 20)
        assert (await client.breaker("hermes"))["failure_count"] == 0


async def test_a_route_takes_only_its_methods(tmp_path: Path) -> None:
    async with to(tmp_path, echoes()) as client:
        assert (await client.delete("/r/a")).status_code == 405


async def test_the_rest_of_a_path_may_be_passed_on(tmp_path: Path) -> None:
    route = {"path": "/all/{rest:path}", "to": "/v1/{rest:path}"}

    async with to(tmp_path, echoes(), **route) as client:
        answer = await client.get("/all/a/b%2Fc")

    assert answer.text.startswith("GET /v1/a/b%2Fc HTTP/1.1\r\n")


async def test_a_service_that_left_the_configuration_is_503(tmp_path: Path) -> None:
    async with to(tmp_path, answers(200)) as client:
        client.context.state.retarget([])
        answer = await client.get("/r/a")

    assert (answer.status_code, answer.json()["error"]) == (
        503,
        "hermes is not a service any more",
    )


async def test_what_comes_round_in_a_circle_is_508(tmp_path: Path) -> None:
    async with to(tmp_path, echoes()) as client:
        pseudonym = head(await client.get("/r/a"))["via"]
        answer = await client.get("/r/a", headers={"Via": pseudonym})

    assert answer.status_code == 508


async def test_a_redirect_is_the_callers_to_follow(tmp_path: Path) -> None:
    pages = {"/x/a": response(302, b"", {"Location": "/x/b"})}

    async with to(tmp_path, answers_by_path(pages)) as client:
        answer = await client.get("/r/a")

    assert (answer.status_code, answer.headers["location"]) == (302, "/x/b")


async def test_forwarded_routes_are_documented(tmp_path: Path) -> None:
    async with to(tmp_path, echoes()) as client:
        document = (await client.get("/api/v1/openapi.json")).json()

    described = document["paths"]["/r/{name}"]["post"]
    assert [parameter["name"] for parameter in described["parameters"]] == ["name"]
    assert {"401", "502", "503", "504"} <= described["responses"].keys()
