"""Requests that try to be understood in two ways, sent as raw bytes."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from fleets import service
from gateway.gates import HEADER, TOKEN, gate
from servers import echoes, serving

ROUTES = [
    {"path": "/r/{name}", "method": ["GET", "POST"], "service": "hermes", "to": "/x/{name}"},
    {"path": "/all/{rest:path}", "service": "hermes", "to": "/v1/{rest:path}"},
]


async def sent(folder: Path, start: str, *headers: str, body: str = "") -> tuple[int, int, str]:
    """The code, how many connections the service got, and what it was asked first."""
    lines = [start, f"{HEADER}: {TOKEN}", "Connection: close", *headers]
    raw = "\r\n".join(lines) + "\r\n\r\n" + body
    with serving(echoes()) as server:
        async with gate(folder, [service("hermes", server.port)], forward=ROUTES) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(raw.encode("latin-1"))
            answer = (await asyncio.wait_for(reader.read(), 30)).decode("latin-1")
            writer.close()
    return int(answer.split()[1]), server.accepted, answer.partition("\r\n\r\n")[2]


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 3", "Content-Length: 5"),
        ("Content-Length: 3, 5",),
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, gzip",),
        ("Content-Length: +3",),
        ("Content-Length: -1",),
        ("Content-Length : 3",),
        ("X: a\x00b",),
        ("X y: a",),
        ("X: a\r\n b: folded\r\n\x0b c",),
    ],
)
async def test_a_body_whose_length_is_in_doubt_is_refused(
    tmp_path: Path, headers: tuple[str, ...]
) -> None:
    start = "POST /r/a HTTP/1.1\r\nHost: x"

    code, asked, _ = await sent(tmp_path, start, *headers, body="0\r\n\r\nGET /x HTTP/1.1\r\n\r\n")

    assert (400 <= code < 502 and code != 500, asked) == (True, 0)


@pytest.mark.parametrize(
    "path",
    [
        "/r/..",
        "/r/%2e%2e",
        "/r/%2E.",
        "/r/..%2f..%2fadmin",
        "/r/%2e%2e%5cadmin",
        "/r/%252e%252e",
        "/r/..;a=b",
        "/r/a%0d%0aX-Own:%20forged",
        "/r/a%00",
        "/all/a/../../admin",
        "/all/%2e%2e/admin",
        "/all/a/..",
        "/all/./a",
    ],
)
async def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    code, asked, _ = await sent(tmp_path, f"GET {path} HTTP/1.1\r\nHost: x")

    assert (code, asked) == (400, 0)


@pytest.mark.parametrize("path", ["/r/a\xe9", "/r/a?q=\xe9", "/r/a b", "/r/a\tb"])
async def test_what_no_url_may_hold_is_refused(tmp_path: Path, path: str) -> None:
    code, asked, _ = await sent(tmp_path, f"GET {path} HTTP/1.1\r\nHost: x")

    assert (code, asked) == (400, 0)


async def test_line_breaks_in_a_query_stay_quoted(tmp_path: Path) -> None:
    start = "GET /r/a?q=%0d%0aX-Own:%20forged HTTP/1.1\r\nHost: x"

    code, _, asked = await sent(tmp_path, start)

    assert code == 200
    assert asked.startswith("GET /x/a?q=%0d%0aX-Own:%20forged HTTP/1.1\r\n")
    assert not re.search("^x-own:", asked, re.MULTILINE | re.IGNORECASE)


@pytest.mark.parametrize(
    ("target", "code"), [("http://evil.example/r/a", 200), ("//evil.example/r/a", 404)]
)
async def test_the_absolute_form_leads_to_no_other_host(
    tmp_path: Path, target: str, code: int
) -> None:
    got, _, asked = await sent(tmp_path, f"GET {target} HTTP/1.1\r\nHost: x")

    assert got == code
    assert code == 404 or asked.startswith("GET /x/a HTTP/1.1\r\n")


async def test_the_service_is_told_its_own_host(tmp_path: Path) -> None:
    _, _, asked = await sent(tmp_path, "GET /r/a HTTP/1.1\r\nHost: evil.example")

    hosts = re.findall("^host: (.*)\r$", asked, re.MULTILINE | re.IGNORECASE)
    assert len(hosts) == 1 and hosts[0].startswith("127.0.0.1:")


async def test_a_chunked_body_is_framed_anew(tmp_path: Path) -> None:
    body = "5;ext=1\r\nhello\r\n0\r\nX-Trailer: forged\r\n\r\n"
    headers = ("Transfer-Encoding: chunked", "Trailer: X-Trailer")

    start = "POST /r/a HTTP/1.1\r\nHost: x"

    code, _, asked = await sent(tmp_path, start, *headers, body=body)

    assert code == 200
    assert "ext=1" not in asked and "forged" not in asked
