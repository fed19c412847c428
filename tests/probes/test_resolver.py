from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fetching import fetch
from servers import answers, dead_port, echoes, serving

from prober.model import Phase, Reason
from prober.probes.engine import Engine
from prober.probes.exchange import Options
from prober.probes.resolver import Resolver, needs_resolving

Names = dict[str, Callable[[], list[str]]]


def entry(address: str) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return (family, socket.SOCK_STREAM, 6, "", (address, 0))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What the system's resolver says of each name, to be filled in; the others are unknown."""
    known: Names = {}

    def unknown() -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        return [entry(address) for address in known.get(host, unknown)()]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture
def silence() -> Iterator[Callable[[], list[str]]]:
    """A name server that doesn't answer before the test is over."""
    over = threading.Event()

    def ask() -> list[str]:
        over.wait(10)
        return ["127.0.0.1"]

    yield ask
    over.set()


async def test_a_name_is_connected_to_at_its_address(engine: Engine, names: Names) -> None:
    names["madre.test"] = lambda: ["127.0.0.1"]
    with serving(echoes()) as server:
        exchange = await fetch(engine, f"http://madre.test:{server.port}/")

    assert f"Host: madre.test:{server.port}\r\n".encode() in exchange.body


async def test_the_next_address_is_tried_where_one_refuses(engine: Engine, names: Names) -> None:
    names["madre.test"] = lambda: ["127.0.0.9", "::1"]
    with serving(answers(200), host="::1") as server:
        exchange = await fetch(engine, f"http://madre.test:{server.port}/")

    assert exchange.http_code == 200


async def test_a_name_that_moved_is_found_at_once(engine: Engine, names: Names) -> None:
    with serving(answers(200)) as server:
        url = f"http://madre.test:{server.port}/"
        names["madre.test"] = lambda: ["127.0.0.1"]
        before = await fetch(engine, url)
        names["madre.test"] = lambda: ["127.0.0.9"]
        after = await fetch(engine, url)

    assert (before.http_code, after.reason) == (200, Reason.REFUSED)


async def test_a_name_that_is_gone_is_noticed_at_once(engine: Engine, names: Names) -> None:
    names["madre.test"] = lambda: ["127.0.0.1"]
    with serving(answers(200)) as server:
        url = f"http://madre.test:{server.port}/"
        await fetch(engine, url)
        del names["madre.test"]
        exchange = await fetch(engine, url)

    assert (exchange.reason, exchange.phase) == (Reason.DNS, Phase.RESOLVE)


async def test_an_address_of_one_name_does_not_leak_to_another(
    engine: Engine, names: Names
) -> None:
    names["madre.test"] = lambda: ["127.0.0.1"]
    with serving(answers(200)) as server:
        found = [
            (await fetch(engine, f"http://{host}:{server.port}/")).reason
            for host in ("madre.test", "127.0.0.1", "switch.test")
        ]

    assert found == [None, None, Reason.DNS]


async def test_the_time_that_resolving_took_is_told(engine: Engine, names: Names) -> None:
    def slow() -> list[str]:
        time.sleep(0.1)
        return ["127.0.0.1"]

    names["madre.test"] = slow
    with serving(answers(200)) as server:
        exchange = await fetch(engine, f"http://madre.test:{server.port}/")

    assert 100 <= exchange.timings.resolve <= exchange.total_ms


async def test_a_name_server_that_is_silent_is_a_timeout_in_resolve(
    engine: Engine, names: Names, silence: Callable[[], list[str]]
) -> None:
    names["madre.test"] = silence
    began = time.monotonic()
    exchange = await fetch(engine, "http://madre.test/", 0.2)

    assert (exchange.reason, exchange.phase) == (Reason.TIMEOUT, Phase.RESOLVE)
    assert time.monotonic() - began < 5


async def test_names_that_hang_hold_up_no_other(
    engine: Engine, names: Names, silence: Callable[[], list[str]]
) -> None:
    hanging = [f"host{i}.test" for i in range(50)]
    names.update(dict.fromkeys(hanging, silence), **{"madre.test": lambda: ["127.0.0.1"]})
    with serving(answers(200)) as server:
        stuck = [asyncio.create_task(fetch(engine, f"http://{h}/", 9)) for h in hanging]
        await asyncio.sleep(0.05)
        exchange = await fetch(engine, f"http://madre.test:{server.port}/", 8)
        over = [task.done() for task in stuck]
        for task in stuck:
            task.cancel()

    assert (exchange.http_code, any(over)) == (200, False)


async def test_who_asks_for_the_same_name_meanwhile_shares_one_thread(
    names: Names, silence: Callable[[], list[str]]
) -> None:
    lookups: list[str] = []

    def counted() -> list[str]:
        lookups.append("madre.test")
        return silence()

    names["madre.test"] = counted
    resolver = Resolver(asyncio.get_running_loop())
    asking = [asyncio.create_task(resolver.resolve("madre.test", 0.1)) for _ in range(20)]

    assert {type(e) for e in await asyncio.gather(*asking, return_exceptions=True)} == {
        TimeoutError
    }
    assert lookups == ["madre.test"]


async def test_a_resolver_that_could_not_even_ask_is_probers_own_trouble(
    engine: Engine, names: Names
) -> None:
    def lacking() -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    names["madre.test"] = lacking
    exchange = await fetch(engine, "http://madre.test/")

    assert exchange.reason is Reason.PROBER


async def test_a_kept_connection_by_name_is_reused(engine: Engine, names: Names) -> None:
    names["madre.test"] = lambda: ["127.0.0.1"]
    with serving(answers(200)) as server:
        for _ in range(3):
            url = f"http://madre.test:{server.port}/"
            await fetch(engine, url, options=Options(keep_alive=True))

        assert server.accepted == 1


async def test_a_name_whose_port_is_closed_refuses(engine: Engine, names: Names) -> None:
    names["madre.test"] = lambda: ["127.0.0.1", "::1"]
    with dead_port() as port:
        exchange = await fetch(engine, f"http://madre.test:{port}/")

    assert exchange.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("host", "needed"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("[::1]", False),
        ("localhost", False),
        ("madre", True),
        ("a.example", True),
        ("1.2.3", True),
    ],
)
def test_only_names_need_resolving(host: str, needed: bool) -> None:
    assert needs_resolving(host) is needed


@pytest.mark.parametrize("name", ["a..test", "a" * 64 + ".test", "a\0b.test"])
async def test_what_is_no_name_has_no_address(name: str) -> None:
    with pytest.raises(socket.gaierror):
        await Resolver(asyncio.get_running_loop()).resolve(name, 5.0)


async def test_a_defect_in_a_thread_reaches_the_one_who_waits(names: Names) -> None:
    def defect() -> list[str]:
        raise RuntimeError("odd")

    names["madre.test"] = defect
    with pytest.raises(RuntimeError, match="odd"):
        await Resolver(asyncio.get_running_loop()).resolve("madre.test", 5.0)


async def test_a_kept_connection_is_left_where_its_name_has_moved(
    engine: Engine, names: Names
) -> None:
    with serving(answers(200)) as server:
        url, options = f"http://madre.test:{server.port}/", Options(keep_alive=True)
        names["madre.test"] = lambda: ["127.0.0.1"]
        before = [await fetch(engine, url, options=options) for _ in range(2)]
        names["madre.test"] = lambda: ["127.0.0.9"]
        after = await fetch(engine, url, options=options)

    assert [e.timings.connect > 0 for e in before] == [True, False]
    assert after.reason is Reason.REFUSED
