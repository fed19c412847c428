"""Probe a target by one echo request."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import sys
import time
from pathlib import Path
from typing import NamedTuple, cast

from prober.blackbox import faults
from prober.blackbox.addresses import NoAddress, chosen
from prober.blackbox.job import Job
from prober.blackbox.streams import open_socket
from prober.module import IcmpModule

PAYLOAD = b"prober: are you still there?"
HOPS = 64
LARGEST = 65_536
HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence: RFC 792, RFC 4443
# Of Linux's <linux/in.h>; Python doesn't name them.
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_RECVTTL = 10, 2, 12
GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")


class Family(NamedTuple):
    """What differs between IPv4 and IPv6."""

    protocol: int
    request: int
    reply: int
    level: int
    hops: int
    wants_hops: int
    hops_kind: int


FAMILIES = {
    socket.AF_INET: Family(
        socket.IPPROTO_ICMP,
        8,
        0,
        socket.IPPROTO_IP,
        socket.IP_TTL,
        IP_RECVTTL,
        socket.IP_TTL,
    ),
    socket.AF_INET6: Family(
        socket.IPPROTO_ICMPV6,
        128,
        129,
        socket.IPPROTO_IPV6,
        socket.IPV6_UNICAST_HOPS,
        socket.IPV6_RECVHOPLIMIT,
        socket.IPV6_HOPLIMIT,
    ),
}


class Echo(NamedTuple):
    """One request, and where it goes."""

    sock: socket.socket
    family: Family
    is_raw: bool
    packet: bytes


async def run(job: Job) -> bool:
    """Whether the target sent the echo back."""
    for phase in ("resolve", "setup", "rtt"):
        _took(job, phase, 0.0)
    try:
        async with asyncio.timeout(job.deadline - time.monotonic()):
            return await _probe(job, cast(IcmpModule, job.module.spec))
    except TimeoutError:
        job.report.say("timed out")
    except (NoAddress, OSError) as error:
        job.report.say(f"failed: {faults.sentence(error)}")
    return False


async def _probe(job: Job, module: IcmpModule) -> bool:
    began = time.monotonic()
    address = await chosen(job, job.target, module.addressing)
    resolved = time.monotonic()
    _took(job, "resolve", resolved - began)
    sock = _opened(job, address, module.addressing.source)
    with sock:
        echo = _prepared(sock, module)
        sock.connect((address, 0))  # so that only its packets, and errors on the way, come back
        began = time.monotonic()
        _took(job, "setup", began - resolved)
        sock.send(echo.packet)
        hops = await _answered(echo)
        _took(job, "rtt", time.monotonic() - began)
    _tell_hops(job, hops)
    return True


def _opened(job: Job, address: str, source: str | None) -> socket.socket:
    """A socket for echoes: one that needs no privilege, or else a raw one."""
    family = FAMILIES[socket.AF_INET6 if ":" in address else socket.AF_INET]
    try:
        return open_socket(address, socket.SOCK_DGRAM, source, family.protocol)
    except PermissionError:
        job.report.say(f"no ICMP without privileges: {_why_not()}; trying a raw socket")
    try:
        return open_socket(address, socket.SOCK_RAW, source, family.protocol)
    except PermissionError:
        raise OSError(
            "prober may not send ICMP; put its group into net.ipv4.ping_group_range, "
            "or give it CAP_NET_RAW"
        ) from None


def _why_not() -> str:
    try:
        low, high = GROUPS.read_text().split()
    except (OSError, ValueError):
        return "the system forbids it"
    return f"net.ipv4.ping_group_range is {low} to {high}, and prober's group is not in it"


def _prepared(sock: socket.socket, module: IcmpModule) -> Echo:
    family = FAMILIES[socket.AddressFamily(sock.family)]
    sock.setsockopt(family.level, family.hops, module.ttl or HOPS)
    sock.setsockopt(family.level, family.wants_hops, 1)
    if module.dont_fragment and sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    payload = PAYLOAD[: module.payload_size or None].ljust(module.payload_size, b"\0")
    identifier, sequence = random.getrandbits(16), random.getrandbits(16)
    packet = HEADER.pack(family.request, 0, 0, identifier, sequence) + payload
    # For all others the kernel computes it.
    if sock.type == socket.SOCK_RAW and sock.family == socket.AF_INET:
        packet = packet[:2] + checksum(packet) + packet[4:]
    return Echo(sock, family, sock.type == socket.SOCK_RAW, packet)


async def _answered(echo: Echo) -> int | None:
    """Wait for the echo; the hops that its packet had left, where that is known."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    loop.add_reader(echo.sock, arrived.set)
    try:
        while True:
            await arrived.wait()
            arrived.clear()
            while (came := _received(echo)) is not None:
                if is_reply(echo, came[0]):
                    return came[1]
    finally:
        loop.remove_reader(echo.sock)


def _received(echo: Echo) -> tuple[bytes, int | None] | None:
    try:
        data, ancillary, _, _ = echo.sock.recvmsg(LARGEST, socket.CMSG_SPACE(4))
    except BlockingIOError:
        return None
    if echo.is_raw and echo.sock.family == socket.AF_INET:
        data = data[(data[0] & 0xF) * 4 :]  # behind the header of IP
    told = {(level, kind): value for level, kind, value in ancillary}
    hops = told.get((echo.family.level, echo.family.hops_kind))
    return data, None if hops is None else int.from_bytes(hops[:4], sys.byteorder)


def is_reply(echo: Echo, data: bytes) -> bool:
    """Whether it answers this very request; without a raw socket the kernel sees to identifiers."""
    start = 4 if echo.is_raw else 6
    if data[:2] != bytes((echo.family.reply, 0)):
        return False
    return data[start:] == echo.packet[start:]


def checksum(packet: bytes) -> bytes:
    """The Internet checksum: RFC 1071."""
    words: tuple[int, ...] = struct.unpack(
        f"!{(len(packet) + 1) // 2}H", packet + b"\0" * (len(packet) % 2)
    )
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def _tell_hops(job: Job, hops: int | None) -> None:
    if hops is not None:
        job.report.gauge(
            "probe_icmp_reply_hop_limit", "Replied packet hop limit (TTL for ipv4)", hops
        )


def _took(job: Job, phase: str, seconds: float) -> None:
    name = "probe_icmp_duration_seconds"
    job.report.gauge(name, "Duration of icmp request by phase", seconds, {"phase": phase})
