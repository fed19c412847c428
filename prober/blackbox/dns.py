"""Probe a name server by one question."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Sequence
from typing import NamedTuple, cast

import dns.exception
import dns.flags
import dns.message
import dns.rdataclass
import dns.rdatatype

from prober import patterns
from prober.blackbox import handshake, records, targets
from prober.blackbox.addresses import NoAddress, chosen
from prober.blackbox.job import Job
from prober.blackbox.records import Record, Reply
from prober.blackbox.streams import Stream, connected, open_socket
from prober.module import DnsModule, RecordChecks

LARGEST = 512  # of an answer by UDP, since no larger one is asked for
LENGTH = struct.Struct("!H")
RCODES = {
    "NOERROR": 0,
    "FORMERR": 1,
    "SERVFAIL": 2,
    "NXDOMAIN": 3,
    "NOTIMP": 4,
    "REFUSED": 5,
    "YXDOMAIN": 6,
    "YXRRSET": 7,
    "NXRRSET": 8,
    "NOTAUTH": 9,
    "NOTZONE": 10,
    "BADSIG": 16,
    "BADKEY": 17,
    "BADTIME": 18,
    "BADMODE": 19,
    "BADNAME": 20,
    "BADALG": 21,
    "BADTRUNC": 22,
    "BADCOOKIE": 23,
}
COUNTS = {
    "answer": "Returns number of entries in the answer resource record list",
    "authority": "Returns number of entries in the authority resource record list",
    "additional": "Returns number of entries in the additional resource record list",
}
SUCCEEDED = (
    "probe_dns_query_succeeded",
    "Displays whether or not the query was executed successfully",
)
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
        job.report.say(f"failed: {getattr(error, 'strerror', None) or error}")
    return False


def _declare(job: Job) -> None:
    for phase in ("resolve", "connect", "request"):
        _took(job, phase, 0.0)
    for section, text in COUNTS.items():
        job.report.gauge(f"probe_dns_{section}_rrs", text, 0)
    job.report.gauge(*SUCCEEDED, 0)


async def _probe(job: Job, module: DnsModule) -> bool:
    kind = dns.rdatatype.from_text(module.query_type)
    group = dns.rdataclass.from_text(module.query_class)
    host, port = _host_and_port(job.target, module)
    began = time.monotonic()
    address = await chosen(job, host, module.addressing)
    _took(job, "resolve", time.monotonic() - began)
    if module.over_tls and module.transport != "tcp":
        job.report.say("DNS over TLS needs transport_protocol: tcp")
        return False
    flags = dns.flags.RD if module.recursion_desired else 0
    query = dns.message.make_query(module.query_name, kind, group, flags=flags)
    number = targets.port_number(port, module.transport)
    reply = await _exchanged(job, Asked(host, address, number, query, module))
    _tell(job, reply, kind)
    return _is_well(job, reply, module)


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
    faults = [
        _rcode_fault(reply.rcode, module.valid_rcodes),
        _fault("answer", reply.answer, module.answer),
        _fault("authority", reply.authority, module.authority),
        _fault("additional", reply.additional, module.additional),
    ]
    for section in (reply.answer, reply.authority, reply.additional):
        for record in section:
            job.report.say(f"got {record.text}")
    found = [fault for fault in faults if fault]
    for fault in found:
        job.report.say(fault)
    return not found


def _rcode_fault(rcode: int, valid: Sequence[str]) -> str | None:
    unknown = [name for name in valid if name not in RCODES]
    if unknown:
        return f"{', '.join(unknown)} in valid_rcodes is no rcode"
    if rcode in {RCODES[name] for name in valid}:
        return None
    called = next((name for name, number in RCODES.items() if number == rcode), rcode)
    return f"the answer's rcode is {called}, and not one of {', '.join(valid)}"


def _fault(section: str, found: Sequence[Record], checks: RecordChecks) -> str | None:
    """What is wrong with a section's records, or None."""
    texts = [record.text for record in found]
    for rule, has_failed in (
        ("fail_if_matches_regexp", _any(texts, checks.fail_if_matches)),
        # blackbox_exporter fails where not all match: the opposite of the rule's name.
        ("fail_if_all_match_regexp", bool(texts) and _all(texts, checks.fail_if_all_match)),
        ("fail_if_not_matches_regexp", _misses(texts, checks.fail_if_not_matches)),
        ("fail_if_none_matches_regexp", _none(texts, checks.fail_if_none_matches)),
    ):
        if has_failed:
            return f"the {section} section's records fail by {rule}"
    return None


def _any(texts: Sequence[str], rules: Sequence[str]) -> bool:
    return any(_matches(rule, text) for text in texts for rule in rules)


def _all(texts: Sequence[str], rules: Sequence[str]) -> bool:
    return bool(rules) and all(_matches(rule, text) for text in texts for rule in rules)


def _misses(texts: Sequence[str], rules: Sequence[str]) -> bool:
    return bool(rules) and not (texts and _all(texts, rules))


def _none(texts: Sequence[str], rules: Sequence[str]) -> bool:
    return bool(rules) and not _any(texts, rules)


def _matches(rule: str, text: str) -> bool:
    return patterns.compiled(rule).search(text.encode()) is not None


def _took(job: Job, phase: str, seconds: float) -> None:
    name = "probe_dns_duration_seconds"
    job.report.gauge(name, "Duration of DNS request by phase", seconds, {"phase": phase})
