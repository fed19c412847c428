"""Probe a name server by one question."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import NamedTuple, cast

import dns.exception
import dns.flags
import dns.message
import dns.rdataclass
import dns.rdatatype

from prober.blackbox import faults, handshake, judging, records, targets
from prober.blackbox.addresses import NoAddress, chosen
from prober.blackbox.job import Job
from prober.blackbox.records import Reply
from prober.blackbox.streams import Stream, connected, open_socket
from prober.module import DnsModule

LARGEST = 512  # of an answer by UDP, since no larger one is asked for
LENGTH = struct.Struct("!H")
COUNTS = {
    "answer": "Returns number of entries in the answer resource record list",
    "authority": "Returns number of entries in the authority resource record list",
    "additional": "Returns number of entries in the additional resource record list",
}
SUCCEEDED = (
    "probe_dns_query_succeeded",
    "Displays whether or not the query was executed successfully",
)
TRANSPORTS = frozenset({"udp", "tcp"})
CLASSES = {"CS": "CLASS2"}  # what dnspython has no name for
OUTAGES = (targets.BadTarget, records.BadAnswer, NoAddress, dns.exception.DNSException, OSError)


class Asked(NamedTuple):
    """A name server, and what it is asked."""

    host: str
    address: str
    port: int
    query: dns.message.QueryMessage
    module: DnsModule


async def run(job: Job) -> bool:
    """Whether the name server answered, and as its module wants it to."""
    _declare(job)
    try:
        async with asyncio.timeout(job.deadline - time.monotonic()):
            return await _probe(job, cast(DnsModule, job.module.spec))
    except TimeoutError:
        job.report.say("timed out")
    except OUTAGES as error:
        job.report.say(f"failed: {faults.sentence(error)}")
    return False


def _declare(job: Job) -> None:
    for phase in ("resolve", "connect", "request"):
        _took(job, phase, 0.0)
    for section, text in COUNTS.items():
        job.report.gauge(f"probe_dns_{section}_rrs", text, 0)
    job.report.gauge(*SUCCEEDED, 0)


async def _probe(job: Job, module: DnsModule) -> bool:
    kind = dns.rdatatype.from_text(module.query_type)
    group = dns.rdataclass.from_text(CLASSES.get(module.query_class, module.query_class))
    if module.transport not in TRANSPORTS:
        job.report.say(f"transport_protocol is {module.transport!r}, and neither udp nor tcp")
        return False
    host, port = _host_and_port(job.target, module)
    began = time.monotonic()
    address = await chosen(job, host, module.addressing)
    _took(job, "resolve", time.monotonic() - began)
    if module.over_tls and module.transport != "tcp":
        job.report.say("DNS over TLS needs transport_protocol: tcp")
        return False
    flags = dns.flags.RD if module.recursion_desired else 0
    query = dns.message.make_query(_escaped(module.query_name), kind, group, flags=flags)
    number = targets.port_number(port, module.transport)
    reply = await _exchanged(job, Asked(host, address, number, query, module))
    _tell(job, reply, kind)
    return _is_well(job, reply, module)


def _escaped(name: str) -> str:
    # Else dnspython would ask for xn--… in place of letters beyond ASCII.
    return "".join(c if c.isascii() else "".join(f"\\{b:03}" for b in c.encode()) for c in name)


def _host_and_port(target: str, module: DnsModule) -> tuple[str, str]:
    try:
        return targets.split(target)
    except targets.BadTarget:
        return target, "853" if module.over_tls else "53"


async def _exchanged(job: Job, asked: Asked) -> Reply:
    job.report.say(f"asking {asked.address}, port {asked.port}, for {asked.query.question[0]}")
    began = connected_at = time.monotonic()
    try:
        if asked.module.transport == "udp":
            return await _by_udp(asked)
        stream = await connected(asked.address, asked.port, asked.module.addressing.source)
        try:
            if asked.module.over_tls:
                await _encrypt(stream, asked)
            connected_at = time.monotonic()
            return await _by_stream(stream, asked.query)
        finally:
            stream.close()
    finally:
        _took(job, "connect", connected_at - began)
        _took(job, "request", time.monotonic() - connected_at)


async def _by_udp(asked: Asked) -> Reply:
    with open_socket(asked.address, socket.SOCK_DGRAM, asked.module.addressing.source) as sock:
        sock.connect((asked.address, asked.port))
        sock.send(asked.query.to_wire())
        while True:
            data = await asyncio.get_running_loop().sock_recv(sock, LARGEST)
            reply = records.read(data)
            if reply.number == asked.query.id:
                return reply  # others may be late answers to earlier questions


async def _encrypt(stream: Stream, asked: Asked) -> None:
    options = asked.module.tls_options
    await stream.encrypt(await handshake.context(options), options.server_name or asked.host)


async def _by_stream(stream: Stream, query: dns.message.QueryMessage) -> Reply:
    wire = query.to_wire()
    await stream.write(LENGTH.pack(len(wire)) + wire)
    received = await _read(stream, b"", LENGTH.size)
    whole = LENGTH.size + LENGTH.unpack_from(received)[0]
    reply = records.read((await _read(stream, received, whole))[LENGTH.size : whole])
    if reply.number != query.id:
        raise OSError("the answer belongs to another question: its number differs")
    return reply


async def _read(stream: Stream, received: bytes, size: int) -> bytes:
    while len(received) < size:
        data = await stream.read()
        if not data:
            raise OSError("the connection was closed before the answer was complete")
        received += data
    return received


def _tell(job: Job, reply: Reply, kind: int) -> None:
    sections = zip(COUNTS.items(), (reply.answer, reply.authority, reply.additional), strict=True)
    for (section, text), found in sections:
        job.report.gauge(f"probe_dns_{section}_rrs", text, len(found))
    job.report.gauge(*SUCCEEDED, 1)
    if kind == dns.rdatatype.SOA:
        serials = [record.serial for record in reply.answer if record.serial is not None]
        help_text = "Returns the serial number of the zone"
        job.report.gauge("probe_dns_serial", help_text, serials[-1] if serials else 0)


def _is_well(job: Job, reply: Reply, module: DnsModule) -> bool:
    for record in (*reply.answer, *reply.authority, *reply.additional):
        job.report.say(f"got {record.text}")
    found = judging.faults(reply, module)
    for fault in found:
        job.report.say(fault)
    return not found


def _took(job: Job, phase: str, seconds: float) -> None:
    name = "probe_dns_duration_seconds"
    job.report.gauge(name, "Duration of DNS request by phase", seconds, {"phase": phase})
