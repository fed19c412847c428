from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path

import pytest
import uvloop
from fetching import fetch
from patience import until
from servers import (
    Certificate,
    answers,
    answers_by_path,
    black_hole,
    drips,
    echoes,
    hangs,
    make_certificate,
    redirects,
    response,
    says,
    serving,
)

from prober import __version__
from prober.model import Phase, Reason
from prober.probes.engine import Engine
from prober.probes.exchange import Exchange, Options

POST = Options(method="POST", body=b'{"a": 1}')


async def test_an_answer_brings_its_code_and_body(engine: Engine) -> None:
    with serving(answers(201, b"made")) as server:
        exchange = await fetch(engine, server.url)

    assert (exchange.http_code, exchange.body, exchange.error) == (201, b"made", None)


async def test_a_request_carries_no_header_that_nobody_asked_for(engine: Engine) -> None:
    with serving(echoes()) as server:
        exchange = await fetch(engine, server.url + "/a?b=c")

    head = f"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    assert exchange.body.decode() == f"{head}User-Agent: prober/{__version__}\r\n\r\n"


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "madre.local"),
        ("X-VX11-Token", "señal"),
        ("User-Agent", "me"),
        ("Accept", "text/*"),
        ("Content-Type", "application/json"),
        ("X-Empty", ""),
    ],
)
async def test_a_given_header_is_sent_once_as_it_is(
    engine: Engine, header: tuple[str, str]
) -> None:
    with serving(echoes()) as server:
        exchange = await fetch(engine, server.url, options=POST._replace(headers=(header,)))

    lines = exchange.body.decode().split("\r\n")
    assert [x for x in lines if x.startswith(header[0])] == [": ".join(header).rstrip(" ")]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "GET", "DELETE"])
async def test_a_body_is_sent_with_any_method(engine: Engine, method: str) -> None:
    with serving(echoes()) as server:
        exchange = await fetch(engine, server.url, options=POST._replace(method=method))

    assert exchange.body.startswith(f"{method} / HTTP/1.1\r\n".encode())
    assert exchange.body.endswith(b'Content-Length: 8\r\n\r\n{"a": 1}')


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
async def test_a_method_works_without_a_body(engine: Engine, method: str) -> None:
    with serving(echoes()) as server:
        exchange = await fetch(engine, server.url, options=Options(method))

    assert exchange.body.startswith(f"{method} / HTTP/1.1\r\n".encode())


