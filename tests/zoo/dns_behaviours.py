"""What can stand behind a name server's address: records of many kinds, refusals, and nonsense."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from servers import LOOPBACK, Handler, serving
from zoo.behaviours import Behaviour, Ground, Serve
from zoo.speaking import SOON, refused, target

Answering = Callable[[bytes], Sequence[bytes]]
"""What to send, packet by packet, for a question."""

NAME = "example.com"
A = "example.com. 3600 IN A 127.0.0.1"
SECOND = "example.com. 3600 IN A 127.0.0.2"
SOA = "example.com. 3600 IN SOA ns.example.com. noc.example.com. 2022120201 7200 3600 1209600 300"
NS = ("example.com. 7200 IN NS ns1.isp.net.", "example.com. 7200 IN NS ns2.isp.net.")
GLUE = ("ns1.isp.net. 7200 IN A 127.0.0.1", "ns2.isp.net. 7200 IN AAAA ::1")


def says(
    *answer: str,
    authority: Sequence[str] = (),
    additional: Sequence[str] = (),
    rcode: str = "NOERROR",
    flags: int = 0,
) -> Answering:
    """Answer each question with these records."""

    def answering(question: bytes) -> list[bytes]:
        reply = dns.message.make_response(dns.message.from_wire(question))
        reply.flags |= flags
        reply.set_rcode(dns.rcode.from_text(rcode))
        for section, texts in zip(reply.sections[1:], (answer, authority, additional), strict=True):
            section += map(_record, texts)
        return [reply.to_wire(max_size=65_535)]

    return answering


def _record(text: str) -> dns.rrset.RRset:
    name, ttl, group, kind, data = text.split(" ", 4)
    return dns.rrset.from_text(name, int(ttl), group, kind, data)


def recurses(question: bytes) -> list[bytes]:
    """Answer those who want recursion, and refuse all others."""
    wants = dns.message.from_wire(question).flags & dns.flags.RD
    return list((says(A) if wants else says(rcode="REFUSED"))(question))


def asked_for(kind: str, group: str = "IN") -> Answering:
    """Answer only who asks exactly for this kind of record."""

    def answering(question: bytes) -> list[bytes]:
        is_it = str(dns.message.from_wire(question).question[0]) == f"{NAME}. {group} {kind}"
        return list((says(A) if is_it else says(rcode="NXDOMAIN"))(question))

    return answering


def raw(make: Callable[[bytes, bytes], Sequence[bytes]]) -> Answering:
    """Make packets of the question and of a good answer to it."""
    return lambda question: make(question, says(A)(question)[0])


def numbered(add: int, packet: bytes) -> bytes:
    """A packet for another question."""
    number = (int.from_bytes(packet[:2]) + add) % 65_536
    return number.to_bytes(2) + packet[2:]


def counted(packet: bytes, *counts: int) -> bytes:
    """A packet whose header counts its sections otherwise."""
    return packet[:4] + struct.pack("!4H", *counts) + packet[12:]


def by_udp(answering: Answering, host: str = LOOPBACK) -> Serve:
    """Serve it by UDP."""

    @contextmanager
    def serve(_: Ground) -> Iterator[str]:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.bind((host.strip("[]"), 0))
            port = sock.getsockname()[1]
            thread = threading.Thread(target=_serve_udp, args=(sock, answering))
            thread.start()
            yield f"{host}:{port}"
            with closing(socket.socket(family, socket.SOCK_DGRAM)) as bell:
                bell.sendto(b"", (host.strip("[]"), port))
            thread.join()

    return serve


def _serve_udp(sock: socket.socket, answering: Answering) -> None:
    while True:
        question, peer = sock.recvfrom(4096)
        if not question:
            return
        with suppress(dns.exception.DNSException):  # no question deserves no answer
            for packet in answering(question):
                sock.sendto(packet, peer)


def by_tcp(answering: Answering, name: str = "", host: str = LOOPBACK) -> Serve:
    """Serve it by TCP; with TLS and a certificate for this name, where there is one."""

    @contextmanager
    def serve(ground: Ground) -> Iterator[str]:
        tls = ground.issued(name, names=f"DNS:{name}").context() if name else None
        with serving(_handler(answering), tls) as server:
            yield f"{host}:{server.port}"

    return serve


def _handler(answering: Answering) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        for packet in answering(await reader.readexactly(length)):
            writer.write(struct.pack("!H", len(packet)) + packet)
            await writer.drain()
        await reader.read()

    return handler


def streams(make: Callable[[bytes], Sequence[bytes]]) -> Serve:
    """Serve bytes by TCP as they are, with pauses between, and close."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        for piece in make(says(A)(await reader.readexactly(length))[0]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)

    @contextmanager
    def serve(_: Ground) -> Iterator[str]:
        with serving(handler) as server:
            yield f"{LOOPBACK}:{server.port}"

    return serve


