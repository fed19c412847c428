"""Read a DNS answer, and write its records down as blackbox_exporter's patterns expect them.

The form is miekg/dns's: name, time to live, class and type with tabs between, then the data.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.LOC import LOC

from prober.blackbox import relics
from prober.blackbox.relics import Relic, named

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
        name = named(parser.get_name(decompress=True))
        kind, group, ttl, length = parser.get_struct("!HHIH")
        with parser.restrict_to(length):
            data = _data(kind, parser, length)
        if kind == RdataType.OPT:
            yield Record(_options(group, ttl)), ttl >> 24 << 4
        else:
            text = f"{_head(name, ttl, group, kind, data)}{_shown(data)}"
            yield Record(text, getattr(data, "serial", None)), 0


def _data(kind: int, parser: dns.wire.Parser, length: int) -> dns.rdata.Rdata | Relic | None:
    of_kind = RdataType.make(kind)
    if kind in relics.TYPES:
        return relics.read(kind, parser, length)
    if kind in UNKNOWN or dns.rdatatype.to_text(of_kind).startswith("TYPE"):
        raw = parser.get_bytes(length)
        return dns.rdata.GenericRdata(dns.rdataclass.RdataClass.IN, of_kind, raw)
    # Of the class IN, since miekg/dns reads the data of others in the same way.
    return dns.rdata.from_wire_parser("IN", of_kind, parser) if length else None


def _head(name: str, ttl: int, group: int, kind: int, data: dns.rdata.Rdata | Relic | None) -> str:
    if isinstance(data, dns.rdata.GenericRdata):
        return f"{name}\t{ttl}\tCLASS{group}\tTYPE{kind}\t"
    of_kind = data.name if isinstance(data, Relic) else dns.rdatatype.to_text(RdataType.make(kind))
    of_class = dns.rdataclass.to_text(dns.rdataclass.RdataClass.make(group))
    return f"{name}\t{ttl}\t{of_class}\t{of_kind}\t"


def _options(size: int, ttl: int) -> str:
    flags = "do" if ttl & 0x8000 else ""
    version = ttl >> 16 & 0xFF
    return f"\n;; OPT PSEUDOSECTION:\n; EDNS: version {version}; flags: {flags}; udp: {size}"


def _shown(data: dns.rdata.Rdata | Relic | None) -> str:
    if data is None:
        return ""
    if isinstance(data, Relic):
        return data.text
    if isinstance(data, LOC):
        return _place(data)
    if isinstance(data, dns.rdata.GenericRdata):
        return f"\\# {len(data.data)} {data.data.hex()}"
    return WRITTEN.get(data.rdtype, str)(data.to_styled_text(STYLE))


def _address(text: str) -> str:
    address = ipaddress.IPv6Address(text)
    return str(address.ipv4_mapped or address)


def _flagged(text: str) -> str:
    return re.sub(r" no-default-alpn(?= |$)", r'\g<0>=""', text)


def _place(data: LOC) -> str:
    latitude = f"{_angle(data.latitude)} {'N' if data.latitude[4] > 0 else 'S'}"
    longitude = f"{_angle(data.longitude)} {'E' if data.longitude[4] > 0 else 'W'}"
    height = data.altitude / 100
    sizes = map(_metres, (data.size, data.horizontal_precision, data.vertical_precision))
    return " ".join((latitude, longitude, f"{height:.{2 * (height % 1 > 0)}f}m", *sizes))


def _angle(parts: tuple[int, int, int, int, int]) -> str:
    degrees, minutes, seconds, thousandths, _ = parts
    return f"{degrees:02} {minutes:02} {seconds}.{thousandths:03}"


def _metres(centimetres: float) -> str:
    if centimetres < 100:
        return f"0.{centimetres:02.0f}m"
    return f"{centimetres // 100:.0f}m"


UNKNOWN = frozenset({RdataType.AMTRELAY, RdataType.IPSECKEY, RdataType.ISDN, RdataType.NSAP})
"""The types that miekg/dns knows nothing of."""

WRITTEN: dict[int, Callable[[str], str]] = {
    RdataType.AAAA: _address,
    RdataType.DLV: str.upper,
    RdataType.HTTPS: _flagged,
    RdataType.L64: str.upper,
    RdataType.SVCB: _flagged,
    RdataType.X25: lambda text: text.strip('"'),
    RdataType.CDS: str.upper,
    RdataType.DS: str.upper,
    RdataType.NSEC3: str.upper,
    RdataType.NSEC3PARAM: str.upper,
    RdataType.SSHFP: str.upper,
}
"""The types whose data miekg/dns writes in another way than dnspython, and in which."""
