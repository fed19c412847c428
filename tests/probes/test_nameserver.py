from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from dns import flags, message, rcode, rdatatype, rrset
from fetching import fetch
from patience import given_time
from servers import answers, serving

from prober.model import Phase, Reason
from prober.probes import nameserver
from prober.probes.engine import Engine
from prober.probes.exchange import Options
from prober.wire import Wire

KINDS = {rdatatype.A: "A", rdatatype.AAAA: "AAAA"}
Zone = Mapping[tuple[str, str], str]


def reply(zone: Zone, asked: message.Message) -> message.Message:
    """What a name server that knows only this zone says."""
    question = asked.question[0]
    name, kind = question.name.to_text(omit_final_dot=True), KINDS[question.rdtype]
    said = message.make_response(asked)
    said.flags |= flags.RA
    if (name, kind) in zone:
        said.answer.append(rrset.from_text(question.name, 60, "IN", kind, zone[name, kind]))
    elif name == "ill.test":
        said.set_rcode(rcode.SERVFAIL)
    elif not any(known == name for known, _ in zone):
        said.set_rcode(rcode.NXDOMAIN)
    return said


@contextmanager
def name_server(zone: Zone | None) -> Iterator[str]:
    """The address of a name server for this zone; with None it is silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                packet, peer = udp.recvfrom(4096)
                if packet == b"end":
                    return
                if zone is not None:
                    udp.sendto(reply(zone, message.from_wire(packet)).to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        address = udp.getsockname()
        yield f"127.0.0.1:{address[1]}"
        udp.sendto(b"end", address)
        thread.join()


ZONE = {
    ("shop.test", "A"): "127.0.0.1",
    ("both.test", "A"): "127.0.0.1",
    ("both.test", "AAAA"): "::1",
}


@pytest.mark.parametrize(
    ("name", "addresses"), [("shop.test", ["127.0.0.1"]), ("both.test", ["::1", "127.0.0.1"])]
)
async def test_the_addresses_of_a_name_come_from_the_server(
    name: str, addresses: list[str]
) -> None:
    with name_server(ZONE) as server:
        assert await nameserver.ask(server, name, 2) == addresses


@pytest.mark.parametrize(
    ("name", "words"), [("gone.test", "knows no such name"), ("ill.test", "failed")]
)
async def test_a_name_without_an_address_is_told_with_the_server(name: str, words: str) -> None:
    with name_server(ZONE) as server, pytest.raises(socket.gaierror, match=f"{server} {words}"):
        await nameserver.ask(server, name, 2)


async def test_a_silent_server_takes_no_longer_than_the_time_given() -> None:
    with name_server(None) as server, pytest.raises(TimeoutError):
        await nameserver.ask(server, "shop.test", 0.2)


async def test_a_probe_finds_its_service_by_its_own_name_server(engine: Engine) -> None:
    with name_server(ZONE) as server, serving(answers(200, b"here")) as shop:
        options = Options(wire=Wire(resolver=server))
        exchange = await fetch(engine, f"http://shop.test:{shop.port}/", options=options)

    assert exchange.body == b"here"


@pytest.mark.parametrize(("zone", "reason"), [({}, Reason.DNS), (None, Reason.TIMEOUT)])
async def test_a_name_that_is_not_found_fails_in_resolve(
    engine: Engine, zone: Zone | None, reason: Reason
) -> None:
    with name_server(zone) as server:
        options = Options(wire=Wire(resolver=server))
        exchange = await given_time(
            lambda s: fetch(engine, "http://shop.test/", s, options),
            lambda found: found.reason is reason,
        )

    assert (exchange.reason, exchange.phase) == (reason, Phase.RESOLVE)