def ask(timeout: str = "4s", **options: Any) -> dict[str, Any]:
    """A module that asks for A records."""
    asked = {"query_name": NAME, "query_type": "A", "preferred_ip_protocol": "ip4"}
    return {"prober": "dns", "timeout": timeout, "dns": asked | options}


def tcp(**options: Any) -> dict[str, Any]:
    """A module that asks by TCP."""
    return ask(transport_protocol="tcp", **options)


def tls(**config: Any) -> dict[str, Any]:
    """A module that asks by TLS, and trusts the authority; `config` is its tls_config."""
    trust = {"ca_file": "{authority}"}
    return tcp(dns_over_tls=True, tls_config=trust | config)


def checked(rule: str, *patterns: str, section: str = "answer") -> dict[str, Any]:
    """A module that checks the records of a section."""
    checks: dict[str, Any] = {f"validate_{section}_rrs": {rule: list(patterns)}}
    return ask(**checks)


def kind_of(record: str, pattern: str) -> tuple[Serve, dict[str, Any]]:
    """A record, and a pattern that its whole text must match."""
    rule = {"fail_if_not_matches_regexp": [pattern]}
    return by_udp(says(record)), ask(query_type="ANY", validate_answer_rrs=rule)


MATCHES, ALL = "fail_if_matches_regexp", "fail_if_all_match_regexp"
NOT, NONE = "fail_if_not_matches_regexp", "fail_if_none_matches_regexp"
BOTH = by_udp(says(A, SECOND))
NOTHING = by_udp(says())
FULL = by_udp(says(A, authority=NS, additional=GLUE))

