"""Read a DNS answer, and write its records down as blackbox_exporter's patterns expect them.

The form is miekg/dns's: name, time to live, class and type with tabs between, then the data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire
from dns.rdatatype import RdataType

HEADER = "!6H"
RCODE_BITS = 0xF
STYLE = dns.rdata.RdataStyle(base64_chunk_size=0, hex_chunk_size=0)


class BadAnswer(ValueError):
    """Bytes are no DNS message; the message says why."""


class Record(NamedTuple):
    """One record: its whole text, and the serial number of a zone where it holds one."""

    text: str
    serial: int | None = None


class Reply(NamedTuple):
    """What a name server answered."""

    number: int
    rcode: int
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


def read(wire: bytes) -> Reply:
    """The answer that bytes stand for. Raises `BadAnswer`.

    Counts in the header that promise more than there is are forgiven, as miekg/dns does.
    """
    try:
        return _read(dns.wire.Parser(wire))
    except (dns.exception.DNSException, ValueError) as error:
        raise BadAnswer(f"no DNS message: {error or type(error).__name__}") from error


def _read(parser: dns.wire.Parser) -> Reply:
    number, flags, questions, *counts = parser.get_struct(HEADER)
    rcode = flags & RCODE_BITS
    if not parser.remaining():
        return Reply(number, rcode)
    for _ in range(questions):
        parser.get_name(decompress=True)
        parser.get_struct("!HH")
    sections: list[tuple[Record, ...]] = []
    for count in counts:
        found = tuple(_records(parser, count))
        sections.append(tuple(record for record, _ in found))
        rcode |= sum(more for _, more in found)
    return Reply(number, rcode, *sections)


def _records(parser: dns.wire.Parser, count: int) -> Iterator[tuple[Record, int]]:
    """Each record, with what it adds to the answer's code."""
    for _ in range(count):
        if not parser.remaining():
            return
        name = _named(parser.get_name(decompress=True))
        kind, group, ttl, length = parser.get_struct("!HHIH")
        with parser.restrict_to(length):
            # Of the class IN, since miekg/dns reads the data of others in the same way.
            data = dns.rdata.from_wire_parser("IN", kind, parser) if length else None
        if kind == RdataType.OPT:
            yield Record(_options(group, ttl)), ttl >> 24 << 4
        else:
            text = f"{_head(name, ttl, group, kind, data)}{_shown(data)}"
            yield Record(text, getattr(data, "serial", None)), 0


def _head(name: str, ttl: int, group: int, kind: int, data: dns.rdata.Rdata | None) -> str:
    if isinstance(data, dns.rdata.GenericRdata):
        return f"{name}\t{ttl}\tCLASS{group}\tTYPE{kind}\t"
    of_class = dns.rdataclass.to_text(dns.rdataclass.RdataClass.make(group))
    return f"{name}\t{ttl}\t{of_class}\t{dns.rdatatype.to_text(RdataType.make(kind))}\t"


def _named(name: dns.name.Name) -> str:
    return _ESCAPED.sub(lambda found: UNLIKE[found[0]], name.to_text())


def _options(size: int, ttl: int) -> str:
    flags = "flags: do" if ttl & 0x8000 else "flags:"
    return f"\n;; OPT PSEUDOSECTION:\n; EDNS: version {ttl >> 16 & 0xFF}; {flags}; udp: {size}"


def _shown(data: dns.rdata.Rdata | None) -> str:
    if data is None:
        return ""
    return WRITTEN.get(data.rdtype, str)(data.to_styled_text(STYLE))


def _unmapped(address: str) -> str:
    return address.removeprefix("::ffff:") if "." in address else address


_ESCAPED = re.compile(r"\\(?:\\|032|\$)")
UNLIKE = {r"\\": r"\\", r"\032": r"\ ", r"\$": "$"}
"""What dnspython escapes in a name, and how miekg/dns writes it."""

WRITTEN: dict[int, Callable[[str], str]] = {
    RdataType.AAAA: _unmapped,
    RdataType.CDS: str.upper,
    RdataType.DS: str.upper,
    RdataType.NSEC3: str.upper,
    RdataType.NSEC3PARAM: str.upper,
    RdataType.SSHFP: str.upper,
}
"""The types whose data miekg/dns writes in another way than dnspython, and in which."""
