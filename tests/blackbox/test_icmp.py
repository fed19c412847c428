"""What the zoo can't show of pings: missing rights, and packets that are not ours."""

from __future__ import annotations

import socket
import struct

import pytest
from blackbox.jobs import job

from prober.blackbox import icmp
from prober.module import Addressing, IcmpModule

IP4 = Addressing("ip4")


def test_a_packet_with_its_checksum_sums_up_to_nothing() -> None:
    packet = b"\x08\0\0\0\x12\x34\0\1prober"
    whole = packet[:2] + icmp.checksum(packet) + packet[4:]

    assert icmp.checksum(whole) == b"\0\0"


def test_an_odd_packet_has_a_checksum_too() -> None:
    assert icmp.checksum(b"\x01\x02\x03") == struct.pack("!H", 0xFFFF - 0x0102 - 0x0300)


async def test_a_process_without_rights_is_told_what_would_help(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(icmp, "open_socket", forbidden)
    with job("127.0.0.1", IcmpModule(IP4)) as asked:
        well = await icmp.run(asked)

    assert not well
    assert "net.ipv4.ping_group_range" in asked.report.log[-2]
    assert asked.report.log[-1].endswith("or give it CAP_NET_RAW")


REPLIES = {
    "the echo": (b"\0\0\xab\xcd\x12\x34\0\1prober", True),
    "our own request": (b"\x08\0\xab\xcd\x12\x34\0\1prober", False),
    "somebody else's": (b"\0\0\xab\xcd\x12\x35\0\1prober", False),
    "an earlier one": (b"\0\0\xab\xcd\x12\x34\0\0prober", False),
    "other words": (b"\0\0\xab\xcd\x12\x34\0\1PROBER", False),
    "no words": (b"\0\0\xab\xcd\x12\x34\0\1", False),
    "half a head": (b"\0", False),
}


@pytest.mark.parametrize("case", REPLIES)
def test_only_the_echo_of_this_very_request_counts(case: str) -> None:
    data, counts = REPLIES[case]
    with socket.socket() as sock:
        sent = icmp.Echo(sock, icmp.FAMILIES[socket.AF_INET], True, b"\x08\0\0\0\x12\x34\0\1prober")

        assert icmp.is_reply(sent, data) is counts