ANSWERING = {
    "one-record": (by_udp(says(A)), ask()),
    "two-records": (BOTH, ask()),
    "no-record": (NOTHING, ask()),
    "all-sections": (FULL, ask()),
    "same-record-twice": (by_udp(says(A, A)), ask()),
    "nxdomain": (by_udp(says(rcode="NXDOMAIN", authority=[SOA])), ask()),
    "servfail": (by_udp(says(rcode="SERVFAIL")), ask()),
    "refused-by-rcode": (by_udp(says(rcode="REFUSED")), ask()),
    "nxdomain-wanted": (by_udp(says(rcode="NXDOMAIN")), ask(valid_rcodes=["NXDOMAIN"])),
    "nxdomain-allowed": (by_udp(says(A)), ask(valid_rcodes=["NXDOMAIN", "NOERROR"])),
    "nxdomain-missed": (by_udp(says(A)), ask(valid_rcodes=["NXDOMAIN"])),
    "notimpl-wanted": (by_udp(says(rcode="NOTIMP")), ask(valid_rcodes=["NOTIMPL"])),
    "csnet-class": (by_udp(says(A)), ask(query_class="CS")),
    "extended-rcode": (
        by_udp(says(A, rcode="BADVERS")),
        ask(valid_rcodes=["BADSIG"]),
    ),
    "recursion": (by_udp(recurses), ask()),
    "no-recursion": (by_udp(recurses), ask(recursion_desired=False)),
    "any-by-default": (
        by_udp(asked_for("ANY")),
        {"prober": "dns", "timeout": "4s", "dns": {"query_name": NAME}},
    ),
    "chaos-class": (
        by_udp(says('version.bind. 0 CH TXT "9.18.1"')),
        ask(query_name="version.bind", query_type="TXT", query_class="CH"),
    ),
    "class-is-asked-for": (by_udp(asked_for("A", "CH")), ask(query_class="CH")),
    "soa": (by_udp(says(SOA)), ask(query_type="SOA")),
    "soa-without-answer": (NOTHING, ask(query_type="SOA")),
    "soa-only-in-authority": (by_udp(says(authority=[SOA])), ask(query_type="SOA")),
    "soa-not-asked-for": (by_udp(says(SOA)), ask()),
    "two-soas": (by_udp(says(SOA, SOA.replace("2022120201", "7"))), ask(query_type="SOA")),
    "truncated": (by_udp(says(A, flags=dns.flags.TC)), ask()),
    "authoritative": (by_udp(says(A, flags=dns.flags.AA)), ask()),
    "large": (by_udp(says(*(A for _ in range(60)))), ask()),
    "just-small-enough": (by_udp(says(*(A for _ in range(30)))), ask()),
    "ipv6": (by_udp(says(A), "[::1]"), ask()),
    "by-name": (by_udp(says(A)), ask(source_ip_address="127.0.0.1")),
    "name-with-a-dot": (by_udp(asked_for("A")), ask(query_name="example.com.")),
    "upper-case-name": (by_udp(says(A)), ask(query_name="EXAMPLE.com")),
    "root": (by_udp(says(". 60 IN NS a.root-servers.net.")), ask(query_name=".", query_type="NS")),
    "label-too-long": (by_udp(says(A)), ask(query_name=f"{'x' * 64}.com")),
    "empty-label": (by_udp(says(A)), ask(query_name="a..com")),
    "name-too-long": (by_udp(says(A)), ask(query_name=".".join(["x" * 60] * 5))),
    "name-with-a-space": (by_udp(says(A)), ask(query_name="a b.com")),
    "name-not-ascii": (
        by_udp(lambda question: says(A)(question) if "ü".encode() in question else []),
        ask(SOON, query_name="bücher.example"),
    ),
    "unknown-transport": (by_udp(says(A)), ask(transport_protocol="sctp")),
    "unknown-rcode": (by_udp(says(A)), ask(valid_rcodes=["NOERROR", "BOGUS"])),
    "source-is-no-address": (by_udp(says(A)), ask(source_ip_address="localhost")),
    "broken-pattern": (FULL, checked(NONE, "A", "(")),
    "broken-pattern-for-nothing": (by_udp(says(A)), checked(MATCHES, "(", section="authority")),
}  # fmt: skip

