"""Read the data of DNS types that dnspython has no form for, and write it as miekg/dns does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import dns.name
import dns.wire


class Relic(NamedTuple):
    """The data of such a type, under its name."""

    name: str
    text: str


def read(kind: int, parser: dns.wire.Parser, length: int) -> Relic:
    """The data of one of `TYPES`, so many bytes. Raises as dnspython does."""
    name, written = TYPES[kind]
    return Relic(name, written(parser, length) if length else "")


def named(name: dns.name.Name) -> str:
    """A name as miekg/dns writes it."""
    return _ESCAPED.sub(lambda found: UNLIKE[found[0]], name.to_text())


def _names(count: int) -> Callable[[dns.wire.Parser, int], str]:
    return lambda parser, _: " ".join(named(parser.get_name()) for _ in range(count))


def _digits(parser: dns.wire.Parser, length: int) -> str:
    return parser.get_bytes(length).hex().upper()


def _number(parser: dns.wire.Parser, _: int) -> str:
    return str(parser.get_uint32())


def _key_digest(parser: dns.wire.Parser, length: int) -> str:
    tag, algorithm, kind = parser.get_struct("!HBB")
    return f"{tag} {algorithm} {kind} {_digits(parser, length - 4)}"


_ESCAPED = re.compile(r"\\(?:\\|032|\$)")
UNLIKE = {r"\\": r"\\", r"\032": r"\ ", r"\$": "$"}
"""What dnspython escapes in a name, and how miekg/dns writes it."""

TYPES: dict[int, tuple[str, Callable[[dns.wire.Parser, int], str]]] = {
    3: ("MD", _names(1)),
    4: ("MF", _names(1)),
    7: ("MB", _names(1)),
    8: ("MG", _names(1)),
    9: ("MR", _names(1)),
    14: ("MINFO", _names(2)),
    31: ("EID", _digits),
    32: ("NIMLOC", _digits),
    58: ("TALINK", _names(2)),
    101: ("UID", _number),
    102: ("GID", _number),
    32768: ("TA", _key_digest),
}
"""By number: the name, and how the data is read and written."""
