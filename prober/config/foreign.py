"""The types of single values of a blackbox.yml, which are written as Go reads them.

Every parser takes text, and raises ValueError as those of `values` do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import urlsplit

from prober import patterns

DURATION_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_DURATION_PART = re.compile(rf"{_NUMBER}(ns|us|µs|μs|ms|s|m|h)")
_SIZE_PART = re.compile(rf"{_NUMBER}([KMGTPE]i?)?B")
SIZE_POWERS = " KMGTPE"
PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080}
TLS_VERSIONS = {"TLS10": "1.0", "TLS11": "1.1", "TLS12": "1.2", "TLS13": "1.3"}
LARGEST_PAYLOAD = 65_507

DNS_CLASSES = re.compile("IN|CS|CH|HS|NONE|ANY")
DNS_TYPES = re.compile(
    "A|NS|MD|MF|CNAME|SOA|MB|MG|MR|NULL|PTR|HINFO|MINFO|MX|TXT|RP|AFSDB|X25|ISDN|RT|NSAP-PTR|SIG|"
    "KEY|PX|GPOS|AAAA|LOC|NXT|EID|NIMLOC|SRV|ATMA|NAPTR|KX|CERT|DNAME|OPT|APL|DS|SSHFP|RRSIG|NSEC|"
    "DNSKEY|DHCID|NSEC3|NSEC3PARAM|TLSA|SMIMEA|HIP|NINFO|RKEY|TALINK|CDS|CDNSKEY|OPENPGPKEY|CSYNC|"
    "ZONEMD|SVCB|HTTPS|SPF|UINFO|UID|GID|UNSPEC|NID|L32|L64|LP|EUI48|EUI64|TKEY|TSIG|IXFR|AXFR|"
    "MAILB|MAILA|ANY|URI|CAA|AVC|AMTRELAY|TA|DLV"
)


def either(default: str, parse: Callable[[str], str]) -> Callable[[str], str]:
    """A parser that reads an empty text as a default."""
    return lambda text: parse(text or default)


def duration(text: str) -> float:
    """The seconds of a duration like "5s", "1.5h" or "1m30s"; 0 for one below zero."""
    unsigned = text.removeprefix("+").removeprefix("-")
    if not re.fullmatch(f"(?:{_DURATION_PART.pattern})+", unsigned):
        raise ValueError("is not a duration; write 5s, 500ms or 1m30s")
    parts = _DURATION_PART.findall(unsigned)
    ns = sum(Decimal(number) * DURATION_NS[unit] for number, unit in parts)
    return 0.0 if text.startswith("-") else float(ns / 10**9)


def size(text: str) -> int:
    """The bytes of a size like "10MB", in units of 1024; 0 for one below zero."""
    if not re.fullmatch(f"-?(?:{_SIZE_PART.pattern})+", text):
        raise ValueError("is not a size; write 512B, 64KB or 10MB")
    parts = _SIZE_PART.findall(text)
    found = sum(
        Decimal(number) * 1024 ** SIZE_POWERS.index(unit[:1] or " ") for number, unit in parts
    )
    return 0 if text.startswith("-") else int(found)


def protocol(text: str) -> str:
    """Which kind of address is preferred: all but "ip6" mean "ip4"."""
    return "ip6" if text in ("", "ip6") else "ip4"


def whole(text: str) -> int:
    """A whole number."""
    if not re.fullmatch(r"[+-]?\d{1,9}", text):
        raise ValueError("is not a whole number; write one like 200")
    return int(text)


def ttl(text: str) -> int:
    """The hops that a packet may take."""
    found = whole(text)
    if not 0 <= found <= 255:
        raise ValueError("is out of range; write a number from 0 to 255")
    return found


def payload(text: str) -> int:
    """The bytes of an echo request's payload."""
    found = whole(text)
    if found < 0:
        raise ValueError(f"is out of range; write a number from 0 to {LARGEST_PAYLOAD}")
    return found


def pattern(text: str) -> str:
    """A regular expression of RE2."""
    try:
        patterns.compiled(text)
    except patterns.BadPattern as error:
        raise ValueError(f"is not a regular expression of RE2: {error}; correct it") from None
    return text


def proxy(text: str) -> str | None:
    """The url of a proxy, as libcurl takes it; none where the text is empty."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port or PROXY_PORTS.get(parts.scheme)
        valid = bool(parts.hostname and port) and parts.path in ("", "/")
    except ValueError:
        valid = False
    if not valid or not text.isprintable() or " " in text:
        raise ValueError("is not the url of a proxy; write http://host:port")
    scheme = "socks5h" if parts.scheme == "socks5" else parts.scheme
    shown = parts.netloc if parts.port else f"{parts.netloc.removesuffix(':')}:{port}"
    return f"{scheme}://{shown}"


def tls_version(text: str) -> str:
    """A version of TLS, like "1.2" for TLS12."""
    if text not in TLS_VERSIONS:
        raise ValueError(f"is no version of TLS; write {', '.join(TLS_VERSIONS)}")
    return TLS_VERSIONS[text]


def query_type(text: str) -> str:
    """The type of a DNS question, in capitals."""
    if not DNS_TYPES.fullmatch(text):
        raise ValueError("is not a type of DNS records; write one like A, AAAA or SOA")
    return text


def query_class(text: str) -> str:
    """The class of a DNS question, in capitals."""
    if not DNS_CLASSES.fullmatch(text):
        raise ValueError("is not a class of DNS; write IN or CH")
    return text


def accepts(accept_encoding: str, compression: str) -> bool:
    """Whether a header Accept-Encoding allows for an answer in this compression."""
    found = [_weighed(choice) for choice in accept_encoding.split(",")]
    for name, weight in sorted(found, key=lambda choice: -choice[1]):
        if name in (compression, "*"):
            return weight > 0
    return False


def _weighed(choice: str) -> tuple[str, float]:
    name, _, quality = choice.partition(";")
    try:
        return name.strip(), float(quality.strip().removeprefix("q=") or 1)
    except ValueError:
        return name.strip(), 1.0