BREAKING = {
    "silent": (by_udp(lambda _: []), ask(SOON)),
    "refused": (refused, ask()),
    "garbage": (by_udp(lambda _: [b"\xff" * 40]), ask()),
    "text": (by_udp(lambda _: [b"220 mail.example ESMTP\r\n"]), ask()),
    "too-short": (by_udp(lambda _: [b"hello"]), ask()),
    "wrong-number": (by_udp(raw(lambda _, good: [numbered(1, good)])), ask(SOON)),
    "wrong-number-first": (by_udp(raw(lambda _, good: [numbered(1, good), good])), ask()),
    "garbage-first": (by_udp(raw(lambda _, good: [b"garbage", good])), ask()),
    "twice": (by_udp(raw(lambda _, good: [good, good])), ask()),
    "echo": (by_udp(lambda question: [question]), ask()),
    "header-only": (by_udp(raw(lambda _, good: [good[:12]])), ask()),
    "question-cut": (by_udp(raw(lambda _, good: [good[:20]])), ask()),
    "record-cut": (by_udp(raw(lambda _, good: [good[:-2]])), ask()),
    "more-promised-than-sent": (by_udp(raw(lambda _, good: [counted(good, 1, 3, 0, 0)])), ask()),
    "less-promised-than-sent": (by_udp(raw(lambda _, good: [counted(good, 1, 0, 0, 0)])), ask()),
    "trailing-bytes": (by_udp(raw(lambda _, good: [good + b"more"])), ask()),
    "pointer-to-itself": (by_udp(raw(lambda _, good: [good[:12] + b"\xc0\x0c\0\1\0\1"])), ask()),
    "record-of-the-wrong-size": (
        by_udp(raw(lambda _, good: [good[:-6] + b"\0\3\x7f\0\0"])),
        ask(),
    ),
    "empty-record": (by_udp(raw(lambda _, good: [good[:-6] + b"\0\0"])), ask()),
    "tcp": (by_tcp(says(A)), tcp()),
    "tcp-large": (by_tcp(says(*(A for _ in range(300)))), tcp()),
    "tcp-silent": (by_tcp(lambda _: []), tcp(timeout=SOON)),
    "tcp-refused": (refused, tcp()),
    "tcp-wrong-number": (by_tcp(raw(lambda _, good: [numbered(1, good)])), tcp()),
    "tcp-in-pieces": (
        streams(lambda good: [b"\0", bytes([len(good)]), good[:5], good[5:]]),
        tcp(),
    ),
    "tcp-closes": (streams(lambda good: []), tcp()),
    "tcp-closes-early": (streams(lambda good: [bytes([0, len(good)]), good[:9]]), tcp()),
    "tcp-garbage": (streams(lambda good: [b"\0\x14" + b"\xff" * 20]), tcp()),
    "tcp-nothing": (streams(lambda good: [b"\0\0"]), tcp()),
    "tcp-more-than-one": (by_tcp(raw(lambda _, good: [good, good])), tcp()),
    "udp-to-tcp-server": (by_tcp(says(A)), ask()),
    "tls": (by_tcp(says(A), "localhost", "localhost"), tls()),
    "tls-wrong-name": (by_tcp(says(A), "dns.example", "localhost"), tls()),
    "tls-server-name": (by_tcp(says(A), "dns.example"), tls(server_name="dns.example")),
    "tls-insecure": (
        by_tcp(says(A), "dns.example"),
        tls(insecure_skip_verify=True),
    ),
    "tls-to-plain": (by_tcp(says(A), host="localhost"), tls()),
    "tls-by-udp": (by_udp(says(A)), ask(dns_over_tls=True)),
    "host-only": (target("127.0.0.1"), ask(SOON)),
    "host-only-tls": (target("localhost"), tls()),
    "empty-port": (target("127.0.0.1:"), ask(SOON)),
    "port-name": (target("127.0.0.1:nosuchservice"), ask()),
    "port-too-large": (target("127.0.0.1:65536"), ask()),
    "bare-ipv6": (target("::1"), ask(SOON)),
    "bracketed-ipv6": (target("[::1]"), ask(SOON)),
    "empty-host": (target(":53"), ask()),
    "source-of-somebody-else": (by_udp(says(A)), ask(source_ip_address="192.0.2.1")),
    "no-fallback": (
        by_udp(says(A)),
        ask(preferred_ip_protocol="ip6", ip_protocol_fallback=False),
    ),
}  # fmt: skip

CHECKING = {
    "matches": (BOTH, checked(MATCHES, r"127\.0\.0\.2")),
    "matches-none": (BOTH, checked(MATCHES, r"127\.0\.0\.3")),
    "matches-second-pattern": (BOTH, checked(MATCHES, "x", "127")),
    "matches-without-records": (NOTHING, checked(MATCHES, ".*")),
    "all-match": (BOTH, checked(ALL, "127")),
    "all-match-but-one": (BOTH, checked(ALL, r"127\.0\.0\.2")),
    "all-match-without-records": (NOTHING, checked(ALL, "127")),
    "not-matches": (BOTH, checked(NOT, r"127\.0\.0\.2")),
    "not-matches-though-all-do": (BOTH, checked(NOT, "127")),
    "not-matches-second-pattern": (BOTH, checked(NOT, "127", "x")),
    "not-matches-without-records": (NOTHING, checked(NOT, "127")),
    "none-matches": (BOTH, checked(NONE, r"127\.0\.0\.3")),
    "none-matches-though-one-does": (BOTH, checked(NONE, r"127\.0\.0\.2")),
    "none-matches-second-pattern": (BOTH, checked(NONE, "x", r"127\.0\.0\.2")),
    "none-matches-without-records": (NOTHING, checked(NONE, "127")),
    "authority-well": (FULL, checked(NOT, r"isp\.net\.$", section="authority")),
    "authority-ill": (FULL, checked(MATCHES, "ns2", section="authority")),
    "authority-missing": (BOTH, checked(NOT, "ns", section="authority")),
    "additional-well": (FULL, checked(NONE, "::1$", section="additional")),
    "additional-ill": (FULL, checked(NONE, "::2$", section="additional")),
    "rcode-and-records-ill": (
        by_udp(says(A, rcode="SERVFAIL")),
        checked(NOT, "128"),
    ),
}