async def test_a_head_request_does_not_wait_for_a_body(engine: Engine) -> None:
    with serving(says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")) as server:
        exchange = await fetch(engine, server.url, options=Options("HEAD"))

    assert (exchange.http_code, exchange.error) == (200, None)


async def test_a_large_body_is_sent_without_waiting_for_leave(engine: Engine) -> None:
    body = b"x" * 2_000_000
    with serving(echoes()) as server:
        exchange = await fetch(engine, server.url, options=Options("POST", body=body))

    assert b"Expect" not in exchange.body


async def test_dots_in_a_path_are_left_alone(engine: Engine) -> None:
    with serving(echoes()) as server:
        exchange = await fetch(engine, server.url + "/a/../b")

    assert exchange.body.startswith(b"GET /a/../b ")


async def test_an_ipv6_host_is_reached(engine: Engine) -> None:
    with serving(answers(200, b"six"), host="::1") as server:
        exchange = await fetch(engine, server.url)

    assert exchange.body == b"six"


async def test_a_proxy_in_the_environment_is_ignored(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answers(200)) as server:
        exchange = await fetch(engine, server.url)

    assert exchange.http_code == 200


@pytest.mark.parametrize("limit", [1, 10, 1000, 65_536])
async def test_reading_stops_at_the_body_limit_without_a_failure(
    engine: Engine, limit: int
) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * limit
    with serving(drips(endless)) as server:
        exchange = await fetch(engine, server.url, options=Options(body_limit=limit))

    assert (exchange.http_code, exchange.error) == (200, None)
    assert exchange.body == b"x" * limit


async def test_a_redirect_is_followed(engine: Engine) -> None:
    with serving(answers(200, b"there")) as there, serving(redirects(there.url)) as here:
        exchange = await fetch(engine, here.url)

    assert (exchange.http_code, exchange.body) == (200, b"there")


async def test_a_redirect_is_an_answer_where_it_is_not_to_be_followed(engine: Engine) -> None:
    with serving(redirects("/elsewhere")) as server:
        exchange = await fetch(engine, server.url, options=Options(follow_redirects=False))

    assert (exchange.http_code, server.accepted) == (302, 1)


async def test_a_redirect_loop_ends_after_ten_turns(engine: Engine) -> None:
    with serving(redirects("/again")) as server:
        exchange = await fetch(engine, server.url)

    assert (exchange.reason, exchange.http_code) == (Reason.PROTOCOL, 302)
    assert server.accepted == 12  # once by ourselves, then by libcurl


async def test_each_request_makes_a_connection_of_its_own(engine: Engine) -> None:
    with serving(answers(200)) as server:
        for _ in range(5):
            await fetch(engine, server.url)

        assert server.accepted == 5


async def test_keep_alive_reuses_one_connection(engine: Engine) -> None:
    with serving(answers(200)) as server:
        for _ in range(5):
            await fetch(engine, server.url, options=Options(keep_alive=True))

        assert server.accepted == 1


async def test_kept_connections_stay_for_many_hosts(engine: Engine) -> None:
    hosts = [f"127.0.1.{i}" for i in range(1, 41)]
    options = Options(keep_alive=True)
    with serving(answers(200), host="0.0.0.0") as server:
        for host in hosts * 2:
            await fetch(engine, f"http://{host}:{server.port}", options=options)

        assert server.accepted == len(hosts)


async def test_timings_name_the_phase_that_took_long(engine: Engine) -> None:
    with serving(answers(200, b"late", delay_s=0.1)) as server:
        exchange = await fetch(engine, server.url)

    assert 100 <= exchange.timings.processing < 200
    assert sum(exchange.timings) == pytest.approx(exchange.total_ms, abs=1)


async def test_a_slow_body_is_time_of_transfer(engine: Engine) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    with serving(drips(start, every_s=0.05)) as server:
        exchange = await fetch(engine, server.url)

    assert exchange.timings.transfer >= 100


async def test_times_of_redirects_add_up(engine: Engine) -> None:
    with (
        serving(answers(200, delay_s=0.05)) as there,
        serving(redirects(there.url, delay_s=0.05)) as here,
    ):
        exchange = await fetch(engine, here.url)

    assert exchange.timings.processing >= 100
    assert exchange.total_ms >= 100


async def test_times_have_three_decimals_at_most(engine: Engine) -> None:
    with serving(answers(200)) as server:
        exchange = await fetch(engine, server.url)

    times = (*exchange.timings, exchange.total_ms)
    assert all(t >= 0 and round(t, 3) == t for t in times)


async def test_https_is_timed_and_its_certificate_read(
    engine: Engine, certificate: Certificate
) -> None:
    with serving(answers(200, b"safe"), certificate.context()) as server:
        exchange = await fetch(engine, server.url)

    days = ((exchange.tls_expiry or 0) - time.time()) / 86_400
    assert exchange.body == b"safe"
    assert exchange.timings.tls > 0
    assert 29 < days <= 30


@pytest.mark.parametrize(("name", "days"), [("elsewhere", 9), ("localhost", 9)])
async def test_the_expiry_of_an_untrusted_certificate_is_read(
    engine: Engine, tmp_path: Path, name: str, days: int
) -> None:
    other = make_certificate(tmp_path, name, days)
    with serving(answers(200), other.context()) as server:
        exchange = await fetch(engine, server.url)

    assert (exchange.reason, exchange.phase) == (Reason.TLS, Phase.TLS)
    assert 8 < ((exchange.tls_expiry or 0) - time.time()) / 86_400 <= 9


async def test_a_cancelled_fetch_leaves_the_engine_working(engine: Engine) -> None:
    with serving(hangs()) as dumb, serving(answers(200)) as server:
        fetching = asyncio.create_task(fetch(engine, dumb.url))
        await asyncio.sleep(0.05)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching

        assert (await fetch(engine, server.url)).http_code == 200


async def test_close_cancels_what_runs(certificate: Certificate) -> None:
    engine = Engine(asyncio.get_running_loop())
    with serving(hangs()) as server:
        fetching = asyncio.create_task(fetch(engine, server.url))
        await asyncio.sleep(0.05)
        engine.close()

        with pytest.raises(asyncio.CancelledError):
            await fetching


def open_sockets() -> int:
    gc.collect()
    return sum(link.is_socket() for link in Path("/proc/self/fd").iterdir())


async def test_no_socket_is_left_behind(engine: Engine, certificate: Certificate) -> None:
    before = open_sockets()
    with (
        serving(answers(200)) as plain,
        serving(answers(200), certificate.context()) as safe,
        serving(hangs()) as dumb,
        black_hole() as hole,
    ):
        inside = open_sockets()
        urls = [plain.url, safe.url, dumb.url, dumb.url.replace("http", "https"), hole]
        await asyncio.gather(*(fetch(engine, url, 0.2) for url in urls * 3))
        held = 2 * 3  # what the hanging server still holds
        await until(lambda: open_sockets() - inside <= held)

    await until(lambda: open_sockets() <= before)


async def test_transfers_run_side_by_side(engine: Engine) -> None:
    with serving(answers(200, delay_s=0.2)) as server:
        began = time.monotonic()
        exchanges = await asyncio.gather(*(fetch(engine, server.url) for _ in range(50)))

    assert {e.http_code for e in exchanges} == {200}
    assert time.monotonic() - began < 5.0  # one after the other would take 10 s


async def test_a_slow_loop_does_not_lose_a_timer(engine: Engine) -> None:
    with serving(hangs()) as server:
        fetching = asyncio.create_task(fetch(engine, server.url, 0.1))
        await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 - the loop is to stand still
        exchange = await asyncio.wait_for(fetching, 10)

    assert exchange.reason is Reason.TIMEOUT


async def test_different_options_do_not_mix(engine: Engine) -> None:
    tokens = [Options(headers=(("Token", str(i)),)) for i in range(20)]
    with serving(echoes()) as server:
        for options in tokens * 2:
            exchange = await fetch(engine, server.url, options=options)

            assert f"Token: {options.headers[0][1]}\r\n".encode() in exchange.body


async def test_a_kept_connection_that_the_server_closed_is_replaced(engine: Engine) -> None:
    once = response(200, b"bye")

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(once)

    with serving(closing) as server:
        for _ in range(3):
            exchange = await fetch(engine, server.url, options=Options(keep_alive=True))
            await asyncio.sleep(0.02)

            assert exchange.body == b"bye"


async def test_paths_are_answered_apart(engine: Engine) -> None:
    with serving(answers_by_path({"/a": response(200, b"A")})) as server:
        found = [(await fetch(engine, server.url + path)).http_code for path in ("/a", "/b")]

    assert found == [200, 404]


def test_an_engine_works_on_uvloop_too() -> None:
    async def one(url: str) -> Exchange:
        engine = Engine(asyncio.get_running_loop())
        try:
            return await fetch(engine, url)
        finally:
            engine.close()

    with (
        serving(answers(200)) as server,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        assert runner.run(one(server.url)).http_code == 200
