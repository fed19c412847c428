"""Wrong tokens in the log: told, but never token by token, and never in a flood."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from prober.gateway.attempts import ADDRESSES, LINES, Attempts


async def test_a_wrong_token_is_told_with_address_and_route() -> None:
    with capture_logs() as lines:
        Attempts().failed("192.0.2.1", "/events/ingest")

    assert lines == [
        {
            "event": "a wrong token",
            "address": "192.0.2.1",
            "route": "/events/ingest",
            "log_level": "warning",
        }
    ]


async def test_many_from_one_address_are_one_line_and_a_sum() -> None:
    attempts = Attempts(window_s=0.01)

    with capture_logs() as lines:
        for _ in range(500):
            attempts.failed("192.0.2.1", "/x")
        await asyncio.sleep(0.05)

    assert [line["event"] for line in lines] == ["a wrong token", "wrong tokens"]
    assert (lines[1]["attempts"], lines[1]["most"]) == (500, {"192.0.2.1": 500})


async def test_many_from_many_addresses_are_a_few_lines_and_little_memory() -> None:
    attempts = Attempts(window_s=0.01)

    with capture_logs() as lines:
        for n in range(5000):
            attempts.failed(f"10.0.{n >> 8}.{n & 255}", "/x")
        kept = len(attempts._counts)
        await asyncio.sleep(0.05)

    assert len(lines) == LINES + 1
    assert kept == ADDRESSES + 1
    assert lines[-1]["attempts"] == 5000


async def test_the_next_window_starts_anew() -> None:
    attempts = Attempts(window_s=0.01)
    attempts.failed("192.0.2.1", "/x")
    await asyncio.sleep(0.05)

    with capture_logs() as lines:
        attempts.failed("192.0.2.1", "/x")

    assert [line["event"] for line in lines] == ["a wrong token"]