TEXTS = {
    "text-a": kind_of(A, r"^example\.com\.\t3600\tIN\tA\t127\.0\.0\.1$"),
    "text-aaaa": kind_of("a.b. 0 IN AAAA 2001:db8:0:0::1", r"^a\.b\.\t0\tIN\tAAAA\t2001:db8::1$"),
    "text-aaaa-mapped": kind_of("a.b. 0 IN AAAA ::ffff:1.2.3.4", r"\tAAAA\t1\.2\.3\.4$"),
    "text-cname": kind_of("A.b. 9 IN CNAME O.Example.", r"^A\.b\.\t9\tIN\tCNAME\tO\.Example\.$"),
    "text-mx": kind_of("a.b. 9 IN MX 10 mail.a.b.", r"\tMX\t10 mail\.a\.b\.$"),
    "text-ns": kind_of(NS[0], r"\tNS\tns1\.isp\.net\.$"),
    "text-ptr": kind_of("1.0.0.127.in-addr.arpa. 5 IN PTR a.b.", r"\tPTR\ta\.b\.$"),
    "text-soa": kind_of(SOA, r"\tSOA\tns\.example\.com\. noc\.example\.com\. 2022120201 7200 3600"),
    "text-srv": kind_of("_s.a.b. 60 IN SRV 1 2 443 h.a.b.", r"^_s\..*\tSRV\t1 2 443 h\.a\.b\.$"),
    "text-txt": kind_of('a.b. 9 IN TXT "v=spf1 -all"', r'\tTXT\t"v=spf1 -all"$'),
    "text-txt-in-parts": kind_of(
        r'a.b. 9 IN TXT "a\"b\\c\200;d" "" "e"', r'\tTXT\t"a\\"b\\\\c\\200;d" "" "e"$'
    ),
    "text-txt-empty": kind_of('a.b. 9 IN TXT ""', r'\tTXT\t""$'),
    "text-caa": kind_of('a.b. 9 IN CAA 0 issue "ca.example"', r'\tCAA\t0 issue "ca\.example"$'),
    "text-chaos": kind_of('a.b. 9 CH TXT "9.18"', r'\t9\tCH\tTXT\t"9\.18"$'),
    "text-ds": kind_of(f"a.b. 9 IN DS 60485 5 1 {'2bb183af' * 5}", r"\t60485 5 1 (2BB183AF){5}$"),
    "text-dnskey": kind_of(f"a.b. 9 IN DNSKEY 256 3 5 {'AQPS' * 30}", r"\t256 3 5 (AQPS){30}$"),
    "text-sshfp": kind_of(f"a.b. 9 IN SSHFP 2 1 {'abcd' * 10}", r"\tSSHFP\t2 1 (ABCD){10}$"),
    "text-tlsa": kind_of(f"a.b. 9 IN TLSA 3 1 1 {'abcd' * 16}", r"\tTLSA\t3 1 1 (abcd){16}$"),
    "text-naptr": kind_of(
        'a.b. 9 IN NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:x@a.b!" .', r'"u" "sip\+E2U" "!\^'
    ),
    "text-https": kind_of('a.b. 9 IN HTTPS 1 . alpn="h2,h3"', r'\t1 \. alpn="h2,h3"$'),
    "text-unknown-type": kind_of(
        r"a.b. 9 IN TYPE65280 \# 4 0A0B0C0D", r"CLASS1\tTYPE65280\t\\# 4 0a0b0c0d$"
    ),
    "text-odd-name": kind_of(r"a\032b\$c\@d.e. 9 IN A 1.2.3.4", r"^a\\ b\$c\\@d\.e\.\t"),
    "text-large-ttl": kind_of("a.b. 2147483647 IN A 1.2.3.4", r"\t2147483647\t"),
}  # fmt: skip

BEHAVIOURS = [
    Behaviour(f"dns-{name}", serve, module)
    for table in (ANSWERING, BREAKING, CHECKING, TEXTS)
    for name, (serve, module) in table.items()
]
