"""Requests that no ordinary client sends, as raw bytes: nobody gets a 5xx for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from gateway.gates import HEADER, Gate, gate

from prober.config import load

VX11 = Path(__file__).parents[2] / "config" / "vx11.yaml"
SECRET = "a-token-for-the-vx11-fleet"
DEEP = b"[" * 30_000 + b"]" * 30_000
SENT: dict[str, tuple[bytes, bytes, bytes]] = {
    "an odd method": (b"BREW / HTTP/1.1", b"", b""),
    "a known method of others": (b"PROPFIND /health HTTP/1.1", b"", b""),
    "CONNECT": (b"CONNECT example.org:443 HTTP/1.1", b"", b""),
    "an asterisk": (b"OPTIONS * HTTP/1.1", b"", b""),
    "no UTF-8 in a path": (b"GET /api/v1/services/%ff%fe HTTP/1.1", b"", b""),
    "raw bytes in a path": (b"GET /api/v1/services/\xff HTTP/1.1", b"", b""),
    "NUL in a path": (b"GET /operator/session/%00 HTTP/1.1", b"", b""),
    "half an escape": (b"GET /operator/session/%f HTTP/1.1", b"", b""),
    "a surrogate": (b"GET /operator/session/%ed%a0%80 HTTP/1.1", b"", b""),
    "no UTF-8 in a query": (b"GET /operator/snapshot?t=%ff HTTP/1.1", b"", b""),
    "a huge number": (b"GET /operator/snapshot?t=" + b"9" * 5000 + b" HTTP/1.1", b"", b""),
    "a long path": (b"GET /" + b"a" * 15_000 + b" HTTP/1.1", b"", b""),
    "a huge header": (b"GET /none HTTP/1.1", b"X: " + b"a" * 70_000, b""),
    "many headers": (b"GET /none HTTP/1.1", b"\r\n".join([b"X: y"] * 2000), b""),
    "an odd header": (b"GET /none HTTP/1.1", b"X-\xff: \x01\xff", b""),
    "deep JSON": (b"POST /events/ingest HTTP/1.1", b"", DEEP),
    "deep JSON to the chat": (b"POST /operator/chat HTTP/1.1", b"", DEEP),
    "no UTF-8 in JSON": (b"POST /events/ingest HTTP/1.1", b"", b'{"type":"\xff"}'),
    "a surrogate in JSON": (b"POST /events/ingest HTTP/1.1", b"", b'{"type":"\\ud800"}'),
    "a surrogate said": (b"POST /operator/chat HTTP/1.1", b"", b'{"message":"\\ud800"}'),
    "nothing": (b"POST /events/ingest HTTP/1.1", b"", b""),
    "too much": (b"POST /events/ingest HTTP/1.1", b"", b" " * 65_537),
    "no HTTP": (b"\x16\x03\x01\x02\x00", b"", b""),
    "another version": (b"GET / HTTP/9.9", b"", b""),
}


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[Gate]:
    """VX11's gateway, none of whose services is asked."""
    config = load.load([VX11], {"VX11_TOKEN": SECRET})
    async with gate(tmp_path, config.services, config.gateway) as client:
        yield client


async def answered(link: Gate, raw: bytes) -> tuple[int, bytes]:
    """The code and the body of the answer to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    writer.write(raw)
    head, _, body = (await asyncio.wait_for(reader.read(), 30)).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


def request(start: bytes, headers: bytes, body: bytes, token: bool) -> bytes:
    lines = [start, b"Host: x", b"Connection: close", b"Content-Type: application/json"]
    lines += [f"{HEADER}: {SECRET}".encode()] if token else []
    lines += [headers] if headers else []
    lines += [b"Content-Length: %d" % len(body)] if start.startswith(b"POST") else []
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.mark.parametrize("token", [True, False])
@pytest.mark.parametrize("name", SENT)
async def test_every_refusal_has_the_one_shape(link: Gate, name: str, token: bool) -> None:
    code, body = await answered(link, request(*SENT[name], token=token))

    told = json.loads(body)
    assert 400 <= code < 500
    assert (told["status_code"], type(told["error"])) == (code, str)
    assert (await link.get("/health")).status_code == 200


@pytest.mark.parametrize("header", [b"X-VX11-Token: \xff\xfe", b"Authorization: Bearer"])
async def test_an_odd_token_is_none(link: Gate, header: bytes) -> None:
    start = b"GET /vx11/overview HTTP/1.1"

    code, body = await answered(link, request(start, header, b"", token=False))

    assert (code, json.loads(body)["status_code"]) in {(401, 401), (403, 403)}


async def test_an_event_of_just_64_kib_is_taken(link: Gate) -> None:
    event = b'{"type":"a","payload":"%s"}'
    body = event % (b"x" * (65_536 - len(event % b"")))

    code, _ = await answered(link, request(b"POST /events/ingest HTTP/1.1", b"", body, token=True))

    assert (len(body), code) == (65_536, 200)
